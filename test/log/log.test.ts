import { readdirSync, statSync } from 'node:fs'
import { batchBaseOffset, batchLeaderEpoch } from '../../protocol/records/batch.ts'
import { useTemporaryDirectories } from '../support/temporary.ts'
import { append, batchOf, openLog, openManager, readAll } from './support.ts'

const temporaryDirectory = useTemporaryDirectories()

test('what is appended gets offsets and epoch and is read back', async () => {
  const { manager, log } = await openLog(temporaryDirectory())
  const first = await append(log, batchOf(3), { epoch: 4 })
  const second = await append(log, batchOf(2), { epoch: 4 })
  expect(first).toMatchObject({
    errorCode: 'NONE',
    baseOffset: 0,
    lastOffset: 2,
    logAppendTimeMs: -1,
  })
  expect(second).toMatchObject({ errorCode: 'NONE', baseOffset: 3, lastOffset: 4 })
  expect(log.logEndOffset).toBe(5)
  const { bytes } = await readAll(log, 0)
  expect(batchBaseOffset(bytes, 0)).toBe(0)
  expect(batchLeaderEpoch(bytes, 0)).toBe(4)
  const { bytes: fromTheMiddle } = await readAll(log, 4)
  expect(batchBaseOffset(fromTheMiddle, 0)).toBe(3)
  await manager.close()
})

test('a log that was closed is opened again with its records, epochs and producers', async () => {
  const path = temporaryDirectory()
  const before = await openLog(path, { config: { segmentBytes: 4000 } })
  for (let sequence = 0; sequence < 100; sequence += 10) {
    const batch = batchOf(10, 50, { producerId: 7, producerEpoch: 1, baseSequence: sequence })
    expect((await append(before.log, batch, { epoch: 2 })).errorCode).toBe('NONE')
  }
  const written = (await readAll(before.log, 0)).bytes
  expect(before.log.segmentCount).toBeGreaterThan(1)
  await before.manager.close()

  const manager = openManager(path, { config: { segmentBytes: 4000 } })
  const log = manager.get('t', 0)!
  expect(log.logEndOffset).toBe(100)
  expect(log.recoveryPoint).toBe(100)
  expect(log.latestEpoch).toBe(2)
  expect((await readAll(log, 0)).bytes).toEqual(written)
  const again = batchOf(10, 50, { producerId: 7, producerEpoch: 1, baseSequence: 90 })
  expect(await append(log, again)).toMatchObject({
    errorCode: 'NONE',
    baseOffset: 90,
    lastOffset: 99,
  })
  const next = batchOf(1, 50, { producerId: 7, producerEpoch: 1, baseSequence: 100 })
  expect(await append(log, next)).toMatchObject({ errorCode: 'NONE', baseOffset: 100 })
  await manager.close()
  expect(readdirSync(path)).toContain('.kafka_cleanshutdown')
})

test('a log that was not closed is recovered', async () => {
  const path = temporaryDirectory()
  const before = await openLog(path, { config: { segmentBytes: 4000 } })
  for (let index = 0; index < 20; index++) await append(before.log, batchOf(10, 50), { epoch: 3 })
  before.manager.abandon()
  const manager = openManager(path)
  const log = manager.get('t', 0)!
  expect(log.logEndOffset).toBe(200)
  expect(log.latestEpoch).toBe(3)
  await manager.close()
})

test('with preallocate the active segment has its whole length, which goes when it is closed', async () => {
  const path = temporaryDirectory()
  const config = { preallocate: true, segmentBytes: 5000 }
  const { manager, log } = await openLog(path, { config })
  await append(log, batchOf(3))
  const file = `${path}/t-0/00000000000000000000.log`
  expect(statSync(file).size).toBe(5000)
  const { sizeBytes } = log
  manager.abandon()
  const again = openManager(path, { config })
  expect(again.get('t', 0)!.logEndOffset).toBe(3)
  await again.close()
  expect(statSync(file).size).toBe(sizeBytes)
})

test('what is not durable yet is written when the log is closed, and a flush of nothing costs nothing', async () => {
  const path = temporaryDirectory()
  const { manager, log } = await openLog(path)
  await append(log, batchOf(3))
  expect(log.recoveryPoint).toBe(0)
  await Promise.all([log.flush(), log.flush(), log.flush()])
  expect(log.recoveryPoint).toBe(3)
  await log.flush()
  await manager.close()
})
