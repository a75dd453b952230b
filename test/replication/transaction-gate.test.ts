import type { ErrorName } from '../../protocol/errors.ts'
import type { Logger } from '../../src/host/host.ts'
import { UNGUARDED } from '../../src/log/producers/verifications.ts'
import type { Partition } from '../../src/replication/partition/partition.ts'
import { TransactionGate } from '../../src/replication/transaction-gate.ts'
import type { Passage, TransactionalRequest } from '../../src/replication/transaction-gate.ts'
import type { TransactionQuestion } from '../../src/replication/transactions.ts'
import { TestNode, batch } from '../handlers/test-node.ts'
import { partitionOf, writeMarker, writeOpen } from '../handlers/transaction-client.ts'

const PRODUCER = 7

const requestOf = (more: Partial<TransactionalRequest> = {}): TransactionalRequest => ({
  transactionalId: 'mine',
  producerId: PRODUCER,
  producerEpoch: 0,
  addPartition: false,
  knowsAbortable: false,
  ...more,
})

function loggerTo(lines: string[]): Logger {
  const log = (_fields: object, message: string): void => void lines.push(message)
  const logger: Logger = { debug: log, info: log, warn: log, error: log, child: () => logger }
  return logger
}

/** A gate to two partitions, and a coordinator that a test plays. */
class Setting {
  readonly node = new TestNode()
  readonly questions: TransactionQuestion[] = []
  readonly answers: ((errors: readonly ErrorName[]) => void)[] = []
  readonly failures: ((error: Error) => void)[] = []
  readonly logged: string[] = []
  /** Who waits for the end of the transaction before; null where the coordinator is another broker. */
  waiting: Set<() => void> | null = null
  isEnabled = true
  readonly gate = new TransactionGate({
    clock: this.node.clock,
    log: loggerTo(this.logged),
    verifier: {
      verify: (question) => {
        this.questions.push(question)
        return new Promise((resolve, reject) => {
          this.answers.push(resolve)
          this.failures.push(reject)
        })
      },
      onceEnded: (transactionalId, ended) => {
        expect(transactionalId).toBe('mine')
        const { waiting } = this
        waiting?.add(ended)
        return waiting && (() => void waiting.delete(ended))
      },
    },
    isEnabled: () => this.isEnabled,
    retryBackoffMs: () => 20,
    retryMaxMs: () => 100,
  })

  static async open(): Promise<Setting> {
    const setting = new Setting()
    await setting.node.addTopic('t', { partitions: [{}, {}, { leader: 2, replicas: [1, 2] }] })
    return setting
  }

  partition(index: number): Partition {
    return partitionOf(this.node, 't', index)
  }

  /** Whoever enters with records for these partitions; null until the passages are known. */
  enter(
    partitions: readonly number[],
    more: Partial<TransactionalRequest> & { sequence?: number } = {},
  ): { passages: readonly Passage[] | null } {
    const { sequence = 0, ...request } = more
    const entered: { passages: readonly Passage[] | null } = { passages: null }
    const records = partitions.map((index) => ({
      partition: this.partition(index),
      baseSequence: sequence,
    }))
    this.gate.enter(requestOf(request), records, (passages) => {
      entered.passages = passages
      this.#append(request, partitions, sequence, passages)
    })
    return entered
  }

