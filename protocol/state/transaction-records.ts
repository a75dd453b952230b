import { array, int16, int32, int64, int8, message, string } from '../schema.ts'
import { coordinatorRecords } from './coordinator-records.ts'
import type { CoordinatorRecord, CoordinatorRecordToWrite } from './coordinator-records.ts'

export const TransactionLogKey = message({
  key: 0,
  name: 'TransactionLogKey',
  versions: [0, 0],
  fields: { transactionalId: string },
})

/** The state of one transactional id. v1 (transaction.version 1 and up) has tags for KIP-890. */
export const TransactionLogValue = message({
  key: 0,
  name: 'TransactionLogValue',
  versions: [0, 1],
  flexible: 1,
  fields: {
    producerId: int64,
    /** Of the last completed transaction; -1: none. */
    previousProducerId: int64.default(-1).since(1).tagged(0),
    /** Where the epochs of `producerId` ran out: what the producer goes on with. */
    nextProducerId: int64.default(-1).since(1).tagged(1),
    producerEpoch: int16,
    nextProducerEpoch: int16.default(-1).since(1).tagged(3),
    transactionTimeoutMs: int32,
    /** 0 empty, 1 ongoing, 2 prepare commit, 3 prepare abort, 4 complete commit, 5 complete abort, 6 dead. */
    transactionStatus: int8,
    /** Null in state empty. */
    transactionPartitions: array({ topic: string, partitionIds: array(int32) }).nullable(),
    transactionLastUpdateTimestampMs: int64,
    transactionStartTimestampMs: int64,
    clientTransactionVersion: int16.since(1).tagged(2),
  },
})

export const transactionMessages = { TransactionLogKey, TransactionLogValue }

/** The records of `__transaction_state`. */
export const transactionRecords = coordinatorRecords({
  TransactionLog: { key: TransactionLogKey, value: TransactionLogValue },
})

export type TransactionRecord = CoordinatorRecord<typeof transactionRecords.kinds>
export type TransactionRecordToWrite = CoordinatorRecordToWrite<typeof transactionRecords.kinds>
