import { alterClientQuotas } from '../../../src/metadata/controller/quota-commands.ts'
import type { ControllerView } from '../../../src/metadata/controller/view.ts'
import { EMPTY_IMAGE, type MetadataImage } from '../../../src/metadata/image.ts'
import { ImageBuilder } from '../../../src/metadata/image-builder.ts'
import { deltaOf } from '../../../src/metadata/image-difference.ts'
import { quotaAt, quotasOf } from '../../../src/metadata/quotas.ts'

type Entity = Readonly<Record<string, string | null>>
type Ops = Readonly<Record<string, number | null>>

const RATE = 'producer_byte_rate'

const NOT_FINITE = ['request_percentage', RATE].flatMap((key) =>
  [NaN, Infinity, -Infinity].map((value): [Entity, Ops, string] => [
    { user: 'a' },
    { [key]: value },
    `Quota ${key} must be a finite number`,
  ]),
)

const named = (entity: Entity) =>
  Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName }))

/** @param ops null removes */
const entry = (entity: Entity, ops: Ops) => ({
  entity: named(entity),
  ops: Object.entries(ops).map(([key, value]) => ({
    key,
    value: value ?? 0,
    remove: value === null,
  })),
})

function altered(
  image: MetadataImage,
  entries: Parameters<typeof alterClientQuotas>[1]['entries'],
  validateOnly = false,
) {
  const { facts, reply } = alterClientQuotas({ image } as ControllerView, { entries, validateOnly })
  const builder = new ImageBuilder(image)
  for (const fact of facts) builder.apply(fact as Parameters<typeof builder.apply>[0])
  const { image: after, touched } = builder.build(1, 1)
  return {
    image: after,
    facts,
    reply,
    delta: deltaOf(image, after, touched),
    told: reply.map(({ errorMessage }) => errorMessage),
    quotas: [...quotasOf(after)].map(({ key, value }) => `${key}=${value}`).sort(),
  }
}

describe('AlterClientQuotas', () => {
  test('sets, changes and removes quotas of an entity, in whatever order it is named', () => {
    const first = altered(EMPTY_IMAGE, [
      entry({ user: 'a', 'client-id': 'c' }, { [RATE]: 1000, request_percentage: 0.5 }),
      entry({ user: null }, { [RATE]: 2000 }),
    ])
    expect(first.told).toEqual([null, null])
    expect(first.quotas).toEqual([`${RATE}=1000`, `${RATE}=2000`, 'request_percentage=0.5'])
    const second = altered(first.image, [
      entry({ 'client-id': 'c', user: 'a' }, { [RATE]: 3000, request_percentage: null }),
    ])
    expect(second.quotas).toEqual([`${RATE}=2000`, `${RATE}=3000`])
    expect(second.delta.changedQuotas).toHaveLength(2)
    const gone = second.delta.changedQuotas.filter((key) => !quotaAt(second.image, key))
    expect(gone.map((key) => quotaAt(first.image, key)?.key)).toEqual(['request_percentage'])
  })

  test('makes no record of what is so already, nor when it only validates', () => {
    const set = [entry({ user: 'a' }, { [RATE]: 1000 })]
    const { image, facts } = altered(EMPTY_IMAGE, set)
    expect(facts).toHaveLength(1)
    expect(altered(image, set).facts).toEqual([])
    expect(altered(image, [entry({ user: 'a' }, { consumer_byte_rate: null })])).toMatchObject({
      facts: [],
      told: [null],
    })
    const other = [entry({ user: 'a' }, { [RATE]: 1 })]
    expect(altered(image, other, true)).toMatchObject({ facts: [], told: [null] })
  })

  test.each<[Entity, Ops, string]>([
    [{}, { [RATE]: 1 }, 'Invalid empty client quota entity'],
    [{ team: 'a' }, { [RATE]: 1 }, 'Unhandled client quota entity type: team'],
    [{ user: '' }, { [RATE]: 1 }, 'Empty user not supported'],
    [
      { ip: '10.0.0.1', user: 'a' },
      { connection_creation_rate: 1 },
      'Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId',
    ],
    [
      { ip: 'my.host' },
      { connection_creation_rate: 1 },
      'my.host is not a valid IP or resolvable host.',
    ],
    [{ user: 'a' }, { colour: 1 }, 'Invalid configuration key colour'],
    [
      { user: 'a' },
      { connection_creation_rate: 1 },
      'Invalid configuration key connection_creation_rate',
    ],
    [{ ip: '10.0.0.1' }, { [RATE]: 1 }, `Invalid configuration key ${RATE}`],
    [{ user: 'a' }, { [RATE]: 0 }, `Quota ${RATE} must be greater than 0`],
    ...NOT_FINITE,
    [{ user: 'a' }, { [RATE]: 1.5 }, `${RATE} cannot be a fractional value.`],
    [{ user: 'a' }, { [RATE]: 1e19 }, `Proposed value for ${RATE} is too large for a LONG.`],
    [
      { ip: '::1' },
      { connection_creation_rate: 2 ** 31 },
      'Proposed value for connection_creation_rate is too large for an INT.',
    ],
  ])('refuses %j with %j, and does nothing of it', (entity, ops, message) => {
    const more = entry({ user: 'b' }, { [RATE]: 7 })
    const { told, facts, reply } = altered(EMPTY_IMAGE, [entry(entity, ops), more])
    expect(told).toEqual([message, null])
    expect(reply[0]!.errorCode).toBe('INVALID_REQUEST')
    expect(facts).toHaveLength(1)
  })

  test('alters an entity that is named twice as it was named first', () => {
    const twice = altered(EMPTY_IMAGE, [
      entry({ user: 'a' }, { [RATE]: 1 }),
      entry({ user: 'a' }, { [RATE]: 2 }),
    ])
    const ignored = 'Ignoring duplicate entity ClientQuotaEntity(entries={user=a})'
    expect([twice.told, twice.quotas]).toEqual([[ignored], [`${RATE}=1`]])
    const op = { key: RATE, value: 1, remove: false }
    const keys = altered(EMPTY_IMAGE, [{ entity: named({ user: 'a' }), ops: [op, op] }])
    expect([keys.told, keys.quotas]).toEqual([[ignored], []])
  })

  test('does not more in one request than a decision may have', () => {
    const many = Array.from({ length: 10_001 }, (_, id) => entry({ user: `${id}` }, { [RATE]: 1 }))
    const { facts, reply } = altered(EMPTY_IMAGE, many)
    expect(facts).toHaveLength(10_000)
    expect(reply.at(-1)!.errorCode).toBe('POLICY_VIOLATION')
  })
})
