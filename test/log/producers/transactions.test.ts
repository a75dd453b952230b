import type { MarkerToWrite, TransactionTerms } from '../../../src/log/base/results.ts'
import type { Log } from '../../../src/log/log.ts'
import { NO_GUARD, UNGUARDED } from '../../../src/log/producers/verifications.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'
import { batchOf, openLog, openManager } from '../support.ts'

const temporaryDirectory = useTemporaryDirectories()

const PRODUCER = 7

async function openEmpty(): Promise<Log> {
  return (await openLog(temporaryDirectory())).log
}

function outcome(
  log: Log,
  records: Buffer,
  terms: TransactionTerms | null,
  origin: 'client' | 'coordinator' = 'client',
): Promise<string> {
  return new Promise((resolve) =>
    log.append(records, 0, origin, ({ errorCode }) => resolve(errorCode), terms),
  )
}

/** A record of a transaction. */
function write(
  log: Log,
  {
    guard = NO_GUARD,
    epoch = 0,
    sequence = 0,
    producerId = PRODUCER,
  }: { guard?: number; epoch?: number; sequence?: number; producerId?: number } = {},
): Promise<string> {
  const at = { producerId, producerEpoch: epoch, baseSequence: sequence, isTransactional: true }
  return outcome(log, batchOf(1, 10, at), { guard })
}

async function end(
  log: Log,
  {
    epoch = 0,
    coordinatorEpoch = 0,
    version = 0,
    result = 'COMMIT',
    producerId = PRODUCER,
  }: {
    epoch?: number
    coordinatorEpoch?: number
    version?: number
    result?: MarkerToWrite['result']
    producerId?: number
  } = {},
): Promise<string> {
  const marker = { producerId, producerEpoch: epoch, coordinatorEpoch, result }
  const toWrite = { ...marker, transactionVersion: version }
  const errorCode = await outcome(log, log.marker(toWrite), toWrite, 'coordinator')
  log.setHighWatermark(log.logEndOffset)
  return errorCode
}

const begin = (log: Log, { epoch = 0, sequence = 0, bumpsEpoch = false } = {}): number =>
  log.transactions.beginVerification(PRODUCER, epoch, sequence, bumpsEpoch, Date.now())

