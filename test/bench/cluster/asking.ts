import type { Api, Decoded, Encoded, Shape } from '../../../protocol/schema.ts'
import { DescribeQuorum } from '../../../protocol/messages/describe-quorum.ts'
import { ListOffsets } from '../../../protocol/messages/list-offsets.ts'
import { Metadata } from '../../../protocol/messages/metadata.ts'
import { nodeHost } from '../../../src/host/node.ts'
import { Connection } from '../../../src/peer/connection.ts'
import { IN_THE_CLEAR, towards } from '../../../src/peer/security.ts'
import { pause } from '../processes.ts'
import type { Node, Place } from './nodes.ts'

/** A busy machine with ten thousand partitions to make takes its time. */
export const limitMs = 300_000
const connectTimeoutMs = 10_000
const againMs = 20
const latest = -1n

const host = towards(nodeHost({ log: { level: 'silent' } }), IN_THE_CLEAR)

export const connect = (at: Place, requestTimeoutMs = limitMs): Promise<Connection> =>
  Connection.open(host, at, { clientId: 'ottla-bench', connectTimeoutMs, requestTimeoutMs })

/** Asks one node one thing, by a connection of its own. */
export const ask = async <Q extends Shape, R extends Shape>(
  at: Place,
  api: Api<Q, R>,
  body: Encoded<Q>,
): Promise<Decoded<R>> => {
  const connection = await connect(at)
  try {
    return await connection.request(api, body)
  } finally {
    connection.close()
  }
}

/** Where clients find the brokers of a cluster. */
export const clientsOf = (nodes: readonly Node[]): Place[] =>
  nodes.flatMap(({ client }) => (client === null ? [] : [client]))

/** Whether a broker knows so many replicas in sync of each partition of some topics, chosen by name. */
export const areInSync = async (
  at: Place,
  isMeant: (topic: string) => boolean,
  replicas: number,
): Promise<boolean> => {
  const { topics } = await ask(at, Metadata, { topics: null, allowAutoTopicCreation: false })
  const meant = topics.filter(({ name }) => name !== null && isMeant(name))
  const isWhole = ({ isrNodes }: { readonly isrNodes: readonly number[] }): boolean =>
    isrNodes.length === replicas
  return meant.length > 0 && meant.every(({ partitions }) => partitions.every(isWhole))
}

/**
 * Tries until it is so; an error counts as not yet, and the last one is told in the end.
 * @param signal gives it up
 */
export const until = async (
  what: string,
  isSo: () => Promise<boolean>,
  signal?: AbortSignal,
): Promise<void> => {
  const end = performance.now() + limitMs
  let failure: unknown = null
  while (signal?.aborted !== true) {
    try {
      if (await isSo()) return
      failure = null
    } catch (error) {
      failure = error
    }
    if (performance.now() > end) throw new Error(`waited for ${what} in vain`, { cause: failure })
    await pause(againMs)
  }
}

/** The active controller, as a broker or a controller tells it; -1 while there is none. */
export const activeController = async (at: Place): Promise<number> => {
  const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  const answer = await ask(at, DescribeQuorum, { topics })
  const partition = answer.topics[0]?.partitions[0]
  return partition?.errorCode === 'NONE' ? partition.leaderId : -1
}

/** Starts nodes, and waits until each of them knows that so many brokers serve, and who the controller is. */
export const startAll = async (nodes: readonly Node[], brokers: number): Promise<void> => {
  await unlessEnded(nodes, (signal) => allServe(nodes, brokers, signal))
}

/** Starts nodes, and does the rest, which is given up when one of them ends. */
export const unlessEnded = async (
  nodes: readonly Node[],
  rest: (signal: AbortSignal) => Promise<void>,
): Promise<void> => {
  const over = new AbortController()
  const ended = nodes.map(({ process }) => process.start())
  try {
    await Promise.race([...ended, rest(over.signal)])
  } finally {
    over.abort()
  }
}

const allServe = async (
  nodes: readonly Node[],
  count: number,
  signal: AbortSignal,
): Promise<void> => {
  const all = async (at: Place): Promise<boolean> => {
    const { brokers } = await ask(at, Metadata, { topics: [], allowAutoTopicCreation: false })
    return brokers.length === count
  }
  for (const at of clientsOf(nodes)) await until('all brokers', () => all(at), signal)
  const first = nodes[0]!
  const leads = async (): Promise<boolean> =>
    (await activeController(first.client ?? first.controller)) >= 0
  await until('a controller', leads, signal)
}

/** The partitions that a node knows a leader of, by leader and topic. */
export type Led = ReadonlyMap<number, ReadonlyMap<string, readonly number[]>>

/** How many there are in all. */
export const countOf = (led: Led): number => {
  let count = 0
  for (const topics of led.values()) for (const { length } of topics.values()) count += length
  return count
}

/** @param isMeant by a topic's name; all of them by default */
export const ledPartitions = async (
  at: Place,
  isMeant: (topic: string) => boolean = () => true,
): Promise<Led> => {
  const { topics } = await ask(at, Metadata, { topics: null, allowAutoTopicCreation: false })
  const led = new Map<number, Map<string, number[]>>()
  for (const { name, partitions } of topics) {
    for (const { errorCode, leaderId, partitionIndex } of partitions) {
      if (errorCode !== 'NONE' || leaderId < 0 || name === null || !isMeant(name)) continue
      const ofLeader = led.get(leaderId) ?? new Map<string, number[]>()
      led.set(leaderId, ofLeader)
      const indexes = ofLeader.get(name)
      if (indexes === undefined) ofLeader.set(name, [partitionIndex])
      else indexes.push(partitionIndex)
    }
  }
  return led
}

/** Waits until a broker serves what it is said to lead: Metadata may name one that doesn't know of it yet. */
export const untilServed = (
  at: Place,
  topics: ReadonlyMap<string, readonly number[]>,
): Promise<void> =>
  until('the leaders', async () => {
    const asked = Array.from(topics, ([name, indexes]) => ({
      name,
      partitions: indexes.map((partitionIndex) => ({ partitionIndex, timestamp: latest })),
    }))
    const answer = await ask(at, ListOffsets, { replicaId: -1, isolationLevel: 0, topics: asked })
    return answer.topics.every(({ partitions }) =>
      partitions.every(({ errorCode }) => errorCode === 'NONE'),
    )
  })
