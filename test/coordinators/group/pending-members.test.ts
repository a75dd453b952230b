import type { GroupCommand, GroupReply } from '../../../src/coordinators/group/commands.ts'
import { GroupMachine } from '../../../src/coordinators/group/machine.ts'

const MAX_PENDING = 10_000

const settings = {
  initialRebalanceDelayMs: 0,
  maxGroupSize: 2 ** 31 - 1,
  maxOffsetMetadataLength: 4096,
  offsetsRetentionMs: 1,
  offsetsRetentionCheckIntervalMs: 600_000,
}

function joining(uuid: string, memberId = ''): GroupCommand {
  return {
    type: 'Join',
    version: 9,
    clientId: 'c',
    clientHost: '/127.0.0.1',
    uuid,
    request: {
      groupId: 'g',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      memberId,
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
      reason: null,
    },
  }
}

function setUp() {
  const machine = new GroupMachine()
  const context = { ticket: 1, now: 0, wallNow: 0, nextOffset: 0, settings }
  const pending = (): number => machine.groups.get('g')?.pendingMembers.size ?? 0
  const decide = (command: GroupCommand): { reply: GroupReply | undefined; cleared: string[] } => {
    const { facts = [], replies = [], alarms = [] } = machine.decide(command, context)
    for (const fact of facts) machine.apply(fact, -1)
    const cleared = alarms.filter(({ at }) => at === null).map(({ name }) => name)
    return { reply: replies[0]?.reply, cleared }
  }
  return { pending, decide }
}

/** How many entries are put into maps and sets while `work` runs. */
function entriesPut(work: () => void): number {
  let count = 0
  const { set } = Map.prototype
  const { add } = Set.prototype
  Map.prototype.set = function (key: unknown, value: unknown) {
    count++
    return set.call(this, key, value)
  }
  Set.prototype.add = function (value: unknown) {
    count++
    return add.call(this, value)
  }
  try {
    work()
  } finally {
    Map.prototype.set = set
    Set.prototype.add = add
  }
  return count
}

describe('the ids that members have been given and not used yet', () => {
  test('cost the same, however many there are', () => {
    const { decide } = setUp()
    const first = entriesPut(() => decide(joining('0')))
    for (let index = 1; index < 9_000; index++) decide(joining(String(index)))
    const last = entriesPut(() => decide(joining('9000')))
    expect(first).toBeGreaterThan(0)
    expect(last).toBeLessThan(first + 300)
  })

  test('are so many at most; one that was forgotten for a newer one is asked for again', () => {
    const { decide, pending } = setUp()
    for (let index = 0; index < MAX_PENDING; index++) {
      expect(decide(joining(String(index))).cleared).toEqual([])
    }
    expect(pending()).toBe(MAX_PENDING)
    const { reply, cleared } = decide(joining('new'))
    expect(reply).toMatchObject({ errorCode: 'MEMBER_ID_REQUIRED', memberId: 'c-new' })
    expect(pending()).toBe(MAX_PENDING)
    const [forgotten] = cleared.map((alarm) => alarm.replace('session 1 g ', ''))
    expect(forgotten).toMatch(/^c-\d+$/)
    expect(decide(joining('', forgotten)).reply).toMatchObject({ errorCode: 'UNKNOWN_MEMBER_ID' })
    expect(decide(joining('', 'c-new')).cleared).toContain('sync g')
    expect(pending()).toBe(MAX_PENDING - 1)
  })
})
