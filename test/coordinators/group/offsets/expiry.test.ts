import { emptyGroup } from '../../../../src/coordinators/group/classic/group.ts'
import type { ClassicGroup } from '../../../../src/coordinators/group/classic/group.ts'
import {
  expire,
  expiryOf,
  forgetTopics,
} from '../../../../src/coordinators/group/offsets/expiry.ts'
import { OffsetStore } from '../../../../src/coordinators/group/offsets/store.ts'
import type { StoredOffset } from '../../../../src/coordinators/group/offsets/store.ts'
import { Table } from '../../../../src/metadata/table.ts'
import { ZERO_UUID } from '../../../../protocol/schema.ts'

const RETENTION_MS = 1000
const AT = 1_700_000_000_000

function committedAt(commitTimestamp: number, expireTimestamp = -1): StoredOffset {
  const what = { offset: 1, leaderEpoch: -1, metadata: '', topicId: ZERO_UUID, recordOffset: 0 }
  return { ...what, commitTimestamp, expireTimestamp }
}

function group(more: Partial<ClassicGroup>): ClassicGroup {
  return { ...emptyGroup('g', AT), ...more }
}

function isExpired(of: ClassicGroup, committed: StoredOffset, time: number): boolean | null {
  return expiryOf(of, time, RETENTION_MS)?.('t', committed) ?? null
}

describe('the retention of an offset', () => {
  const empty = group({ protocolType: 'consumer', subscribedTopics: new Set() })
  const stable = { ...empty, state: 'Stable', subscribedTopics: new Set(['other']) } as const

  test('counts from the commit for a group that only holds offsets', () => {
    expect(isExpired(group({}), committedAt(AT), AT + 999)).toBe(false)
    expect(isExpired(group({}), committedAt(AT), AT + 1000)).toBe(true)
  })

  test('counts from when the group became empty', () => {
    expect(isExpired(empty, committedAt(AT - 5000), AT + 999)).toBe(false)
    expect(isExpired(empty, committedAt(AT - 5000), AT + 1000)).toBe(true)
  })

  test('counts from the commit where an old record does not say when the group became empty', () => {
    expect(isExpired({ ...empty, stateSince: null }, committedAt(AT - 1000), AT)).toBe(true)
  })

  test('counts from the commit for topics that a stable group does not read any more', () => {
    expect(isExpired(stable, committedAt(AT), AT + 1000)).toBe(true)
    const reading = { ...stable, subscribedTopics: new Set(['t']) }
    expect(isExpired(reading, committedAt(AT), AT + 9000)).toBe(false)
  })

  test.each(['PreparingRebalance', 'CompletingRebalance'] as const)(
    'does not end in the state %s [KAFKA-13636]',
    (state) => {
      expect(isExpired({ ...stable, state }, committedAt(AT), AT + 9000)).toBeNull()
    },
  )

  test('does not end while members are there whose topics nobody knows', () => {
    const unreadable = { ...stable, subscribedTopics: null }
    expect(isExpired(unreadable, committedAt(AT), AT + 9000)).toBeNull()
    const workers = { ...unreadable, protocolType: 'connect' }
    expect(isExpired(workers, committedAt(AT), AT + 9000)).toBeNull()
  })

  test('is what an old client has asked for', () => {
    const asked = committedAt(AT, AT + 5000)
    expect(isExpired(empty, asked, AT + 4999)).toBe(false)
    expect(isExpired(empty, asked, AT + 5000)).toBe(true)
  })
})

describe('the look for expired offsets', () => {
  test('removes empty groups with their last offset, and at once where they have none', () => {
    const offsets = new OffsetStore()
    offsets.put('g', 't', 0, committedAt(AT))
    const h = { ...emptyGroup('h', AT), protocolType: 'consumer' }
    const groups = new Map([
      ['g', group({})],
      ['h', h],
    ])
    expect(expire(groups, offsets, AT + 1000, RETENTION_MS).facts).toEqual([
      { type: 'OffsetDeleted', groupId: 'g', topic: 't', partition: 0 },
      { type: 'GroupDeleted', groupId: 'g' },
      { type: 'GroupDeleted', groupId: 'h' },
    ])
  })

  test('keeps a group that somebody was just given an id for', () => {
    const groups = new Map([
      ['g', group({ pendingMembers: Table.empty<true>().with(new Map([['m', true as const]])) })],
    ])
    expect(expire(groups, new OffsetStore(), AT, RETENTION_MS).facts).toEqual([])
  })

  test('does so much at a time, and comes to an end', () => {
    const offsets = new OffsetStore()
    for (let index = 0; index < 9000; index++) offsets.put('g', 'topic', index, committedAt(AT))
    const groups = new Map([['g', group({})]])
    let rounds = 0
    for (let isMore = true; isMore; rounds++) {
      const tombstones = expire(groups, offsets, AT + 1000, RETENTION_MS)
      for (const fact of tombstones.facts) {
        if (fact.type === 'OffsetDeleted') offsets.delete('g', fact.topic, fact.partition)
        else groups.delete(fact.groupId)
      }
      isMore = tombstones.isFull
    }
    expect(rounds).toBeGreaterThan(1)
    expect(rounds).toBeLessThan(20)
    expect(offsets.has('g')).toBe(false)
    expect(groups.size).toBe(0)
  })
})

describe('deleted topics', () => {
  test('are forgotten by all groups', () => {
    const offsets = new OffsetStore()
    offsets.put('g', 't', 0, committedAt(AT))
    offsets.put('g', 'u', 0, committedAt(AT))
    offsets.put('h', 't', 3, committedAt(AT))
    expect(forgetTopics(offsets, ['t', 'unknown']).facts).toEqual([
      { type: 'OffsetDeleted', groupId: 'g', topic: 't', partition: 0 },
      { type: 'OffsetDeleted', groupId: 'h', topic: 't', partition: 3 },
    ])
  })
})
