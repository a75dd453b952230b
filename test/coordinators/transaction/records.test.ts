import { transactionRecords } from '../../../protocol/state/transaction-records.ts'
import type { DurableFact } from '../../../src/coordinators/transaction/facts.ts'
import { decodeFact, encodeFact } from '../../../src/coordinators/transaction/records.ts'
import type { Transaction } from '../../../src/coordinators/transaction/transaction.ts'

const ending: Transaction = {
  transactionalId: 'x',
  state: 'PrepareCommit',
  producerId: 2 ** 40,
  producerEpoch: 32_767,
  lastProducerEpoch: -1,
  previousProducerId: 2 ** 40,
  nextProducerId: 2 ** 41,
  timeoutMs: 60_000,
  partitions: new Map([
    ['t', new Set([3, 1])],
    ['u', new Set([0])],
  ]),
  startTimestamp: 1_700_000_000_000,
  lastUpdateTimestamp: 1_700_000_000_001,
  clientVersion: 2,
}
const empty: Transaction = { ...ending, state: 'Empty', partitions: new Map(), startTimestamp: -1 }

describe('the record of a fact', () => {
  test.each([
    { type: 'TransactionStored', transaction: ending, version: 1 },
    { type: 'TransactionStored', transaction: empty, version: 1 },
    { type: 'TransactionalIdDeleted', transactionalId: 'x' },
  ] satisfies DurableFact[])('is read as the $type that it was written as', (fact) => {
    expect(decodeFact(encodeFact(fact))).toEqual(fact)
  })

  test('has no tags below transaction.version 1', () => {
    const fact = decodeFact(
      encodeFact({ type: 'TransactionStored', transaction: ending, version: 0 }),
    )
    const left = { previousProducerId: -1, nextProducerId: -1, clientVersion: 0 }
    const transaction = { ...ending, ...left }
    expect(fact).toEqual({ type: 'TransactionStored', transaction, version: 0 })
  })

  test('has no list of partitions where nothing has begun, as Apache Kafka writes it', () => {
    const { key, value } = encodeFact({
      type: 'TransactionStored',
      transaction: empty,
      version: 1,
    })
    expect(transactionRecords.decode(key, value)?.value?.transactionPartitions).toBeNull()
  })

  test('of a later kind is none', () => {
    expect(decodeFact({ key: Buffer.from([0x7f, 0x00]), value: null })).toBeNull()
  })

  test('that names no state is refused', () => {
    const { key, value } = encodeFact({
      type: 'TransactionStored',
      transaction: ending,
      version: 0,
    })
    // Behind the version, the producer's id and epoch, and the time-out.
    value![2 + 8 + 2 + 4] = 8
    expect(() => decodeFact({ key, value })).toThrow('8 is no state')
  })
})
