import { DescribeClientQuotas } from '../../protocol/messages/describe-client-quotas.ts'
import { TestNode } from './test-node.ts'

type Filter = readonly [entityType: string, matchType: number, match?: string | null]

const EXACT = 0
const DEFAULT = 1
const SPECIFIED = 2

function nodeWithQuotas(): TestNode {
  const node = new TestNode()
  node.setQuota({ user: 'a' }, 'producer_byte_rate', 1000)
  node.setQuota({ user: 'a' }, 'request_percentage', 12.5)
  node.setQuota({ user: 'a', 'client-id': 'c' }, 'consumer_byte_rate', 1)
  node.setQuota({ user: null }, 'producer_byte_rate', 2)
  node.setQuota({ 'client-id': null }, 'producer_byte_rate', 3)
  node.setQuota({ ip: '10.0.0.1' }, 'connection_creation_rate', 4)
  return node
}

function ask(filters: readonly Filter[], strict = false, version = 1) {
  const components = filters.map(([entityType, matchType, match = null]) => ({
    entityType,
    matchType,
    match,
  }))
  return nodeWithQuotas().ask(DescribeClientQuotas, version, { components, strict })
}

/** The entities that are meant: `user=a client-id=c`. */
async function meant(filters: readonly Filter[], strict = false): Promise<string[]> {
  const { entries } = await ask(filters, strict)
  const names = entries!.map(({ entity }) =>
    entity.map(({ entityType, entityName }) => `${entityType}=${entityName}`).join(' '),
  )
  return names.sort()
}

test.each([0, 1])('DescribeClientQuotas v%d tells all quotas of each entity', async (version) => {
  expect(await ask([['user', EXACT, 'a']], true, version)).toEqual({
    throttleTimeMs: 0,
    errorCode: 'NONE',
    errorMessage: null,
    entries: [
      {
        entity: [{ entityType: 'user', entityName: 'a' }],
        values: [
          { key: 'producer_byte_rate', value: 1000 },
          { key: 'request_percentage', value: 12.5 },
        ],
      },
    ],
  })
})

test('DescribeClientQuotas tells of the entities that all of a filter means', async () => {
  expect(await meant([])).toHaveLength(5)
  expect(await meant([], true)).toEqual([])
  expect(await meant([['user', EXACT, 'a']])).toEqual(['user=a', 'user=a client-id=c'])
  expect(await meant([['user', DEFAULT]])).toEqual(['user=null'])
  expect(await meant([['user', SPECIFIED]], true)).toEqual(['user=a', 'user=null'])
  expect(await meant([['client-id', SPECIFIED]])).toEqual(['client-id=null', 'user=a client-id=c'])
  const both: Filter[] = [
    ['client-id', EXACT, 'c'],
    ['user', SPECIFIED],
  ]
  expect(await meant(both, true)).toEqual(['user=a client-id=c'])
  expect(await meant([['ip', EXACT, '10.0.0.1']])).toEqual(['ip=10.0.0.1'])
  expect(await meant([['user', EXACT, 'nobody']])).toEqual([])
})

test.each<[Filter[], string, string]>([
  [[['', EXACT, 'a']], 'INVALID_REQUEST', 'Invalid empty entity type.'],
  [
    [
      ['user', EXACT, 'a'],
      ['user', DEFAULT],
    ],
    'INVALID_REQUEST',
    'Entity type user cannot appear more than once in the filter.',
  ],
  [[['team', EXACT, 'a']], 'UNSUPPORTED_VERSION', 'Unsupported entity type team'],
  [
    [['user', EXACT]],
    'INVALID_REQUEST',
    'Request specified MATCH_TYPE_EXACT, but set match string to null.',
  ],
  [
    [['user', DEFAULT, 'a']],
    'INVALID_REQUEST',
    'Request specified MATCH_TYPE_DEFAULT, but also specified a match string.',
  ],
  [
    [['user', SPECIFIED, 'a']],
    'INVALID_REQUEST',
    'Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.',
  ],
  [[['user', 7]], 'INVALID_REQUEST', 'Unknown match type 7'],
  [
    [
      ['ip', SPECIFIED],
      ['user', SPECIFIED],
    ],
    'INVALID_REQUEST',
    'Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.',
  ],
])('DescribeClientQuotas refuses the filter %j', async (filters, errorCode, errorMessage) => {
  expect(await ask(filters)).toMatchObject({ errorCode, errorMessage, entries: null })
})
