import { CreateTopics } from '../../../protocol/messages/create-topics.ts'
import { DeleteTopics } from '../../../protocol/messages/delete-topics.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import {
  clientsOf,
  connect,
  countOf,
  ledPartitions,
  limitMs,
  until,
  untilServed,
} from './asking.ts'
import type { Node, Place } from './nodes.ts'

/** How many partitions, in which topics, asked for by how many requests. */
export interface Counts {
  readonly topics: number
  readonly partitionsEach: number
  readonly topicsInRequest: number
}

export interface Shape extends Counts {
  /** So many of each partition, where the controller chooses; or the brokers of a topic's partitions, in turn. */
  readonly replicas: number | readonly (readonly number[])[]
}

/** Topics of a hundred partitions, each asked for by itself. */
export const inTopics = (partitions: number): Counts => ({
  topics: partitions / 100,
  partitionsEach: 100,
  topicsInRequest: 1,
})

/** As many topics as partitions, a thousand to a request. */
export const ofTopics = (partitions: number): Counts => ({
  topics: partitions,
  partitionsEach: 1,
  topicsInRequest: 1_000,
})

const prefix = 'partitions-'

/** The name of the topics that are made here. */
export const nameOf = (index: number): string => `${prefix}${index}`

/** Whether a topic was made here, by its name. */
export const isOurs = (topic: string): boolean => topic.startsWith(prefix)

const namesOf = ({ topics }: Counts): string[] =>
  Array.from({ length: topics }, (_, index) => nameOf(index))

export const totalOf = ({ topics, partitionsEach }: Counts): number => topics * partitionsEach

/** Asks for all of them, one request after the other. */
export const requestTopics = async (at: Place, shape: Shape): Promise<void> => {
  const { topicsInRequest, partitionsEach, replicas } = shape
  const isAnywhere = typeof replicas === 'number'
  const assignments = isAnywhere
    ? []
    : Array.from({ length: partitionsEach }, (_, partitionIndex) => ({
        partitionIndex,
        brokerIds: replicas[partitionIndex % replicas.length]!,
      }))
  const names = namesOf(shape)
  const connection = await connect(at)
  try {
    for (let from = 0; from < names.length; from += topicsInRequest) {
      const topics = names.slice(from, from + topicsInRequest).map((name) => ({
        name,
        numPartitions: isAnywhere ? partitionsEach : -1,
        replicationFactor: isAnywhere ? replicas : -1,
        assignments,
        configs: [],
      }))
      const answer = await connection.request(CreateTopics, { topics, timeoutMs: limitMs })
      for (const { name, errorCode, errorMessage } of answer.topics) {
        if (errorCode !== 'NONE') throw new Error(`${name}: ${errorCode} ${errorMessage ?? ''}`)
      }
    }
  } finally {
    connection.close()
  }
}

/**
 * Makes partitions and waits until every broker knows all leaders, and each leader serves.
 * @returns seconds
 */
export const createPartitions = async (nodes: readonly Node[], shape: Shape): Promise<number> => {
  const startedMs = performance.now()
  const clients = clientsOf(nodes)
  await requestTopics(clients[0]!, shape)
  for (const at of clients) {
    await until('all partitions', async () => {
      return countOf(await ledPartitions(at, isOurs)) >= totalOf(shape)
    })
  }
  for (const [leader, topics] of await ledPartitions(clients[0]!, isOurs)) {
    const node = nodes.find(({ id }) => id === leader)
    await untilServed(node!.client!, topics)
  }
  return (performance.now() - startedMs) / 1e3
}

/**
 * Deletes them by one request, and waits until no broker knows any.
 * @returns seconds
 */
export const deletePartitions = async (nodes: readonly Node[], counts: Counts): Promise<number> => {
  const startedMs = performance.now()
  const clients = clientsOf(nodes)
  const names = namesOf(counts)
  const connection = await connect(clients[0]!)
  try {
    const answer = await connection.request(DeleteTopics, {
      topics: names.map((name) => ({ name, topicId: ZERO_UUID })),
      topicNames: names,
      timeoutMs: limitMs,
    })
    const failed = answer.responses.find(({ errorCode }) => errorCode !== 'NONE')
    if (failed !== undefined) throw new Error(`${failed.name}: ${failed.errorCode}`)
  } finally {
    connection.close()
  }
  for (const at of clients) {
    await until('no partition', async () => (await ledPartitions(at, isOurs)).size === 0)
  }
  return (performance.now() - startedMs) / 1e3
}
