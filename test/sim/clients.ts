import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { OffsetCommit } from '../../protocol/messages/offset-commit.ts'
import type { Codecs } from '../../protocol/records/codecs.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { Client } from '../../bin/client/client.ts'
import { ClientError } from '../../bin/client/errors.ts'
import { PeerError } from '../../src/peer/errors.ts'
import { fetchOffsets } from '../../bin/client/groups.ts'
import { Producer } from '../../bin/client/producer.ts'
import { PartitionReader } from '../../bin/client/reader.ts'
import type { Address } from '../../src/host/address.ts'
import type { Host } from '../../src/host/host.ts'
import type { History } from './history.ts'

export const TOPIC = 'work'
export const PARTITIONS = 3

/** What each simulated client has. */
export interface ClientParts {
  readonly name: string
  readonly host: Host
  readonly codecs: Codecs
  readonly bootstrap: readonly Address[]
  /** The client should come to an end after what it does now. */
  readonly isOver: () => boolean
}

const REQUEST_TIMEOUT_MS = 5000

export function clientOf({ host, bootstrap, name }: ClientParts): Client {
  return new Client(bootstrap, { host, clientId: name, requestTimeoutMs: REQUEST_TIMEOUT_MS })
}

export function sleep({ host }: ClientParts, mostMs: number): Promise<void> {
  const delayMs = 1 + host.random.below(mostMs)
  return new Promise((resolve) => void host.clock.after(delayMs, resolve))
}

/** Runs until it is told to end; what the broker or the network refuses is tried again with a new client. */
export async function untilOver(
  parts: ClientParts,
  work: (client: Client) => Promise<void>,
): Promise<void> {
  while (!parts.isOver()) {
    const client = clientOf(parts)
    try {
      while (!parts.isOver()) await work(client)
    } catch (error) {
      if (!(error instanceof ClientError || error instanceof PeerError)) throw error
    }
    await client.close()
    await sleep(parts, 200)
  }
}

/** Asks again and again until it is so: a broker may wait for an answer that a power cut has taken. If it never comes, this never ends. */
export async function persist(
  parts: ClientParts,
  isSo: (client: Client) => Promise<boolean>,
): Promise<void> {
  let isDone = false
  await untilOver({ ...parts, isOver: () => isDone }, async (client) => {
    isDone = await isSo(client)
    if (!isDone) await sleep(parts, 1000)
  })
}

/** Sends records with acks=all, each value once, several at a time. */
export async function runProducer(parts: ClientParts, history: History): Promise<void> {
  const { name, host, codecs } = parts
  let count = 0
  let producer: { readonly client: Client; readonly producer: Producer } | null = null
  await untilOver(parts, async (client) => {
    if (producer?.client !== client) {
      producer = { client, producer: new Producer(client, { topic: TOPIC, codecs }) }
    }
    const partition = host.random.below(PARTITIONS)
    const values = Array.from({ length: 1 + host.random.below(5) }, () => `${name}-${count++}`)
    for (const value of values) history.sent(value)
    const timestamp = host.clock.now()
    const records = values.map((value) => ({
      timestamp,
      key: null,
      value: Buffer.from(value + '.'.repeat(host.random.below(200))),
    }))
    const [sent] = await producer.producer.send(records, partition)
    if (sent!.baseOffset >= 0) {
      values.forEach((value, index) =>
        history.acknowledged(partition, sent!.baseOffset + index, value),
      )
    }
    await sleep(parts, 60)
  })
}

/** Reads a partition from its beginning, again and again, in steps. */
export async function runReader(parts: ClientParts, history: History): Promise<void> {
  const { host, codecs } = parts
  await untilOver(parts, async (client) => {
    const partition = host.random.below(PARTITIONS)
    let next = 0
    const from = { topic: TOPIC, partition, offset: next }
    const reader = new PartitionReader(client, [from], { codecs, maxWaitMs: 100, maxBytes: 4000 })
    for (let round = 0; round < 8 && !parts.isOver(); round++) {
      for (const { records } of await reader.poll()) {
        for (const { offset, value } of records) {
          if (offset < next) throw new Error(`Offset ${offset} was read after ${next - 1}`)
          next = offset + 1
          history.read(partition, offset, valueOf(value))
        }
      }
      await sleep(parts, 40)
    }
  })
}

