import { ReplicaSelector } from '../../../src/replication/fetch/replica-selector.ts'
import { FollowerState } from '../../../src/replication/partition/follower-state.ts'
import type { Partition } from '../../../src/replication/partition/partition.ts'

const follower = (brokerId: number, fetchOffset: number, atMs: number): FollowerState => {
  const state = new FollowerState(brokerId)
  state.fetched(fetchOffset, 0, 1, fetchOffset, atMs)
  return state
}

/** Which of these is chosen; all are in the client's rack, and none with the leader, which is broker 1. */
function selected(followers: readonly FollowerState[], isLeader = true): number {
  const partition = { isLeader, readableAt: () => followers } as unknown as Partition
  const rackOf = (id: number): string => (id === 1 ? 'near' : 'far')
  return new ReplicaSelector({ clientRack: 'far', brokerId: 1, rackOf }).select(partition, 0)
}

test.each([
  ['has most', [follower(4, 7, 5), follower(2, 9, 1), follower(3, 8, 5)], 2],
  ['was caught up last, of those', [follower(4, 9, 5), follower(2, 9, 6), follower(3, 8, 7)], 2],
  ['has the greatest id, of those', [follower(2, 9, 6), follower(4, 9, 6), follower(3, 9, 6)], 4],
])('the replica is chosen that %s', (_, followers, id) => {
  expect(selected(followers)).toBe(id)
})

test('a follower sends nobody on', () => {
  expect(selected([follower(2, 9, 1)], false)).toBe(-1)
})
