import type { ErrorName } from '../../protocol/errors.ts'
import { WriteTxnMarkers } from '../../protocol/messages/write-txn-markers.ts'
import type { Logger } from '../host/host.ts'
import { BrokerLinkError, type BrokerLinks } from '../peer/broker-links.ts'
import { RequestBatches } from '../peer/request-batches.ts'
import type { MarkerWriter, TopicPartition, TransactionEnd } from '../replication/transactions.ts'
import { byTopic } from './by-topic.ts'

/** A broker bounds what one request may name; more go into several. */
const PARTITIONS_A_REQUEST = 1000

export interface ClusterOfBrokers {
  /** The id of this one. */
  readonly brokerId: number
  /** The broker that leads a partition, as this one knows it; -1 for none, undefined where there is no such partition. */
  readonly leaderOf: (partition: TopicPartition) => number | undefined
}

/** Has the markers of transactions written by the brokers that lead the partitions: this one, or by WriteTxnMarkers others. */
export class ClusterMarkerWriter implements MarkerWriter {
  readonly #cluster: ClusterOfBrokers
  readonly #local: MarkerWriter
  readonly #links: Pick<BrokerLinks, 'ask'>
  readonly #log: Pick<Logger, 'error'>
  readonly #others: RequestBatches<TransactionEnd, readonly ErrorName[]>

  constructor(options: {
    cluster: ClusterOfBrokers
    local: MarkerWriter
    links: Pick<BrokerLinks, 'ask'>
    log: Pick<Logger, 'error'>
  }) {
    this.#cluster = options.cluster
    this.#local = options.local
    this.#links = options.links
    this.#log = options.log
    this.#others = new RequestBatches({
      send: (brokerId, ends) => this.#send(brokerId, ends),
      keyOf: ({ producerId }) => producerId,
      weightOf: ({ partitions }) => partitions.length,
    })
  }

  async write(end: TransactionEnd): Promise<readonly ErrorName[]> {
    const { brokerId, leaderOf } = this.#cluster
    const leaders = end.partitions.map((partition) => leaderOf(partition))
    if (leaders.every((leader) => leader === brokerId)) return this.#local.write(end)
    const errors = leaders.map((leader): ErrorName =>
      leader === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'LEADER_NOT_AVAILABLE',
    )
    const written = Array.from(new Set(leaders), async (leader) => {
      if (leader === undefined || leader < 0) return
      const places = [...leaders.keys()].filter((at) => leaders[at] === leader)
      const own = { ...end, partitions: places.map((at) => end.partitions[at]!) }
      const told = await (leader === brokerId ? this.#local.write(own) : this.#ask(leader, own))
      for (const [index, at] of places.entries()) errors[at] = told[index]!
    })
    await Promise.all(written)
    return errors
  }

  async #ask(leader: number, end: TransactionEnd): Promise<readonly ErrorName[]> {
    const parts = inParts(end.partitions).map(async (partitions) => {
      try {
        return await this.#others.ask(leader, { ...end, partitions })
      } catch (error) {
        const told = this.#errorOf(error, leader)
        return partitions.map(() => told)
      }
    })
    return (await Promise.all(parts)).flat()
  }

  /** All of these pass, as far as anybody can tell from here: what is a bug is said. */
  #errorOf(error: unknown, leader: number): ErrorName {
    if (error instanceof BrokerLinkError) {
      return error.code === 'NOT_ALIVE' ? 'LEADER_NOT_AVAILABLE' : 'NETWORK_EXCEPTION'
    }
    const fields = { err: error, leader }
    this.#log.error(fields, 'Another broker could not be asked to write markers of transactions')
    return 'UNKNOWN_SERVER_ERROR'
  }

  /** What the answer leaves out may be written or not, and is tried again. */
  async #send(
    brokerId: number,
    ends: readonly TransactionEnd[],
  ): Promise<readonly (readonly ErrorName[])[]> {
    const { markers } = await this.#links.ask(brokerId, WriteTxnMarkers, {
      markers: ends.map(({ partitions, result, ...marker }) => ({
        ...marker,
        transactionResult: result === 'COMMIT',
        topics: byTopic(partitions).map(({ name, indexes }) => ({
          name,
          partitionIndexes: indexes,
        })),
      })),
    })
    const told = new Map<string, ErrorName>()
    for (const { producerId, topics } of markers) {
      for (const { name, partitions } of topics) {
        for (const { partitionIndex, errorCode } of partitions) {
          told.set(`${producerId} ${partitionIndex} ${name}`, errorCode)
        }
      }
    }
    return ends.map(({ producerId, partitions }) =>
      partitions.map(
        ({ topic, partition }) =>
          told.get(`${producerId} ${partition} ${topic}`) ?? 'NETWORK_EXCEPTION',
      ),
    )
  }
}

function inParts(all: readonly TopicPartition[]): TopicPartition[][] {
  const count = Math.ceil(all.length / PARTITIONS_A_REQUEST)
  return Array.from({ length: count }, (_, part) =>
    all.slice(part * PARTITIONS_A_REQUEST, (part + 1) * PARTITIONS_A_REQUEST),
  )
}
