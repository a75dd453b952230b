import { OffsetForLeaderEpoch } from '../../protocol/messages/offset-for-leader-epoch.ts'
import { each } from './access.ts'
import { handle } from './handler.ts'

/**
 * OffsetForLeaderEpoch: v2-4. Where an epoch ended in this log, so that a client can tell whether its position was
 * truncated away (KIP-320). An epoch newer than all of ours is answered with -1, -1.
 */
export const offsetForLeaderEpoch = handle(OffsetForLeaderEpoch, {
  access: each('TOPIC', 'DESCRIBE', {
    items: 'topics',
    nameOf: ({ topic }) => topic,
    answers: 'topics',
    refuse: ({ topic, partitions }, { errorCode }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode })),
    }),
    unlessCluster: 'CLUSTER_ACTION',
  }),
}).by((request, { services: { replicas } }) => ({
  topics: request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition: index, currentLeaderEpoch, leaderEpoch }) => {
      const partition = replicas.find(topic, index)
      if (typeof partition === 'string') return { partition: index, errorCode: partition }
      const errorCode = partition.checkLeader(currentLeaderEpoch)
      if (errorCode !== 'NONE' || partition.log === null) return { partition: index, errorCode }
      return { partition: index, errorCode, ...partition.log.endOffsetForEpoch(leaderEpoch) }
    }),
  })),
}))
