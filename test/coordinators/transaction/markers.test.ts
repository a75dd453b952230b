import type { ErrorName } from '../../../protocol/errors.ts'
import type { CommandOf } from '../../../src/coordinators/transaction/commands.ts'
import { MarkerSender } from '../../../src/coordinators/transaction/markers.ts'
import { newTransaction } from '../../../src/coordinators/transaction/transaction.ts'
import type { Transaction } from '../../../src/coordinators/transaction/transaction.ts'
import { CoordinatorError } from '../../../src/coordinators/runtime/errors.ts'
import type { TransactionEnd } from '../../../src/replication/transactions.ts'
import { SkippingClock } from '../../support/skipping-clock.ts'

const PLACE = { index: 7, leaderEpoch: 3, loads: 1 }

const ending: Transaction = {
  ...newTransaction('x', 1000, 60_000, 0),
  state: 'PrepareAbort',
  producerEpoch: 5,
  partitions: new Map([
    ['t', new Set([0, 1])],
    ['u', new Set([0])],
  ]),
  clientVersion: 2,
}

/** Plays the partitions, by `topic-partition`, and the shard. */
class Cluster {
  readonly clock = new SkippingClock()
  /** What each try of a partition comes to; NONE when there is none left. */
  readonly errors: Record<string, ErrorName[]> = {}
  readonly gone = new Set<string>()
  isCurrent = true
  readonly written: TransactionEnd[] = []
  /** What the shard was told. */
  readonly noted: CommandOf<'MarkersWritten'>[] = []
  /** What it says to that; nothing when there is none left. */
  readonly refusals: ErrorName[] = []
  readonly logged: string[] = []
  readonly #sender: MarkerSender

  constructor() {
    const log = (_fields: object, message: string): void => void this.logged.push(message)
    const logger = { debug: log, info: log, warn: log, error: log, child: () => logger }
    this.#sender = new MarkerSender({
      clock: this.clock,
      log: logger,
      writer: {
        write: (end) => {
          this.written.push(end)
          const names = end.partitions.map(({ topic, partition }) => `${topic}-${partition}`)
          return Promise.resolve(names.map((name) => this.errors[name]?.shift() ?? 'NONE'))
        },
      },
      isGone: ({ topic, partition }) => this.gone.has(`${topic}-${partition}`),
      isCurrent: () => this.isCurrent,
      note: (place, command) => {
        expect(place).toEqual(PLACE)
        this.noted.push(command)
        const refusal = this.refusals.shift()
        return refusal === undefined
          ? Promise.resolve(null)
          : Promise.reject(new CoordinatorError(refusal))
      },
    })
  }

  send(transaction = ending): void {
    this.#sender.send(transaction, PLACE)
  }

  /** Time goes on, until so many partitions were noted in all. */
  async untilNoted(count: number): Promise<void> {
    const noted = (): number => this.noted.flatMap(({ partitions }) => partitions).length
    while (noted() < count) await this.turn()
  }

  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.clock.skip(50)
  }

  /** The partitions of each try. */
  get tries(): string[][] {
    return this.written.map(({ partitions }) =>
      partitions.map(({ topic, partition }) => `${topic}-${partition}`),
    )
  }
}

describe('the markers of a transaction that ends', () => {
  test('are written into all of its partitions, and the shard is told', async () => {
    const cluster = new Cluster()
    cluster.send()
    await cluster.untilNoted(3)
    const producer = { producerId: 1000, producerEpoch: 5 }
    const partitions = [
      { topic: 't', partition: 0 },
      { topic: 't', partition: 1 },
      { topic: 'u', partition: 0 },
    ]
    const end = { result: 'ABORT', coordinatorEpoch: 3, transactionVersion: 2 }
    expect(cluster.written).toEqual([{ ...producer, ...end, partitions }])
    const command = { type: 'MarkersWritten', transactionalId: 'x', ...producer, partitions }
    expect(cluster.noted).toEqual([command])
  })

  test('are written again where a leader could not, until it can', async () => {
    const cluster = new Cluster()
    cluster.errors['t-1'] = ['NOT_LEADER_OR_FOLLOWER', 'KAFKA_STORAGE_ERROR']
    cluster.send()
    await cluster.untilNoted(3)
    expect(cluster.tries).toEqual([['t-0', 't-1', 'u-0'], ['t-1'], ['t-1']])
    expect(cluster.noted.map(({ partitions }) => partitions.length)).toEqual([2, 1])
  })

  test('are tried less often the longer a leader can not: there may be many that wait for it', async () => {
    const cluster = new Cluster()
    cluster.errors['t-1'] = Array.from({ length: 200 }, () => 'KAFKA_STORAGE_ERROR')
    cluster.send()
    for (let turn = 0; turn < 200; turn++) await cluster.turn()
    // Within ten seconds.
    expect(cluster.tries.length).toBeGreaterThan(8)
    expect(cluster.tries.length).toBeLessThan(25)
  })

  test('are not waited for where the partition is gone', async () => {
    const cluster = new Cluster()
    cluster.errors['u-0'] = ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION']
    cluster.gone.add('t-0')
    cluster.send()
    await cluster.turn()
    cluster.gone.add('u-0')
    await cluster.untilNoted(3)
    expect(cluster.tries[0]).toEqual(['t-1', 'u-0'])
  })

  test('of no partition at all leave nothing to write', async () => {
    const cluster = new Cluster()
    cluster.send({ ...ending, partitions: new Map() })
    while (cluster.noted.length === 0) await cluster.turn()
    expect(cluster.noted).toMatchObject([{ partitions: [] }])
    expect(cluster.written).toEqual([])
  })

  test('that a partition refuses for good do not hold the transaction up, with a line in the log', async () => {
    const cluster = new Cluster()
    cluster.errors['t-0'] = ['INVALID_PRODUCER_EPOCH']
    cluster.send()
    await cluster.untilNoted(3)
    expect(cluster.tries).toHaveLength(1)
    expect(cluster.logged).toEqual([expect.stringContaining('refuses the end of a transaction')])
  })

  test('are left to the coordinator that has the id now', async () => {
    const cluster = new Cluster()
    cluster.errors['t-0'] = ['TRANSACTION_COORDINATOR_FENCED']
    cluster.send()
    for (let turn = 0; turn < 5; turn++) await cluster.turn()
    expect(cluster.tries).toHaveLength(1)
    expect(cluster.noted).toEqual([])
  })

  test('are not written any more once the shard is led elsewhere', async () => {
    const cluster = new Cluster()
    cluster.errors['t-0'] = Array<ErrorName>(100).fill('NOT_LEADER_OR_FOLLOWER')
    cluster.send()
    await cluster.untilNoted(2)
    cluster.isCurrent = false
    const tries = cluster.tries.length
    for (let turn = 0; turn < 5; turn++) await cluster.turn()
    expect(cluster.tries).toHaveLength(tries)
  })

  test('are told of until the shard has stored it, and not written again for that', async () => {
    const cluster = new Cluster()
    cluster.refusals.push('COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE')
    cluster.send()
    await cluster.untilNoted(9)
    expect(cluster.tries).toHaveLength(1)
    expect(cluster.noted.map(({ partitions }) => partitions.length)).toEqual([3, 3, 3])
  })

  test('are not told of to a shard that is loaded again, which has them written itself', async () => {
    const cluster = new Cluster()
    cluster.refusals.push('COORDINATOR_LOAD_IN_PROGRESS')
    cluster.send()
    for (let turn = 0; turn < 5; turn++) await cluster.turn()
    expect(cluster.noted).toHaveLength(1)
  })
})
