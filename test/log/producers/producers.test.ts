import type { Log } from '../../../src/log/log.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'
import { append, batchOf, markerOf, openLog, openManager, readAll } from '../support.ts'

const temporaryDirectory = useTemporaryDirectories()

const idempotent = (sequence: number, count = 1, epoch = 0, producerId = 7): Buffer =>
  batchOf(count, 10, { producerId, producerEpoch: epoch, baseSequence: sequence })

async function outcome(log: Log, records: Buffer): Promise<string | number> {
  const { errorCode, baseOffset } = await append(log, records)
  return errorCode === 'NONE' ? baseOffset : errorCode
}

async function openEmpty(): Promise<Log> {
  return (await openLog(temporaryDirectory())).log
}

test('sequence numbers have to follow each other', async () => {
  const log = await openEmpty()
  expect(await outcome(log, idempotent(0, 3))).toBe(0)
  expect(await outcome(log, idempotent(3, 2))).toBe(3)
  expect(await outcome(log, idempotent(6))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await outcome(log, idempotent(2))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await outcome(log, idempotent(5))).toBe(5)
})

test('one of the last five batches sent again is answered with its first offset', async () => {
  const log = await openEmpty()
  for (let sequence = 0; sequence < 12; sequence += 2) await outcome(log, idempotent(sequence, 2))
  for (let sequence = 2; sequence < 12; sequence += 2) {
    expect(await outcome(log, idempotent(sequence, 2))).toBe(sequence)
  }
  expect(await outcome(log, idempotent(0, 2))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(log.logEndOffset).toBe(12)
})

test('batches that are queued but not written yet count: those of one turn may follow and repeat each other', async () => {
  const log = await openEmpty()
  const results = await Promise.all([
    append(log, idempotent(0, 2)),
    append(log, idempotent(2, 2)),
    append(log, idempotent(0, 2)),
    append(log, idempotent(9)),
    append(log, idempotent(4)),
  ])
  expect(
    results.map((each) => (each.errorCode === 'NONE' ? each.baseOffset : each.errorCode)),
  ).toEqual([0, 2, 0, 'OUT_OF_ORDER_SEQUENCE_NUMBER', 4])
})

test('an append that is refused at its second batch leaves no trace of its first', async () => {
  const log = await openEmpty()
  await outcome(log, idempotent(0))
  expect(await outcome(log, Buffer.concat([idempotent(1), idempotent(5)]))).toBe(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
  )
  expect(await outcome(log, idempotent(1))).toBe(1)
  expect(log.logEndOffset).toBe(2)
})

test('sequence numbers go on with 0 after 2^31-1', async () => {
  const log = await openEmpty()
  expect(await outcome(log, idempotent(2147483646, 1))).toBe(0)
  expect(await outcome(log, idempotent(2147483647, 3))).toBe(1)
  expect(await outcome(log, idempotent(2147483647, 3))).toBe(1)
  expect(await outcome(log, idempotent(2, 1))).toBe(4)
})

test('a new epoch begins with 0 and ends the old one', async () => {
  const log = await openEmpty()
  await outcome(log, idempotent(0, 3, 1))
  expect(await outcome(log, idempotent(3, 1, 2))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await outcome(log, idempotent(0, 3, 2))).toBe(3)
  expect(await outcome(log, idempotent(3, 1, 1))).toBe('INVALID_PRODUCER_EPOCH')
})

test('a producer of which nothing is known may begin anywhere', async () => {
  expect(await outcome(await openEmpty(), idempotent(41))).toBe(0)
})

test('what is known of producers survives a crash and a clean restart', async () => {
  const path = temporaryDirectory()
  const first = await openLog(path, { config: { segmentBytes: 1000 } })
  for (let sequence = 0; sequence < 30; sequence++) await outcome(first.log, idempotent(sequence))
  first.manager.abandon()
  const second = openManager(path)
  expect(await outcome(second.get('t', 0)!, idempotent(29))).toBe(29)
  expect(await outcome(second.get('t', 0)!, idempotent(30))).toBe(30)
  await second.close()
  const third = openManager(path)
  expect(await outcome(third.get('t', 0)!, idempotent(30))).toBe(30)
  expect(await outcome(third.get('t', 0)!, idempotent(32))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  await third.close()
})

test('an idle producer is forgotten, and may go on', async () => {
  const { log } = await openLog(temporaryDirectory(), { config: { producerIdExpirationMs: 1000 } })
  const old = batchOf(1, 10, {
    producerId: 7,
    producerEpoch: 0,
    baseSequence: 0,
    timestamp: 1_700_000_000_000,
  })
  await outcome(log, old)
  expect(log.producers()).toHaveLength(1)
  log.removeExpiredProducers()
  expect(log.producers()).toHaveLength(0)
  expect(await outcome(log, idempotent(1))).toBe(1)
})

test('a producer in an open transaction is not forgotten, however idle: its records wait for an end', async () => {
  const path = temporaryDirectory()
  const { log } = await openLog(path, { config: { producerIdExpirationMs: 1000 } })
  const at = { producerId: 7, producerEpoch: 0, baseSequence: 0, timestamp: 1_700_000_000_000 }
  await outcome(log, batchOf(1, 10, { ...at, isTransactional: true }))
  log.removeExpiredProducers()
  expect(log.producers()).toMatchObject([{ producerId: 7, currentTxnStartOffset: 0 }])
  log.setHighWatermark(log.logEndOffset)
  expect(log.lastStableOffset).toBe(0)
})

const transactional = (sequence: number, producerId: number): Buffer =>
  batchOf(2, 10, { producerId, producerEpoch: 0, baseSequence: sequence, isTransactional: true })

test('read_committed stops before what is undecided, and is told what was aborted', async () => {
  const path = temporaryDirectory()
  const { log, manager } = await openLog(path)
  const send = async (
    records: Buffer,
    origin: 'client' | 'coordinator' = 'client',
  ): Promise<void> => {
    expect((await append(log, records, { origin })).errorCode).toBe('NONE')
    log.setHighWatermark(log.logEndOffset)
  }
  await send(transactional(0, 1))
  await send(transactional(0, 2))
  expect(log.lastStableOffset).toBe(0)
  await send(markerOf(1, 'COMMIT'), 'coordinator')
  expect(log.lastStableOffset).toBe(2)
  expect((await readAll(log, 2, { upTo: 'lastStable' })).sizeBytes).toBe(0)
  await send(markerOf(2, 'ABORT'), 'coordinator')
  expect(log.lastStableOffset).toBe(6)
  const read = await readAll(log, 0, { upTo: 'lastStable' })
  expect(read.abortedTransactions).toEqual([{ producerId: 2, firstOffset: 2 }])
  expect((await readAll(log, 5, { upTo: 'lastStable' })).abortedTransactions).toEqual([
    { producerId: 2, firstOffset: 2 },
  ])
  expect((await readAll(log, 0, { upTo: 'highWatermark' })).abortedTransactions).toBeNull()
  await send(transactional(2, 1))
  await manager.close()

  const again = openManager(path).get('t', 0)!
  again.setHighWatermark(again.logEndOffset)
  expect(again.lastStableOffset).toBe(6)
  const readAgain = await readAll(again, 0, { upTo: 'lastStable' })
  expect(readAgain.abortedTransactions).toEqual([{ producerId: 2, firstOffset: 2 }])
})

test('a marker that is not replicated yet does not move the last stable offset', async () => {
  const { log } = await openLog(temporaryDirectory())
  await append(log, transactional(0, 1))
  log.setHighWatermark(1)
  await append(log, markerOf(1, 'COMMIT'), { origin: 'coordinator' })
  expect(log.lastStableOffset).toBe(0)
  log.setHighWatermark(2)
  expect(log.lastStableOffset).toBe(0)
  log.setHighWatermark(3)
  expect(log.lastStableOffset).toBe(3)
})

test('a coordinator of an older epoch is fenced, and a client may not write markers', async () => {
  const { log } = await openLog(temporaryDirectory())
  await append(log, transactional(0, 1))
  await append(log, markerOf(1, 'COMMIT', 5), { origin: 'coordinator' })
  const late = await append(log, markerOf(1, 'ABORT', 4), { origin: 'coordinator' })
  expect(late.errorCode).toBe('TRANSACTION_COORDINATOR_FENCED')
  expect((await append(log, markerOf(1, 'ABORT', 6))).errorCode).toBe('INVALID_RECORD')
})

test('records outside of the transaction that their producer is in are refused', async () => {
  const { log } = await openLog(temporaryDirectory())
  await append(log, transactional(0, 1))
  expect((await append(log, idempotent(2, 1, 0, 1))).errorCode).toBe('INVALID_TXN_STATE')
})
