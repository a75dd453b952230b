import { array, int32, int8, message, string, uuid } from '../../schema.ts'

export const TopicRecord = message({
  key: 2,
  name: 'TopicRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { name: string, topicId: uuid },
})

/** The topic with all its partitions is gone. */
export const RemoveTopicRecord = message({
  key: 9,
  name: 'RemoveTopicRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { topicId: uuid },
})

/** The whole state of one partition. v1 adds directories (KIP-858), v2 eligible leader replicas (KIP-966). */
export const PartitionRecord = message({
  key: 3,
  name: 'PartitionRecord',
  versions: [0, 2],
  flexible: 0,
  fields: {
    partitionId: int32.default(-1),
    topicId: uuid,
    /** Broker ids; the first is the preferred leader. */
    replicas: array(int32),
    isr: array(int32),
    removingReplicas: array(int32),
    addingReplicas: array(int32),
    /** -1: none. */
    leader: int32.default(-1),
    /** 1 while a leader that was elected uncleanly has not recovered. */
    leaderRecoveryState: int8.tagged(0),
    leaderEpoch: int32.default(-1),
    /** Grows with every change of this partition. */
    partitionEpoch: int32.default(-1),
    /** One directory id for each of `replicas`, in the same order. */
    directories: array(uuid).since(1),
    eligibleLeaderReplicas: array(int32).nullable(2).default(null).since(2).tagged(1),
    lastKnownElr: array(int32).nullable(2).default(null).since(2).tagged(2),
  },
})

/**
 * What changed about a partition: null (for the leader -2, for the recovery state -1) where nothing did. A changed
 * leader raises the leader epoch by one, any change the partition epoch.
 */
export const PartitionChangeRecord = message({
  key: 5,
  name: 'PartitionChangeRecord',
  versions: [0, 2],
  flexible: 0,
  fields: {
    partitionId: int32.default(-1),
    topicId: uuid,
    isr: array(int32).nullable().default(null).tagged(0),
    /** -2: unchanged; -1: now without a leader. */
    leader: int32.default(-2).tagged(1),
    replicas: array(int32).nullable().default(null).tagged(2),
    removingReplicas: array(int32).nullable().default(null).tagged(3),
    addingReplicas: array(int32).nullable().default(null).tagged(4),
    leaderRecoveryState: int8.default(-1).tagged(5),
    directories: array(uuid).nullable(1).default(null).since(1).tagged(8),
    eligibleLeaderReplicas: array(int32).nullable(2).default(null).since(2).tagged(6),
    lastKnownElr: array(int32).nullable(2).default(null).since(2).tagged(7),
  },
})

/** KIP-966: forgets the eligible leader replicas of one topic, or of all when the name is empty. */
export const ClearElrRecord = message({
  key: 28,
  name: 'ClearElrRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { topicName: string },
})