  /** As Produce does: at once. */
  #append(
    request: Partial<TransactionalRequest>,
    partitions: readonly number[],
    baseSequence: number,
    passages: readonly Passage[],
  ): void {
    const { producerId, producerEpoch } = requestOf(request)
    for (const [at, index] of partitions.entries()) {
      const passage = passages[at]!
      if (typeof passage === 'string') continue
      const marks = { producerId, producerEpoch, baseSequence, isTransactional: true }
      const records = batch(['x'], marks)
      this.partition(index).append(records, 1, 'client', 1000, () => undefined, -1, passage)
    }
  }

  /** The coordinator answers the oldest question. */
  async answer(...errors: ErrorName[]): Promise<void> {
    this.answers.shift()!(errors)
    await new Promise((resolve) => setImmediate(resolve))
  }

  async asked(count: number): Promise<void> {
    while (this.questions.length < count) await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('the gate for records of transactions', () => {
  test('asks the coordinator of partitions that have none yet, all at once, and not again', async () => {
    const setting = await Setting.open()
    const first = setting.enter([0, 1], { addPartition: true })
    expect(setting.questions).toEqual([
      {
        transactionalId: 'mine',
        producerId: PRODUCER,
        producerEpoch: 0,
        addPartition: true,
        partitions: [
          { topic: 't', partition: 0 },
          { topic: 't', partition: 1 },
        ],
      },
    ])
    expect(first.passages).toBeNull()
    await setting.answer('NONE', 'NONE')
    expect(first.passages).toEqual([{ guard: 1 }, { guard: 1 }])
    expect(setting.enter([0, 1], { sequence: 1 }).passages).toEqual([{ guard: 0 }, { guard: 0 }])
    expect(setting.questions).toHaveLength(1)
    await setting.partition(0).log!.whenIdle()
    expect(setting.partition(0).log!.logEndOffset).toBe(2)
  })

  test('asks only of those that have none', async () => {
    const setting = await Setting.open()
    setting.enter([1])
    await setting.answer('NONE')
    const both = setting.enter([1, 0], { sequence: 1 })
    expect(setting.questions[1]!.partitions).toEqual([{ topic: 't', partition: 0 }])
    await setting.answer('TRANSACTION_ABORTABLE')
    expect(both.passages).toEqual([{ guard: 0 }, 'INVALID_TXN_STATE'])
  })

  test('has what the same producer sends meanwhile wait, in order, and nobody else', async () => {
    const setting = await Setting.open()
    const first = setting.enter([0])
    const second = setting.enter([0], { sequence: 1 })
    const third = setting.enter([0, 1], { sequence: 2 })
    const other = setting.enter([0], { producerId: 8 })
    expect(setting.questions.map(({ producerId }) => producerId)).toEqual([PRODUCER, 8])
    expect([first.passages, second.passages, third.passages]).toEqual([null, null, null])
    await setting.answer('NONE')
    // The third has a partition of its own to ask of.
    expect([first.passages, second.passages, third.passages]).toEqual([
      [{ guard: 1 }],
      [{ guard: 0 }],
      null,
    ])
    await setting.answer('NONE')
    expect(other.passages).toEqual([{ guard: 2 }])
    await setting.answer('NONE')
    expect(third.passages).toEqual([{ guard: 0 }, { guard: 1 }])
    await setting.partition(0).log!.whenIdle()
    expect(setting.partition(0).log!.logEndOffset).toBe(4)
  })

  test.each<[ErrorName, Partial<TransactionalRequest>, ErrorName]>([
    ['TRANSACTION_ABORTABLE', {}, 'INVALID_TXN_STATE'],
    ['TRANSACTION_ABORTABLE', { knowsAbortable: true }, 'TRANSACTION_ABORTABLE'],
    ['PRODUCER_FENCED', { knowsAbortable: true }, 'INVALID_PRODUCER_EPOCH'],
    ['INVALID_PRODUCER_ID_MAPPING', {}, 'INVALID_PRODUCER_ID_MAPPING'],
    ['NOT_COORDINATOR', {}, 'NOT_COORDINATOR'],
    ['CONCURRENT_TRANSACTIONS', {}, 'CONCURRENT_TRANSACTIONS'],
  ])('tells %s to clients as they know it: %j', async (error, request, told) => {
    const setting = await Setting.open()
    const entered = setting.enter([0], request)
    await setting.answer(error)
    expect(entered.passages).toEqual([told])
    // The next one is asked for again.
    setting.enter([0], request)
    expect(setting.questions).toHaveLength(2)
  })

  test('asks again for a while where the transaction before is not over, of clients that count on it', async () => {
    const setting = await Setting.open()
    const entered = setting.enter([0], { addPartition: true })
    for (let count = 1; entered.passages === null; count++) {
      await setting.asked(count)
      await setting.answer('CONCURRENT_TRANSACTIONS')
      setting.node.clock.skip(20)
    }
    expect(entered.passages).toEqual(['CONCURRENT_TRANSACTIONS'])
    expect(setting.questions.length).toBeGreaterThan(3)
  })

  test('asks again as soon as the transaction before is over, where its coordinator is here', async () => {
    const setting = await Setting.open()
    const waiting = (setting.waiting = new Set())
    const entered = setting.enter([0], { addPartition: true })
    await setting.answer('CONCURRENT_TRANSACTIONS')
    expect(waiting.size).toBe(1)
    // No time goes by.
    for (const ended of waiting) ended()
    await setting.asked(2)
    await setting.answer('NONE')
    expect(entered.passages).toEqual([{ guard: 1 }])
  })

  /** The partition has an open transaction, which is ended with the epoch that the next one has. */
  const afterTransaction = async () => {
    const setting = await Setting.open()
    const { node } = setting
    await writeOpen(node, 't', { producerId: PRODUCER, producerEpoch: 0 })
    const entered = setting.enter([0, 1], { addPartition: true, producerEpoch: 1 })
    const end = { producerId: PRODUCER, producerEpoch: 1, transactionVersion: 2 }
    return { setting, entered, writeEnd: () => writeMarker(node, end) }
  }
  const isWritten = async (setting: Setting): Promise<void> => {
    for (const index of [0, 1]) {
      const log = setting.partition(index).log!
      await log.whenIdle()
      expect(log.transactions.standing(PRODUCER)).toMatchObject({ epoch: 1, isInTransaction: true })
    }
  }

  test('lets through what waited for the end of the transaction before, whose marker the partition has got meanwhile', async () => {
    const { setting, entered, writeEnd } = await afterTransaction()
    await setting.answer('CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS')
    expect(await writeEnd()).toEqual(['NONE'])
    setting.node.clock.skip(20)
    await setting.asked(2)
    await setting.answer('NONE', 'NONE')
    expect(entered.passages).toHaveLength(2)
    await isWritten(setting)
  })

  test('asks once more where a marker has come into a partition before the answer, which may be of the transaction that it ended', async () => {
    const { setting, entered, writeEnd } = await afterTransaction()
    expect(await writeEnd()).toEqual(['NONE'])
    await setting.answer('NONE', 'NONE')
    expect(entered.passages).toBeNull()
    await setting.asked(2)
    expect(setting.questions[1]).toEqual(setting.questions[0])
    await setting.answer('NONE', 'NONE')
    expect(entered.passages).toHaveLength(2)
    await isWritten(setting)
  })

  test('asks no more in the end, though markers come again and again', async () => {
    const { setting, entered, writeEnd } = await afterTransaction()
    await writeEnd()
    setting.node.clock.skip(100)
    await setting.answer('NONE', 'NONE')
    expect(entered.passages).toHaveLength(2)
    expect(setting.questions).toHaveLength(1)
  })

  test('asks a last time when the transaction before has taken as long as clients may wait', async () => {
    const setting = await Setting.open()
    const waiting = (setting.waiting = new Set())
    const entered = setting.enter([0], { addPartition: true })
    await setting.answer('CONCURRENT_TRANSACTIONS')
    setting.node.clock.skip(40)
    expect([setting.questions.length, waiting.size]).toEqual([1, 1])
    setting.node.clock.skip(60)
    await setting.asked(2)
    expect(waiting.size).toBe(0)
    await setting.answer('CONCURRENT_TRANSACTIONS')
    expect(entered.passages).toEqual(['CONCURRENT_TRANSACTIONS'])
  })

  test('fails what could not be asked of, with a line in the log, and asks anew for what waits behind it', async () => {
    const setting = await Setting.open()
    const failed = setting.enter([0])
    const next = setting.enter([0])
    setting.failures[0]!(new Error('a bug'))
    await setting.asked(2)
    expect([failed.passages, next.passages]).toEqual([['UNKNOWN_SERVER_ERROR'], null])
    expect(setting.logged).toEqual(['The coordinator of a transaction could not be asked'])
    setting.answers.shift()
    await setting.answer('NONE')
    expect(next.passages).toEqual([{ guard: 1 }])
  })

  test('asks nobody where that is switched off', async () => {
    const setting = await Setting.open()
    setting.isEnabled = false
    expect(setting.enter([0]).passages).toEqual([{ guard: UNGUARDED }])
    expect(setting.questions).toEqual([])
    setting.enter([1], { addPartition: true })
    expect(setting.questions).toHaveLength(1)
  })

  test('asks nobody of a partition that is led elsewhere: the append says so', async () => {
    const setting = await Setting.open()
    expect(setting.enter([2]).passages).toEqual([{ guard: 0 }])
    expect(setting.questions).toEqual([])
  })
})
