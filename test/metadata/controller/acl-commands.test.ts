import type { Acl, AclFilter } from '../../../src/metadata/acls.ts'
import type { MetadataFact } from '../../../src/metadata/facts.ts'
import { featureFact } from '../../../src/metadata/facts.ts'
import { acl } from '../../security/acls.ts'
import type { TestedController } from './tested-controller.ts'
import { ask, controllerOf, decide, NO_RULES } from './tested-controller.ts'

const ANYTHING: AclFilter = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}
const ORDERS = acl('ALLOW User:alice READ TOPIC:orders')

/** A controller whose ids differ. */
function newController(level = 33): TestedController {
  let next = 0
  return controllerOf([featureFact('metadata.version', level)], NO_RULES, {
    random: {
      below: () => 0,
      bytes: (length: number) => {
        const bytes = Buffer.alloc(length, 0x3c)
        bytes.writeInt32BE(next++, 12)
        return bytes
      },
    },
  })
}

const create = (controller: TestedController, ...acls: Acl[]) =>
  ask(controller, { type: 'createAcls', acls })
const remove = (controller: TestedController, ...filters: Partial<AclFilter>[]) =>
  ask(controller, {
    type: 'deleteAcls',
    filters: filters.map((filter) => ({ ...ANYTHING, ...filter })),
  })

describe('a new ACL', () => {
  test('is written, once', () => {
    const controller = newController()
    const command = { type: 'createAcls', acls: [ORDERS, ORDERS] } as const
    const { facts, replies } = decide(controller, command)
    expect(facts).toEqual([
      {
        type: 'AccessControlEntryRecord',
        version: 0,
        value: { ...ORDERS, id: expect.any(String) as string },
      },
    ] satisfies MetadataFact[])
    expect(replies).toMatchObject([{ reply: [{ errorCode: 'NONE' }, { errorCode: 'NONE' }] }])
    expect(decide(controller, command).facts).toEqual([])
    const another = acl('ALLOW User:alice READ TOPIC:orders', '10.0.0.1')
    create(controller, another)
    expect(remove(controller, {})[0]!.acls).toHaveLength(2)
    expect(decide(controller, command).facts).toHaveLength(1)
  })

  test.each<[Partial<Acl>, string]>([
    [{ resourceType: 1 }, 'Invalid resourceType ANY'],
    [{ resourceType: 99 }, 'Invalid resourceType UNKNOWN'],
    [{ patternType: 1 }, 'Invalid patternType ANY'],
    [{ patternType: 2 }, 'Invalid patternType MATCH'],
    [{ operation: 1 }, 'Invalid operation ANY'],
    [{ permissionType: 1 }, 'Invalid permissionType ANY'],
    [{ resourceName: '' }, 'Resource name should not be empty'],
    [
      { principal: 'alice' },
      'Could not parse principal from `alice` (no colon is present separating the principal type from the principal name)',
    ],
    [{ host: '' }, 'Host pattern cannot be null or empty'],
    [{ host: '10.0.0.0/33' }, "Invalid CIDR notation '10.0.0.0/33': Could not parse [10.0.0.0/33]"],
  ])('with %j is refused, and the others are made', (parts, errorMessage) => {
    const controller = newController()
    expect(create(controller, { ...ORDERS, ...parts }, ORDERS)).toEqual([
      { errorCode: 'INVALID_REQUEST', errorMessage },
      { errorCode: 'NONE', errorMessage: null },
    ])
  })

  test('may be about a range of hosts from metadata.version 32 on (KIP-1276)', () => {
    const range = acl('ALLOW User:alice READ TOPIC:orders', '10.0.0.0/8')
    expect(create(newController(32), range)).toMatchObject([{ errorCode: 'NONE' }])
    expect(create(newController(31), range)).toEqual([
      {
        errorCode: 'UNSUPPORTED_VERSION',
        errorMessage: 'CIDR-based ACL host patterns require metadata version 4.4-IV1 or higher.',
      },
    ])
  })
})

describe('a filter of those to remove', () => {
  const rules = [
    ORDERS,
    acl('DENY User:bob WRITE TOPIC:ord...'),
    acl('ALLOW User:* READ TOPIC:*'),
    acl('ALLOW User:alice READ GROUP:orders', '10.0.0.1'),
  ]

  test.each<[Partial<AclFilter>, number[]]>([
    [{}, [0, 1, 2, 3]],
    [{ resourceTypeFilter: 2 }, [0, 1, 2]],
    [{ resourceNameFilter: 'orders' }, [0, 3]],
    [{ resourceNameFilter: 'orders', patternTypeFilter: 2, resourceTypeFilter: 2 }, [0, 1, 2]],
    [{ resourceNameFilter: 'other', patternTypeFilter: 2 }, [2]],
    [{ resourceNameFilter: 'ord', patternTypeFilter: 4 }, [1]],
    [{ resourceNameFilter: 'ord', patternTypeFilter: 3 }, []],
    [{ patternTypeFilter: 3 }, [0, 2, 3]],
    [{ principalFilter: 'User:alice' }, [0, 3]],
    [{ hostFilter: '10.0.0.1' }, [3]],
    [{ operation: 4 }, [1]],
    [{ permissionType: 2 }, [1]],
  ])('%j means these', (filter, expected) => {
    const controller = newController()
    create(controller, ...rules)
    const acls = remove(controller, filter)[0]!.acls
    const inOrder = (some: readonly Acl[]): string[] =>
      some.map((each) => JSON.stringify(Object.entries(each).sort())).sort()
    expect(inOrder(acls)).toEqual(inOrder(expected.map((index) => rules[index]!)))
    const left = remove(controller, {})[0]!.acls
    expect(left).toHaveLength(rules.length - expected.length)
  })

  test('is told what another one of the same request means, too', () => {
    const controller = newController()
    create(controller, ORDERS)
    expect(
      remove(controller, {}, { resourceNameFilter: 'orders' }, { operation: 4 }),
    ).toMatchObject([{ acls: [ORDERS] }, { acls: [ORDERS] }, { acls: [] }])
  })

  test('that means more than an operation may have removes none', () => {
    const controller = newController()
    const acls = Array.from({ length: 10_001 }, (_, index) =>
      acl(`ALLOW User:${index} READ TOPIC:t`),
    )
    create(controller, ...acls.slice(0, 6000))
    create(controller, ...acls.slice(6000))
    expect(remove(controller, {})).toEqual([
      {
        errorCode: 'INVALID_REQUEST',
        errorMessage: 'Cannot remove more than 10000 acls in a single delete operation.',
        acls: [],
      },
    ])
    expect(remove(controller, { principalFilter: 'User:1' })).toMatchObject([{ acls: [acls[1]] }])
  })
})
