import { ListOffsets } from '../../protocol/messages/list-offsets.ts'
import type { Client } from './client.ts'
import { throwUnlessNone } from './errors.ts'
import { groupBy } from './group-by.ts'
import { partitionOf, topicsWithLeaders, type TopicPartition } from './topics.ts'

/** What may stand in place of a time when offsets are looked up. */
export const LATEST_TIMESTAMP = -1n
export const EARLIEST_TIMESTAMP = -2n

export interface OffsetQuery extends TopicPartition {
  /** Milliseconds since 1970, or one of the constants above. */
  readonly timestamp: bigint
}

export interface FoundOffset extends TopicPartition {
  /** -1 where no record is that late. */
  readonly offset: number
  readonly timestamp: bigint
  readonly leaderEpoch: number
}

export type IsolationLevel = 'read_uncommitted' | 'read_committed'

/** Looks offsets up at the partitions' leaders, in the order of the queries. Throws ClientError. */
export function listOffsets(
  client: Client,
  queries: readonly OffsetQuery[],
  isolationLevel: IsolationLevel = 'read_uncommitted',
): Promise<FoundOffset[]> {
  const topics = [...new Set(queries.map(({ topic }) => topic))]
  return client.retry(async () => {
    if (queries.length === 0) return []
    const keys = new Set(queries.map(keyOf))
    const metadata = await topicsWithLeaders(client, topics, {
      wanted: (partition) => keys.has(keyOf(partition)),
    })
    const byLeader = groupBy(
      queries,
      ({ topic, partition }) =>
        partitionOf(
          metadata.find(({ name }) => name === topic)!,
          partition,
        ).leaderId,
    )
    const found = new Map<string, FoundOffset>()
    const asking = [...byLeader].map(async ([node, ofLeader]) => {
      for (const offset of await askLeader(client, node, ofLeader, isolationLevel)) {
        found.set(keyOf(offset), offset)
      }
    })
    await Promise.all(asking)
    return queries.map((query) => found.get(keyOf(query))!)
  })
}

async function askLeader(
  client: Client,
  node: number,
  queries: readonly OffsetQuery[],
  isolationLevel: IsolationLevel,
): Promise<FoundOffset[]> {
  const answer = await client.request(
    ListOffsets,
    {
      replicaId: -1,
      isolationLevel: isolationLevel === 'read_committed' ? 1 : 0,
      topics: [...groupBy(queries, ({ topic }) => topic)].map(([name, ofTopic]) => ({
        name,
        partitions: ofTopic.map(({ partition, timestamp }) => ({
          partitionIndex: partition,
          timestamp,
        })),
      })),
      timeoutMs: client.requestTimeoutMs,
    },
    { node },
  )
  return answer.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, errorCode, offset, timestamp, leaderEpoch }) => {
      throwUnlessNone(errorCode, `The offsets of ${name}-${partitionIndex}`)
      return { topic: name, partition: partitionIndex, offset, timestamp, leaderEpoch }
    }),
  )
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}