/** Commits the offsets of a group of its own, and looks whether they are there. */
export async function runCommitter(parts: ClientParts, history: History): Promise<void> {
  const { name, host } = parts
  let offset = 0
  await untilOver(parts, async (client) => {
    const partition = host.random.below(PARTITIONS)
    const next = ++offset
    // Until the answer says so, nobody knows.
    history.commitUnsure(name, partition, next)
    if (await commit(client, name, partition, next)) {
      history.commitAcknowledged(name, partition, next)
    }
    await sleep(parts, 80)
    if (host.random.below(4) > 0) return
    for (const found of await fetchOffsets(client, name)) {
      history.commitRead(name, found.partition, found.offset)
    }
  })
}

async function commit(client: Client, groupId: string, partition: number, offset: number) {
  const { topics } = await client.metadata([TOPIC])
  const answer = await client.requestCoordinator(groupId, OffsetCommit, {
    groupId,
    memberId: '',
    topics: [
      {
        name: TOPIC,
        topicId: topics[0]!.topicId,
        partitions: [
          { partitionIndex: partition, committedOffset: offset, committedMetadata: null },
        ],
      },
    ],
  })
  return answer.topics[0]!.partitions[0]!.errorCode === 'NONE'
}

/** Makes and deletes topics, each name once. */
export async function runAdministrator(parts: ClientParts, history: History): Promise<void> {
  const { name, host } = parts
  let count = 0
  await untilOver(parts, async (client) => {
    const topic = `${name}-${count++}`
    history.topic(topic, 'unsure')
    const created = await client.request(CreateTopics, {
      topics: [
        { name: topic, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] },
      ],
      timeoutMs: REQUEST_TIMEOUT_MS,
    })
    if (created.topics[0]!.errorCode !== 'NONE') return
    history.topic(topic, 'there')
    await sleep(parts, 500)
    if (host.random.below(2) === 0) return
    history.topic(topic, 'unsure')
    const deleted = await client.request(DeleteTopics, {
      topics: [{ name: topic, topicId: ZERO_UUID }],
      topicNames: [topic],
      timeoutMs: REQUEST_TIMEOUT_MS,
    })
    if (deleted.responses[0]!.errorCode === 'NONE') history.topic(topic, 'gone')
    await sleep(parts, 500)
  })
}

/** All records of the partitions, and the topics, as they are at the end. */
export async function readAll(
  parts: ClientParts,
): Promise<{ logs: Map<number, Map<number, string>>; topics: Set<string> }> {
  const client = clientOf(parts)
  const logs = new Map<number, Map<number, string>>()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const log = new Map<number, string>()
    const reader = new PartitionReader(client, [{ topic: TOPIC, partition, offset: 0 }], {
      codecs: parts.codecs,
      maxWaitMs: 10,
    })
    for (let isEmpty = false; !isEmpty;) {
      isEmpty = true
      for (const { records } of await reader.poll()) {
        for (const { offset, value } of records) {
          isEmpty = false
          log.set(offset, valueOf(value))
        }
      }
    }
    logs.set(partition, log)
  }
  await client.close()
  return { logs, topics: await readTopics(parts) }
}

/** Which topics there are, once all brokers say the same: one that was cut off is behind for a while. */
async function readTopics(parts: ClientParts): Promise<Set<string>> {
  for (;;) {
    const told: string[][] = []
    for (const address of parts.bootstrap) {
      const client = clientOf({ ...parts, bootstrap: [address] })
      const { topics } = await client.metadata(null)
      told.push(topics.map(({ name }) => name ?? '').sort())
      await client.close()
    }
    if (new Set(told.map(String)).size === 1) return new Set(told[0])
    await sleep(parts, 200)
  }
}

function valueOf(value: Buffer | null): string {
  return String(value).replace(/\.+$/, '')
}
