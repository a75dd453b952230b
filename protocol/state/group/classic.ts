import {
  array,
  bytes,
  int32,
  int64,
  message,
  string,
  uuid,
  saturatedInt64,
  wideInt64,
} from '../../schema.ts'

/** Offsets as Kafka 0.9 and before stored them; read as OffsetCommit, never written. */
export const LegacyOffsetCommitKey = message({
  key: 0,
  name: 'LegacyOffsetCommitKey',
  versions: [0, 0],
  fields: { group: string, topic: string, partition: int32 },
})

export const LegacyOffsetCommitValue = message({
  key: 0,
  name: 'LegacyOffsetCommitValue',
  versions: [0, 0],
  fields: { offset: wideInt64, metadata: string, commitTimestamp: saturatedInt64 },
})

export const OffsetCommitKey = message({
  key: 1,
  name: 'OffsetCommitKey',
  versions: [0, 0],
  fields: { group: string, topic: string, partition: int32 },
})

/** A committed offset. Kafka 4.3 writes v4, but v1 when an expire timestamp was asked for. */
export const OffsetCommitValue = message({
  key: 1,
  name: 'OffsetCommitValue',
  versions: [0, 4],
  flexible: 4,
  fields: {
    offset: wideInt64,
    /** Of the last consumed record; -1 when the client didn't say. */
    leaderEpoch: int32.default(-1).since(3),
    /** The client's own note. */
    metadata: string,
    /** ms since 1970, of the coordinator's clock. */
    commitTimestamp: saturatedInt64,
    /** Only from clients that gave a retention time (OffsetCommit v2 to v4); -1: the broker's setting decides. */
    expireTimestamp: saturatedInt64.default(-1).since(1).until(1),
    /** KIP-848: zeros when the client named the topic only. */
    topicId: uuid.since(4).tagged(0),
  },
})

export const GroupMetadataKey = message({
  key: 2,
  name: 'GroupMetadataKey',
  versions: [0, 0],
  fields: { group: string },
})

/** A classic group as its last complete rebalance left it. Kafka 4.3 writes v3; v4 only makes it flexible. */
export const GroupMetadataValue = message({
  key: 2,
  name: 'GroupMetadataValue',
  versions: [0, 4],
  flexible: 4,
  fields: {
    /** 'consumer', 'connect', ...; empty for a group that only holds offsets. */
    protocolType: string,
    generation: int32,
    protocol: string.nullable(),
    /** The leader's member id. */
    leader: string.nullable(),
    /** ms since 1970: from when an empty group's offsets begin to expire; -1 in old records. */
    currentStateTimestamp: int64.default(-1).since(2),
    members: array({
      memberId: string,
      groupInstanceId: string.nullable(3).default(null).since(3),
      clientId: string,
      clientHost: string,
      /** ms; before v1 the session timeout stands for it. */
      rebalanceTimeout: int32.default(-1).since(1),
      /** ms */
      sessionTimeout: int32,
      subscription: bytes,
      assignment: bytes,
    }),
  },
})
