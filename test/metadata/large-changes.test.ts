import { readFileSync } from 'node:fs'
import {
  batchAttributes,
  isControl,
  readBatches,
  readRecords,
} from '../../protocol/records/batch.ts'
import { decodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { TestNode } from './support.ts'
import type { QuorumNode } from './simulated-quorum.ts'
import { SimulatedQuorum } from './simulated-quorum.ts'
import { BROKER, removeDirectory, serveAs, startNode, topic } from './support.ts'

const TOPICS = ['a', 'b', 'c', 'd', 'e']
const PARTITIONS_EACH = 4_000
const ALL = TOPICS.length * PARTITIONS_EACH

const started: TestNode[] = []
async function start(path?: string): Promise<TestNode> {
  const node = await startNode(path)
  started.push(node)
  return node
}

afterEach(async () => {
  for (const node of started.splice(0)) {
    await node.close()
    removeDirectory(node.path)
  }
})

const beat = ({ node }: Pick<TestNode, 'node'>, brokerEpoch: number, wantFence: boolean) =>
  node.submit({
    type: 'brokerHeartbeat',
    brokerId: 1,
    brokerEpoch,
    currentMetadataOffset: node.image.offset,
    wantFence,
    wantShutDown: false,
    offlineLogDirs: [],
    cordonedLogDirs: null,
  })

/** How many partitions each leader has. */
function leaders({ node }: Pick<TestNode, 'node'>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { partitions } of node.image.topics.byId.values()) {
    for (const { leader } of partitions) counts[leader] = (counts[leader] ?? 0) + 1
  }
  return counts
}

/** The types of the records that frame others, and how many batches these have, in the order of the log. */
function transactionsIn({ path }: TestNode): { begun: number; ended: number; batches: number }[] {
  const found: { begun: number; ended: number; batches: number }[] = []
  let isWithin = false
  const log = readFileSync(`${path}/__cluster_metadata-0/${'0'.repeat(20)}.log`)
  for (const batch of readBatches(log)) {
    if (isControl(batchAttributes(batch, 0))) continue
    if (isWithin) found.at(-1)!.batches++
    for (const { offset, value } of readRecords(batch, nodeCodecs())) {
      const { type } = decodeMetadataRecord(value!)
      if (type === 'BeginTransactionRecord') {
        isWithin = true
        found.push({ begun: Number(offset), ended: -1, batches: 1 })
      } else if (type === 'EndTransactionRecord') {
        isWithin = false
        found.at(-1)!.ended = Number(offset)
      }
    }
  }
  return found
}

test('a broker with more partitions than a batch has room for is fenced, serves, and registers anew, each as one', async () => {
  const first = await start()
  const epoch = await first.register()
  for (const name of TOPICS) {
    const topics = [topic(name, PARTITIONS_EACH)]
    const command = { type: 'createTopics', topics, validateOnly: false } as const
    expect(await first.node.submit(command)).toMatchObject([{ errorCode: 'NONE' }])
  }
  const seen: Record<string, number>[] = []
  first.node.onChange(() => seen.push(leaders(first)))

  expect(await beat(first, epoch, true)).toMatchObject({ errorCode: 'NONE', isFenced: true })
  expect(first.node.image.brokers.get(1)!.fenced).toBe(true)
  expect(await beat(first, epoch, false)).toMatchObject({ errorCode: 'NONE', isFenced: false })
  // Nobody ever saw a part of it.
  expect(seen).toEqual([{ '-1': ALL }, { '1': ALL }])
  await first.close()

  const second = await start(first.path)
  expect(leaders(second)).toEqual({ '1': ALL })
  const anew = await second.register()
  const transactions = transactionsIn(second)
  // The first of all are the bootstrap records.
  expect(transactions.map(({ batches }) => batches > 1)).toEqual([false, true, true, true, true])
  expect(anew).toBe(transactions[3]!.begun)
  expect(leaders(second)).toEqual({ '1': ALL })
  expect(transactions[4]!.ended).toBeGreaterThan(transactions[4]!.begun + ALL)
  const [topicA] = [...second.node.image.topics.byId.values()]
  expect(topicA!.partitions[0]).toMatchObject({ leader: 1, leaderEpoch: 4 })
})

describe('a change that takes many turns', () => {
  const setUp = async () => {
    const quorum = await SimulatedQuorum.start(3)
    const first = await quorum.controller()
    const made = (async () => {
      const logDirs = [`${'d'.repeat(21)}Q`]
      const epoch = await serveAs(first.node, { ...BROKER, logDirs })
      for (const name of TOPICS) {
        const topics = [topic(name, PARTITIONS_EACH)]
        await first.node.submit({ type: 'createTopics', topics, validateOnly: false })
      }
      return epoch
    })()
    return { quorum, first, epoch: await quorum.resolve(made, 'topics') }
  }
  const offsetOf = ({ node }: QuorumNode): number => node.quorum!.nextOffset

  test('is given up with the office: the next controller has nothing of it, whatever of it the others have', async () => {
    const { quorum, first, epoch } = await setUp()
    const before = offsetOf(first)
    const others = quorum.nodes.filter((each) => each !== first)
    const lost = beat(first, epoch, true).catch((error: unknown) => error)
    // The others have its begin, and never get its end.
    await quorum.until(() => others.every((each) => offsetOf(each) > before), 'its begin')
    quorum.cutOff(first)
    expect(Math.max(...others.map(offsetOf))).toBeLessThan(before + ALL)
    expect(await quorum.resolve(lost, 'end of it')).toMatchObject({ code: 'ERR_SHARD_LOST' })
    const next = await quorum.controller()
    await quorum.until(
      () => next.node.quorum!.highWatermark === offsetOf(next),
      'its first records',
    )
    expect(leaders(next)).toEqual({ '1': ALL })
    const again = await quorum.resolve(beat(next, epoch, true), 'the same, asked again')
    expect(again).toMatchObject({ errorCode: 'NONE', isFenced: true })
    quorum.heal()
    const isFenced = (each: QuorumNode) => each.node.image.brokers.get(1)!.fenced
    await quorum.until(() => quorum.nodes.every(isFenced), 'one image')
    expect(quorum.nodes.map(leaders)).toEqual(quorum.nodes.map(() => ({ '-1': ALL })))
    expect(quorum.nodes.flatMap(({ failures }) => failures)).toEqual([])
  })

  test('is not seen in part by what is asked meanwhile, and answers to others do not wait for it', async () => {
    const { quorum, first, epoch } = await setUp()
    const before = first.node.image.offset
    const fenced = beat(first, epoch, true)
    const served = beat(first, epoch, false)
    await quorum.until(() => offsetOf(first) > before + 1, 'its begin')
    expect(first.node.describeQuorum().leaderId).toBe(first.id)
    expect(first.node.image.offset).toBe(before)
    const replies = await quorum.resolve(Promise.all([fenced, served]), 'both')
    expect(replies.map(({ isFenced }) => isFenced)).toEqual([true, false])
    expect(leaders(first)).toEqual({ '1': ALL })
    const epochs = [...first.node.image.topics.byId.values()].flatMap(({ partitions }) =>
      partitions.map(({ leaderEpoch }) => leaderEpoch),
    )
    expect(new Set(epochs)).toEqual(new Set([2]))
  })
})