describe('the first record of a transaction in a partition', () => {
  test('is taken only where its verification holds; those after it need none', async () => {
    const log = await openEmpty()
    expect(await write(log)).toBe('INVALID_TXN_STATE')
    const guard = begin(log)
    expect(await write(log, { guard: guard + 1 })).toBe('INVALID_TXN_STATE')
    expect(await write(log, { guard })).toBe('NONE')
    expect(begin(log)).toBe(NO_GUARD)
    expect(await write(log, { sequence: 1 })).toBe('NONE')
    expect(log.logEndOffset).toBe(2)
  })

  test('needs a verification of its own: a marker ends those that were begun before it', async () => {
    const log = await openEmpty()
    const guard = begin(log)
    expect(await end(log)).toBe('NONE')
    expect(await write(log, { guard })).toBe('INVALID_TXN_STATE')
    expect(await write(log, { guard: begin(log) })).toBe('NONE')
    expect(await end(log)).toBe('NONE')
    expect(await write(log, { sequence: 1 })).toBe('INVALID_TXN_STATE')
  })

  test('is taken where nobody verifies', async () => {
    const log = await openEmpty()
    expect(await write(log, { guard: UNGUARDED })).toBe('NONE')
  })

  test('of another epoch than that of the open transaction needs a verification', async () => {
    const log = await openEmpty()
    expect(await write(log, { guard: begin(log), epoch: 1 })).toBe('NONE')
    expect(begin(log, { epoch: 1, sequence: 1 })).toBe(NO_GUARD)
    const guard = begin(log, { epoch: 2 })
    expect(guard).not.toBe(NO_GUARD)
    expect(await write(log, { epoch: 0, guard })).toBe('INVALID_PRODUCER_EPOCH')
    expect(await write(log, { epoch: 0 })).toBe('INVALID_PRODUCER_EPOCH')
  })

  test('does not come before one of a lower sequence that was seen', async () => {
    const log = await openEmpty()
    const guard = begin(log, { sequence: 3 })
    expect(begin(log, { sequence: 0 })).toBe(guard)
    expect(await write(log, { guard, sequence: 3 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(await write(log, { guard, sequence: 0 })).toBe('NONE')
  })

  test('begins with sequence 0 where the epoch rises with each transaction', async () => {
    const log = await openEmpty()
    const guard = begin(log, { sequence: 3, bumpsEpoch: true })
    expect(await write(log, { guard, sequence: 3 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    const other = await openEmpty()
    expect(await write(other, { guard: begin(other, { sequence: 3 }), sequence: 3 })).toBe('NONE')
  })

  test('of a verification that nobody has answered for too long is not taken', async () => {
    const { log } = await openLog(temporaryDirectory(), {
      config: { producerIdExpirationMs: 1000 },
    })
    const longAgo = Date.now() - 1000
    const guard = log.transactions.beginVerification(PRODUCER, 0, 0, false, longAgo)
    log.removeExpiredProducers()
    expect(await write(log, { guard })).toBe('INVALID_TXN_STATE')
  })
})

describe('a marker', () => {
  test('of an older epoch than the producer has is refused, and so is one of an older coordinator', async () => {
    const log = await openEmpty()
    await write(log, { guard: UNGUARDED, epoch: 2 })
    expect(await end(log, { epoch: 1 })).toBe('INVALID_PRODUCER_EPOCH')
    expect(await end(log, { epoch: 2, coordinatorEpoch: 5 })).toBe('NONE')
    expect(await end(log, { epoch: 2, coordinatorEpoch: 4 })).toBe('TRANSACTION_COORDINATOR_FENCED')
    expect(await end(log, { epoch: 2, coordinatorEpoch: 5 })).toBe('NONE')
  })

  test('of the epoch of the records is refused where markers have the next one', async () => {
    const log = await openEmpty()
    await write(log, { guard: UNGUARDED, epoch: 2 })
    expect(await end(log, { epoch: 2, version: 2 })).toBe('INVALID_PRODUCER_EPOCH')
    expect(log.lastStableOffset).toBe(0)
    expect(await end(log, { epoch: 3, version: 2 })).toBe('NONE')
    expect(log.lastStableOffset).toBe(2)
  })

  test('that is written again after the transaction does no harm', async () => {
    const log = await openEmpty()
    await write(log, { guard: UNGUARDED, epoch: 2 })
    expect(await end(log, { epoch: 3, version: 2 })).toBe('NONE')
    expect(await end(log, { epoch: 3, version: 2 })).toBe('NONE')
    expect(log.lastStableOffset).toBe(log.logEndOffset)
    await write(log, { guard: UNGUARDED, epoch: 3 })
    expect(await end(log, { epoch: 3, version: 2 })).toBe('INVALID_PRODUCER_EPOCH')
  })

  test('lets the last stable offset go on to the next open transaction', async () => {
    const log = await openEmpty()
    await write(log, { guard: UNGUARDED })
    await write(log, { guard: UNGUARDED, producerId: 8 })
    log.setHighWatermark(log.logEndOffset)
    expect(log.lastStableOffset).toBe(0)
    await end(log, { result: 'ABORT' })
    expect(log.lastStableOffset).toBe(1)
    await end(log, { producerId: 8 })
    expect(log.lastStableOffset).toBe(4)
  })

  test('is known of after a crash: of the coordinator that wrote it, too', async () => {
    const path = temporaryDirectory()
    const first = await openLog(path)
    await write(first.log, { guard: UNGUARDED })
    await end(first.log, { coordinatorEpoch: 5 })
    await write(first.log, { guard: UNGUARDED, sequence: 1 })
    first.manager.abandon()
    const second = openManager(path)
    const log = second.get('t', 0)!
    log.setHighWatermark(log.logEndOffset)
    expect(log.lastStableOffset).toBe(2)
    expect(await end(log, { coordinatorEpoch: 4 })).toBe('TRANSACTION_COORDINATOR_FENCED')
    expect(await end(log, { coordinatorEpoch: 6 })).toBe('NONE')
    expect(log.lastStableOffset).toBe(4)
    await second.close()
  })
})

test('where retention took the beginning of an open transaction, the last stable offset is the start of the log', async () => {
  const log = await openEmpty()
  await write(log, { guard: UNGUARDED })
  await outcome(log, batchOf(3), null)
  log.setHighWatermark(log.logEndOffset)
  expect(log.deleteRecordsBefore(2)).toBe('NONE')
  expect(log.lastStableOffset).toBe(2)
})
