import { PartitionIndex } from '../../../../src/metadata/controller/partition/partition-index.ts'
import type { PartitionPlace } from '../../../../src/metadata/controller/partition/partition-index.ts'
import { newPartition } from '../../../../src/metadata/facts.ts'

const at = (index: number, topicId = 't'): PartitionPlace => ({ topicId, index })
const part = (replicas: number[], leader = replicas[0]!) => ({
  ...newPartition(replicas, replicas, []),
  leader,
})
const index = () => new PartitionIndex()

describe('the index of the partitions', () => {
  test('knows what a broker has a replica of, and no more when that moves', () => {
    const partitions = index()
    const before = part([1, 2])
    partitions.changed(at(0), null, before)
    partitions.changed(at(1), null, part([2]))
    expect([...partitions.withReplicaOn(2)]).toEqual([at(0), at(1)])
    partitions.changed(at(0), before, part([1, 3]))
    expect([1, 2, 3].map((id) => [...partitions.withReplicaOn(id)])).toEqual([
      [at(0)],
      [at(1)],
      [at(0)],
    ])
    expect([...partitions.withReplicaOn(9)]).toEqual([])
  })

  test('knows what nobody leads, and what the first of the replicas does not', () => {
    const partitions = index()
    const [led, other, none] = [part([1, 2]), part([1, 2], 2), part([1, 2], -1)]
    partitions.changed(at(0), null, led)
    partitions.changed(at(1), null, other)
    partitions.changed(at(2), null, none)
    expect([...partitions.leaderless()]).toEqual([at(2)])
    expect([...partitions.notPreferred()]).toEqual([at(1), at(2)])
    partitions.changed(at(2), none, led)
    partitions.changed(at(1), other, led)
    expect([...partitions.leaderless(), ...partitions.notPreferred()]).toEqual([])
  })

  test('knows whether a broker leads anything', () => {
    const partitions = index()
    const [led, other] = [part([1, 2]), part([1, 2], 2)]
    partitions.changed(at(0), null, led)
    partitions.changed(at(1), null, led)
    partitions.changed(at(0), led, other)
    expect([1, 2].map((id) => partitions.isLeader(id))).toEqual([true, true])
    partitions.changed(at(1), led, other)
    expect([1, 2].map((id) => partitions.isLeader(id))).toEqual([false, true])
  })

  test('forgets topics', () => {
    const partitions = index()
    partitions.changed(at(0), null, part([1, 2], 2))
    partitions.changed(at(1), null, part([1, 2], -1))
    partitions.changed(at(0, 'u'), null, part([1]))
    partitions.removed({ name: 'topic', id: 't', partitions: [part([1, 2], 2), part([1, 2], -1)] })
    expect([...partitions.withReplicaOn(1)]).toEqual([at(0, 'u')])
    expect([...partitions.withReplicaOn(2)]).toEqual([])
    expect([...partitions.leaderless(), ...partitions.notPreferred()]).toEqual([])
    expect([1, 2].map((id) => partitions.isLeader(id))).toEqual([true, false])
  })
})
