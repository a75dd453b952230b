import type { DiskOperation, SimDisk } from '../../src/host/sim/disk.ts'
import type { LogDirectory } from '../../src/log/directory/directory.ts'
import { simulatedDisk, simulatedHost } from './seeded.ts'
import { append, batchOf, openLog, openManager, readAll, TOPIC_ID } from './support.ts'

const ROOT = '/data'

function failing(disk: SimDisk, operation: DiskOperation, code: string, path = ''): void {
  disk.fault = (each, where) =>
    each === operation && where.includes(path)
      ? Object.assign(new Error(`${code}: ${operation} '${where}'`), { code })
      : null
}

async function openOn(disk: SimDisk) {
  const failed: [LogDirectory, Error][] = []
  const opened = await openLog(ROOT, {
    host: simulatedHost(disk),
    onDirectoryFailed: (directory, error) => void failed.push([directory, error]),
  })
  return { ...opened, failed }
}

const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a full disk takes the directory offline; what was written before is there after a restart', async () => {
  const disk = simulatedDisk()
  const { manager, log, failed } = await openOn(disk)
  expect((await append(log, batchOf(3))).errorCode).toBe('NONE')
  disk.capacityBytes = disk.usedBytes + 50
  const results = await Promise.all([append(log, batchOf(3)), append(log, batchOf(3))])
  for (const result of results) {
    expect(result).toMatchObject({ errorCode: 'KAFKA_STORAGE_ERROR', baseOffset: -1 })
    expect(result.errorMessage).toContain('ENOSPC')
  }
  await endOfTurn()
  expect(failed).toHaveLength(1)
  expect(failed[0]![1].message).toContain('ENOSPC')
  expect(log.logEndOffset).toBe(3)
  expect((await append(log, batchOf(1))).errorCode).toBe('KAFKA_STORAGE_ERROR')
  expect((await readAll(log, 0)).errorCode).toBe('KAFKA_STORAGE_ERROR')
  await manager.close()
  expect(disk.exists(`${ROOT}/.kafka_cleanshutdown`)).toBe(false)

  disk.capacityBytes = Infinity
  const again = openManager(ROOT, { host: simulatedHost(disk) }).get('t', 0)!
  expect(again.logEndOffset).toBe(3)
  expect((await append(again, batchOf(2))).baseOffset).toBe(3)
})

test('an error of write fails all that is queued, and large writes on the thread pool too', async () => {
  const disk = simulatedDisk()
  const { log } = await openOn(disk)
  failing(disk, 'write', 'EIO', '.log')
  const large = [batchOf(600, 1000), batchOf(600, 1000), batchOf(1)]
  const results = await Promise.all(large.map((records) => append(log, records)))
  expect(results.map((each) => each.errorCode)).toEqual(large.map(() => 'KAFKA_STORAGE_ERROR'))
  expect(log.logEndOffset).toBe(0)
})

test('a failed fsync is not tried again as if it had worked', async () => {
  const disk = simulatedDisk()
  const { log, failed } = await openOn(disk)
  await append(log, batchOf(3))
  failing(disk, 'sync', 'EIO')
  await expect(log.flush()).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
  disk.fault = null
  await expect(log.flush()).rejects.toMatchObject({ code: 'KAFKA_STORAGE_ERROR' })
  expect(log.recoveryPoint).toBe(0)
  await endOfTurn()
  expect(failed).toHaveLength(1)
})

test('an append that waits for its flush fails when the flush does', async () => {
  const disk = simulatedDisk()
  const { log } = await openLog(ROOT, { host: simulatedHost(disk), config: { flushMessages: 1 } })
  failing(disk, 'sync', 'EIO', '.log')
  expect((await append(log, batchOf(1))).errorCode).toBe('KAFKA_STORAGE_ERROR')
})

test('an error of read is answered with KAFKA_STORAGE_ERROR', async () => {
  const disk = simulatedDisk()
  const { log } = await openOn(disk)
  await append(log, batchOf(3))
  failing(disk, 'read', 'EIO', '.log')
  expect((await readAll(log, 0)).errorCode).toBe('KAFKA_STORAGE_ERROR')
  expect(log.isOffline).toBe(true)
})

test('one directory that fails leaves the partitions of the other alone', async () => {
  const disk = simulatedDisk()
  const manager = openManager(ROOT, { host: simulatedHost(disk), directories: ['/one', '/two'] })
  const { config } = await manager.createLog(
    't',
    0,
    TOPIC_ID,
    (await openOn(simulatedDisk())).log.config,
  )
  const first = manager.get('t', 0)!
  const second = await manager.createLog('t', 1, TOPIC_ID, config)
  expect(first.directoryPath).not.toBe(second.directoryPath)
  failing(disk, 'write', 'EIO', first.directoryPath)
  expect((await append(first, batchOf(1))).errorCode).toBe('KAFKA_STORAGE_ERROR')
  expect((await append(second, batchOf(1))).errorCode).toBe('NONE')
  const third = await manager.createLog('t', 2, TOPIC_ID, config)
  expect(third.directoryPath).toBe(second.directoryPath)
})

test('a write on the thread pool that ends after its directory has failed is not acknowledged', async () => {
  const held: (() => void)[] = []
  let isHeld = false
  const disk = simulatedDisk({
    later: (work) => void (isHeld ? held.push(work) : queueMicrotask(work)),
  })
  const { log, manager } = await openOn(disk)
  const other = await manager.createLog('u', 0, TOPIC_ID, log.config)
  isHeld = true
  const large = Promise.all([append(log, batchOf(600, 1000)), append(log, batchOf(600, 1000))])
  await endOfTurn()
  expect(held).toHaveLength(1)
  const behind = append(log, batchOf(1))
  await endOfTurn()
  failing(disk, 'write', 'EIO', '/u-0/')
  expect((await append(other, batchOf(1))).errorCode).toBe('KAFKA_STORAGE_ERROR')
  disk.fault = null
  await endOfTurn()
  for (const work of held.splice(0)) work()
  for (const { errorCode } of await large) expect(errorCode).toBe('KAFKA_STORAGE_ERROR')
  expect((await behind).errorCode).toBe('KAFKA_STORAGE_ERROR')
  expect(log.logEndOffset).toBe(0)
})
