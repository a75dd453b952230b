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
  readonly refusals: Error[] = []
  /** With what the writer fails, before it writes again. */
  readonly bugs: Error[] = []
  readonly logged: string[] = []
  readonly #sender: MarkerSender
  #pauses = 0

  constructor() {
    const log = (_fields: object, message: string): void => void this.logged.push(message)
    const logger = { debug: log, info: log, warn: log, error: log, child: () => logger }
    this.#sender = new MarkerSender({
      clock: this.clock,
      log: logger,
      writer: {
        write: (end) => {
          this.written.push(end)
          const bug = this.bugs.shift()
          if (bug !== undefined) return Promise.reject(bug)
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
        return refusal === undefined ? Promise.resolve(null) : Promise.reject(refusal)
      },
    })
  }

  send(transaction = ending): void {
    this.#sender.send(transaction, PLACE)
  }

  /** Whether somebody who waits was told; null where nobody would be. */
  wait(transactionalId = 'x'): { isTold: boolean; stop: () => void } | null {
    const waiting = { isTold: false, stop: () => undefined as void }
    const stop = this.#sender.onceWritten(transactionalId, () => (waiting.isTold = true))
    return stop && Object.assign(waiting, { stop })
  }

  /** Time goes on, until so many partitions were noted in all. */
  async untilNoted(count: number): Promise<void> {
    const noted = (): number => this.noted.flatMap(({ partitions }) => partitions).length
    while (noted() < count) await this.turn()
  }

  async turn(): Promise<void> {
    await this.pause()
    this.clock.skip(50)
  }

  /** What is under way goes on, and no time passes. */
  async pause(): Promise<void> {
    if (++this.#pauses > 1000) throw new Error('It never comes')
    await new Promise((resolve) => setImmediate(resolve))
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

  test.each<ErrorName>(['MESSAGE_TOO_LARGE', 'CLUSTER_AUTHORIZATION_FAILED'])(
    'that a partition refuses with %s, which somebody has to mend, are written when that is done, with one line in the log',
    async (error) => {
      const cluster = new Cluster()
      cluster.errors['t-0'] = [error, error, error]
      cluster.send()
      await cluster.untilNoted(3)
      expect(cluster.tries).toHaveLength(4)
      expect(cluster.logged).toEqual([
        'A partition refuses the end of a transaction, and is asked again',
      ])
    },
  )

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
    while (cluster.noted.length === 0) await cluster.pause()
    // By now it waits to try again.
    await cluster.pause()
    cluster.isCurrent = false
    const tries = cluster.tries.length
    for (let turn = 0; turn < 5; turn++) {
      await cluster.turn()
      cluster.clock.skip(600_000)
    }
    expect(cluster.tries).toHaveLength(tries)
  })

  test('are told of until the shard has stored it, and not written again for that', async () => {
    const cluster = new Cluster()
    const refusal = new CoordinatorError('COORDINATOR_NOT_AVAILABLE')
    cluster.refusals.push(refusal, refusal)
    cluster.send()
    await cluster.untilNoted(9)
    expect(cluster.tries).toHaveLength(1)
    expect(cluster.noted.map(({ partitions }) => partitions.length)).toEqual([3, 3, 3])
  })

  test('are not told of to a shard that is loaded again, which has them written itself', async () => {
    const cluster = new Cluster()
    cluster.refusals.push(new CoordinatorError('COORDINATOR_LOAD_IN_PROGRESS'))
    cluster.send()
    for (let turn = 0; turn < 5; turn++) await cluster.turn()
    expect(cluster.noted).toHaveLength(1)
  })

  test('are written after an error that nobody expected, with a line in the log for each', async () => {
    const cluster = new Cluster()
    cluster.bugs.push(new Error('a bug'))
    cluster.refusals.push(new Error('another bug'))
    cluster.send()
    await cluster.untilNoted(6)
    expect(cluster.tries).toHaveLength(2)
    expect(cluster.noted.map(({ partitions }) => partitions.length)).toEqual([3, 3])
    const line = 'The end of a transaction failed, and is tried again'
    expect(cluster.logged).toEqual([line, line])
  })

  test('tell who waits for it that they are there', async () => {
    const cluster = new Cluster()
    expect(cluster.wait()).toBeNull()
    cluster.errors['t-0'] = ['NOT_LEADER_OR_FOLLOWER']
    cluster.send()
    const [waiting, gone] = [cluster.wait()!, cluster.wait()!]
    expect(cluster.wait('another')).toBeNull()
    gone.stop()
    await cluster.untilNoted(2)
    expect(waiting.isTold).toBe(false)
    await cluster.untilNoted(3)
    while (!waiting.isTold) await cluster.pause()
    expect(gone.isTold).toBe(false)
    expect(cluster.wait()).toBeNull()
  })

  test('tell who waits that another coordinator goes on with the transaction', async () => {
    const cluster = new Cluster()
    cluster.errors['t-0'] = ['TRANSACTION_COORDINATOR_FENCED']
    cluster.send()
    const waiting = cluster.wait()!
    while (!waiting.isTold) await cluster.turn()
    expect(cluster.noted).toEqual([])
  })

  test('of two ends of an id, the one before tells only those who wait for it', async () => {
    const cluster = new Cluster()
    cluster.refusals.push(new CoordinatorError('COORDINATOR_LOAD_IN_PROGRESS'))
    cluster.errors['t-0'] = ['NOT_LEADER_OR_FOLLOWER', 'NOT_LEADER_OR_FOLLOWER']
    cluster.send()
    const first = cluster.wait()!
    // The shard is loaded again.
    cluster.send()
    const second = cluster.wait()!
    while (!first.isTold) await cluster.pause()
    expect([second.isTold, cluster.wait() === null]).toEqual([false, false])
    while (!second.isTold) await cluster.turn()
  })
})
