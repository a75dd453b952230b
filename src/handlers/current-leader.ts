import { ZERO_UUID } from '../../protocol/schema.ts'
import type { RequestContext } from './context.ts'

interface CurrentLeader {
  readonly leaderId: number
  readonly leaderEpoch: number
}

interface NodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/**
 * [KIP-951] Who leads a partition instead of this broker, as far as it knows: that saves the client a Metadata request.
 * @param topicId all zeros where the client has named the topic
 */
export function currentLeader(
  name: string,
  topicId: string,
  index: number,
  { services: { cluster } }: RequestContext,
): CurrentLeader | undefined {
  const view = cluster()
  const topic = topicId === ZERO_UUID ? view.topic(name) : view.topicById(topicId)
  const partition = topic?.partitions[index]
  if (partition === undefined) return undefined
  return { leaderId: view.leaderOf(partition), leaderEpoch: partition.leaderEpoch }
}

/** [KIP-951] Where these leaders are, on the listener that asks; those that aren't alive are left out. */
export function endpointsOf(
  leaders: ReadonlySet<number>,
  { services: { cluster }, connection }: RequestContext,
): NodeEndpoint[] {
  return cluster()
    .brokers(connection.listener.name)
    .flatMap(({ id, host, port, rack }) =>
      leaders.has(id) ? [{ nodeId: id, host, port, rack }] : [],
    )
}
