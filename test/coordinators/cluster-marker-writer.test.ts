import type { ErrorName } from '../../protocol/errors.ts'
import type { WriteTxnMarkersRequest } from '../../protocol/messages/write-txn-markers.ts'
import { ClusterMarkerWriter } from '../../src/coordinators/cluster-marker-writer.ts'
import { MarkerSender } from '../../src/coordinators/transaction/markers.ts'
import { newTransaction } from '../../src/coordinators/transaction/transaction.ts'
import { nodeHost } from '../../src/host/node.ts'
import type { BrokerLinkError } from '../../src/peer/broker-links.ts'
import type { TransactionEnd } from '../../src/replication/transactions.ts'
import { SkippingClock } from '../support/skipping-clock.ts'
import { FakeLinks } from './fake-links.ts'

const OWN = 1
const MARKER = { producerId: 4000, producerEpoch: 5, coordinatorEpoch: 3, transactionVersion: 2 }
const END = { ...MARKER, result: 'COMMIT' } as const

const name = (topic: string, partition: number): string => `${topic}-${partition}`
const at = (topic: string, ...indexes: number[]) =>
  indexes.map((partition) => ({ topic, partition }))

/** A broker among others, with the leaders of `t` and `u` that a test says. */
class Cluster {
  readonly leaders = new Map<string, number>()
  /** What each partition comes to, tried by tried; NONE when there is none left. */
  readonly errors: Record<string, ErrorName[]> = {}
  readonly lost: BrokerLinkError['code'][] = []
  readonly logged: string[] = []
  readonly own: TransactionEnd[] = []
  /** Partitions that no answer has. */
  readonly unanswered = new Set<string>()
  readonly links = new FakeLinks<WriteTxnMarkersRequest>((_to, { markers }) => {
    const lost = this.lost.shift()
    if (lost !== undefined) return lost
    return {
      markers: markers.map(({ producerId, topics }) => ({
        producerId,
        topics: topics.map(({ name: topic, partitionIndexes }) => ({
          name: topic,
          partitions: partitionIndexes
            .filter((index) => !this.unanswered.has(name(topic, index)))
            .map((partitionIndex) => ({
              partitionIndex,
              errorCode: this.#next(topic, partitionIndex),
            })),
        })),
      })),
    }
  })
  readonly writer = new ClusterMarkerWriter({
    cluster: {
      brokerId: OWN,
      leaderOf: ({ topic, partition }) => this.leaders.get(name(topic, partition)),
    },
    local: {
      write: (end) => {
        this.own.push(end)
        const { partitions } = end
        return Promise.resolve(partitions.map((each) => this.#next(each.topic, each.partition)))
      },
    },
    links: this.links,
    log: { error: (_fields, message) => void this.logged.push(message) },
  })

  #next(topic: string, partition: number): ErrorName {
    return this.errors[name(topic, partition)]?.shift() ?? 'NONE'
  }

  /** @param leaders by the partitions' numbers */
  lead(topic: string, ...leaders: number[]): this {
    for (const [index, leader] of leaders.entries()) this.leaders.set(name(topic, index), leader)
    return this
  }

  get markers() {
    return this.links.asked.map(({ to, body }) => ({
      to,
      markers: (body as WriteTxnMarkersRequest).markers,
    }))
  }
}

describe('markers of transactions over several brokers', () => {
  test('are asked of the leaders, once of each, and their errors come in the order of the partitions', async () => {
    const cluster = new Cluster().lead('t', 2, OWN, 3, 2).lead('u', 2, OWN)
    cluster.errors['t-1'] = ['KAFKA_STORAGE_ERROR']
    cluster.errors['t-3'] = ['NOT_LEADER_OR_FOLLOWER']
    const partitions = [...at('t', 0, 1, 2, 3), ...at('u', 0, 1)]
    expect(await cluster.writer.write({ ...END, partitions })).toEqual([
      'NONE',
      'KAFKA_STORAGE_ERROR',
      'NONE',
      'NOT_LEADER_OR_FOLLOWER',
      'NONE',
      'NONE',
    ])
    expect(cluster.own).toEqual([{ ...END, partitions: [...at('t', 1), ...at('u', 1)] }])
    const marker = { ...MARKER, transactionResult: true }
    const topics = [
      { name: 't', partitionIndexes: [0, 3] },
      { name: 'u', partitionIndexes: [0] },
    ]
    expect(cluster.markers).toEqual([
      { to: 2, markers: [{ ...marker, topics }] },
      { to: 3, markers: [{ ...marker, topics: [{ name: 't', partitionIndexes: [2] }] }] },
    ])
  })

  test('of partitions that are all led here are nobody else’s', async () => {
    const cluster = new Cluster().lead('t', OWN, OWN)
    const end = { ...END, partitions: at('t', 0, 1) }
    expect(await cluster.writer.write(end)).toEqual(['NONE', 'NONE'])
    expect(cluster.own).toEqual([end])
    expect(cluster.markers).toEqual([])
  })

  test('wait where nobody leads, and are not asked for where there is no such partition', async () => {
    const cluster = new Cluster().lead('t', -1, 2)
    const errors = await cluster.writer.write({ ...END, partitions: at('t', 0, 1, 2) })
    expect(errors).toEqual(['LEADER_NOT_AVAILABLE', 'NONE', 'UNKNOWN_TOPIC_OR_PARTITION'])
  })

  test('of an abort say so', async () => {
    const cluster = new Cluster().lead('t', 2)
    await cluster.writer.write({ ...END, result: 'ABORT', partitions: at('t', 0) })
    expect(cluster.markers[0]!.markers).toMatchObject([{ transactionResult: false }])
  })

  test.each<[BrokerLinkError['code'], ErrorName]>([
    ['NO_ANSWER', 'NETWORK_EXCEPTION'],
    ['UNSUPPORTED_VERSION', 'NETWORK_EXCEPTION'],
    ['NOT_ALIVE', 'LEADER_NOT_AVAILABLE'],
  ])('that a broker does not answer (%s) are not known to be there', async (code, told) => {
    const cluster = new Cluster().lead('t', 2, OWN, 2)
    cluster.lost.push(code)
    const errors = await cluster.writer.write({ ...END, partitions: at('t', 0, 1, 2) })
    expect(errors).toEqual([told, 'NONE', told])
  })

  test('that an answer leaves out are not known to be there', async () => {
    const cluster = new Cluster().lead('t', 2, 2)
    cluster.unanswered.add('t-0')
    const errors = await cluster.writer.write({ ...END, partitions: at('t', 0, 1) })
    expect(errors).toEqual(['NETWORK_EXCEPTION', 'NONE'])
  })

  test('that fail by a bug are not known to be there, which a line in the log tells, and others are', async () => {
    const cluster = new Cluster().lead('t', 2, OWN)
    // An answer that nobody can read.
    cluster.errors['t-0'] = new Proxy([], {
      get: () => {
        throw new Error('a bug')
      },
    })
    const errors = await cluster.writer.write({ ...END, partitions: at('t', 0, 1) })
    expect(errors).toEqual(['UNKNOWN_SERVER_ERROR', 'NONE'])
    expect(cluster.logged).toEqual([
      'Another broker could not be asked to write markers of transactions',
    ])
  })

  test('of several transactions go together, and each is told of its own', async () => {
    const cluster = new Cluster().lead('t', 2, 2, 2)
    cluster.errors['t-2'] = ['INVALID_PRODUCER_EPOCH']
    const written = [0, 1, 2].map((index) =>
      cluster.writer.write({ ...END, producerId: index, partitions: at('t', index) }),
    )
    expect(await Promise.all(written)).toEqual([['NONE'], ['NONE'], ['INVALID_PRODUCER_EPOCH']])
    expect(cluster.markers.map(({ markers }) => markers.length)).toEqual([1, 2])
  })

  test('of thousands of partitions go in requests that a broker takes', async () => {
    const cluster = new Cluster().lead('t', ...Array<number>(2500).fill(2))
    cluster.errors['t-1001'] = ['NOT_ENOUGH_REPLICAS']
    const indexes = Array.from({ length: 2500 }, (_, index) => index)
    const errors = await cluster.writer.write({ ...END, partitions: at('t', ...indexes) })
    expect(errors.flatMap((error, index) => (error === 'NONE' ? [] : [index]))).toEqual([1001])
    const counts = cluster.markers.map(
      ({ markers }) => markers[0]!.topics[0]!.partitionIndexes.length,
    )
    expect(counts).toEqual([1000, 1000, 500])
  })

  test('are tried again until they are there: with the next leader, after a lost connection, once somebody leads', async () => {
    const cluster = new Cluster().lead('t', 2, -1, OWN)
    cluster.lost.push('NO_ANSWER')
    cluster.errors['t-0'] = ['NOT_LEADER_OR_FOLLOWER']
    const clock = new SkippingClock()
    const noted: number[] = []
    const sender = new MarkerSender({
      clock,
      log: nodeHost({ log: { level: 'silent' } }).log,
      writer: cluster.writer,
      isGone: () => false,
      isCurrent: () => true,
      note: (_place, { partitions }) => {
        noted.push(...partitions.map(({ partition }) => partition))
        return Promise.resolve(null)
      },
    })
    const untilAsked = async (times: number): Promise<void> => {
      while (cluster.links.asked.length < times) {
        await new Promise((resolve) => setImmediate(resolve))
        clock.skip(50)
      }
    }
    sender.send(
      {
        ...newTransaction('x', 4000, 60_000, 0),
        state: 'PrepareCommit',
        partitions: new Map([['t', new Set([0, 1, 2])]]),
      },
      { index: 0, leaderEpoch: 3, loads: 1 },
    )
    await untilAsked(2)
    cluster.lead('t', 3)
    await untilAsked(3)
    cluster.lead('t', 3, 3)
    await untilAsked(4)
    while (noted.length < 3) await new Promise((resolve) => setImmediate(resolve))
    expect(noted).toEqual([2, 0, 1])
    const told = cluster.markers.map(({ to, markers }) => [
      to,
      markers[0]!.topics[0]!.partitionIndexes,
    ])
    expect(told).toEqual([
      [2, [0]],
      [2, [0]],
      [3, [0]],
      [3, [1]],
    ])
    expect(cluster.own).toHaveLength(1)
  })
})
