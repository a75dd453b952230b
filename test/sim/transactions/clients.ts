import type { Client } from '../../../bin/client/client.ts'
import { LATEST_TIMESTAMP, listOffsets } from '../../../bin/client/offsets.ts'
import { PartitionReader } from '../../../bin/client/reader.ts'
import { topicsWithLeaders } from '../../../bin/client/topics.ts'
import { clientOf, PARTITIONS, sleep, untilOver } from '../clients.ts'
import type { ClientParts } from '../clients.ts'
import type { TransactionHistory } from './history.ts'
import { stableOffset, TransactionSession } from './session.ts'
import type { Dialect } from './session.ts'

const TRANSACTED_TOPIC = 'ledger'
const TIMEOUT_MS = 3000

interface TransactedTopic {
  readonly name: string
  readonly topicId: string
}

async function topicOf(client: Client): Promise<TransactedTopic> {
  const options = { allowAutoTopicCreation: true }
  const [topic] = await topicsWithLeaders(client, [TRANSACTED_TOPIC], options)
  return { name: TRANSACTED_TOPIC, topicId: topic!.topicId }
}

/**
 * Takes the inputs of a transactional id one by one, as often as it may: whoever has the same id fences it, and is fenced. Now
 * and then it goes without a word in the middle of a transaction.
 */
export async function runProcessor(
  parts: ClientParts,
  history: TransactionHistory,
  transactionalId: string,
): Promise<void> {
  const { name, host, codecs } = parts
  let count = 0
  await untilOver(parts, async (client) => {
    const topic = await topicOf(client)
    const dialect: Dialect = host.random.below(2) === 0 ? 'names partitions' : 'changes epochs'
    const session = await TransactionSession.begin({
      client,
      codecs,
      transactionalId,
      dialect,
      timeoutMs: TIMEOUT_MS,
      topic,
    })
    const most = 1 + host.random.below(12)
    for (let index = 0; index < most && !parts.isOver(); index++) {
      const isAlive = await transact(parts, history, client, session, {
        transactionalId,
        topicId: topic.topicId,
        attempt: `${name}-${count++}`,
      })
      if (!isAlive) break
      await sleep(parts, 60)
    }
    await sleep(parts, 1500)
  })
}

/** @returns false where it ends in the middle */
async function transact(
  parts: ClientParts,
  history: TransactionHistory,
  client: Client,
  session: TransactionSession,
  {
    transactionalId,
    topicId,
    attempt: name,
  }: Record<'transactionalId' | 'topicId' | 'attempt', string>,
): Promise<boolean> {
  const { host } = parts
  const before = history.offsetOf(transactionalId)
  const input = await stableOffset(client, transactionalId, topicId)
  history.offsetSeen(transactionalId, input, before)
  const attempt = history.begin(transactionalId, input, name)
  const writes = 1 + host.random.below(3)
  let partition = 0
  for (let index = 0; index < writes; index++) {
    partition = host.random.below(PARTITIONS)
    const values = Array.from({ length: 1 + host.random.below(3) }, () => history.valueOf(attempt))
    const baseOffset = await session.write(partition, values, host.clock.now())
    if (baseOffset < 0) continue
    values.forEach((value, at) => history.written(value, partition, baseOffset + at))
  }
  if (host.random.below(12) === 0) return false
  if (host.random.below(8) === 0) {
    const late = clientOf(parts)
    const values = [history.valueOf(attempt)]
    const sent = session.stray(late, partition, values, host.clock.now())
    const over = sent.catch(() => undefined).then(() => late.close())
    await session.end(false)
    history.ended(attempt, 'aborted')
    await over
    return false
  }
  await session.commitOffset(input + 1)
  if (host.random.below(12) === 0) return false
  const isCommitted = host.random.below(5) > 0
  if (isCommitted) history.commits(attempt)
  await session.end(isCommitted)
  history.ended(attempt, isCommitted ? 'committed' : 'aborted')
  return true
}

/** Reads a partition as read_committed consumers do, from its beginning, again and again. */
export async function runCommittedReader(
  parts: ClientParts,
  history: TransactionHistory,
): Promise<void> {
  const { host, codecs } = parts
  await untilOver(parts, async (client) => {
    await topicOf(client)
    const partition = host.random.below(PARTITIONS)
    const from = { topic: TRANSACTED_TOPIC, partition, offset: 0 }
    const options = { codecs, maxWaitMs: 100, maxBytes: 4000 }
    const reader = new PartitionReader(client, [from], {
      ...options,
      isolationLevel: 'read_committed',
    })
    for (let round = 0; round < 12 && !parts.isOver(); round++) {
      for (const { records } of await reader.poll()) {
        for (const { value } of records) history.read(String(value))
      }
      await sleep(parts, 40)
    }
  })
}

const EVERY_END = Array.from({ length: PARTITIONS }, (_, partition) => ({
  topic: TRANSACTED_TOPIC,
  partition,
  timestamp: LATEST_TIMESTAMP,
}))

/** Whether a transaction is open. */
async function isUndecided(client: Client): Promise<boolean> {
  const stable = await listOffsets(client, EVERY_END, 'read_committed')
  const ends = await listOffsets(client, EVERY_END)
  return ends.some(({ offset }, at) => offset !== stable[at]!.offset)
}

/** What there is at the end, once no transaction is open: if that never comes, this never ends. */
export async function readLedger(parts: ClientParts, transactionalIds: readonly string[]) {
  const client = clientOf(parts)
  const topic = await topicOf(client)
  while (await isUndecided(client)) await sleep(parts, 500)
  const committed: string[] = []
  const stored = new Map<string, string>()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const { value } of await readTo(client, parts, partition, 'read_committed')) {
      committed.push(String(value))
    }
    for (const { value, offset } of await readTo(client, parts, partition, 'read_uncommitted')) {
      stored.set(`${partition}@${offset}`, String(value))
    }
  }
  const offsets = new Map<string, number>()
  for (const transactionalId of transactionalIds) {
    offsets.set(transactionalId, await stableOffset(client, transactionalId, topic.topicId))
  }
  await client.close()
  return { committed, stored, offsets }
}

async function readTo(
  client: Client,
  { codecs }: ClientParts,
  partition: number,
  isolationLevel: 'read_committed' | 'read_uncommitted',
) {
  const [end] = await listOffsets(client, [EVERY_END[partition]!])
  const from = { topic: TRANSACTED_TOPIC, partition, offset: 0, endOffset: end!.offset }
  const reader = new PartitionReader(client, [from], { codecs, maxWaitMs: 10, isolationLevel })
  const all = []
  while (!reader.isDone) for (const { records } of await reader.poll()) all.push(...records)
  return all
}
