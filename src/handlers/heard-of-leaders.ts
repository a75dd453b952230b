import type { PartitionImage, TopicImage } from '../metadata/image.ts'
import type { RequestContext } from './context.ts'
import { TURN_STEPS } from './turns.ts'

/**
 * To be waited for before a client is told who leads: it may ask because its leader has just ended, and know that before this broker.
 * @param partitions that it asks for; null: all
 */
export function heardOfLeaders(
  partitions: Iterable<PartitionImage> | null,
  { services, connection }: RequestContext,
): Promise<void> {
  const reached = services.cluster().brokers(connection.listener.name)
  const alive = new Set(reached.map(({ id }) => id))
  return services.heardOf([...((partitions && leadersOf(partitions, alive)) ?? alive)])
}

/** @returns null where it would take long to find out */
function leadersOf(
  partitions: Iterable<PartitionImage>,
  alive: ReadonlySet<number>,
): Set<number> | null {
  const leaders = new Set<number>()
  let steps = 0
  for (const { leader } of partitions) {
    if (alive.has(leader)) leaders.add(leader)
    if (leaders.size === alive.size || ++steps > TURN_STEPS) return null
  }
  return leaders
}

/** Of each of the topics, once. */
export function* partitionsOf(topics: Iterable<TopicImage | undefined>): Iterable<PartitionImage> {
  for (const topic of new Set(topics)) if (topic !== undefined) yield* topic.partitions
}
