import { SimDisk } from '../../src/host/sim/disk.ts'
import { DEFAULT_LOG_CONFIG } from '../../src/log/base/config.ts'
import { parseOffsetCheckpoint } from '../../src/log/state/checkpoints.ts'
import type { Log } from '../../src/log/log.ts'
import { useTemporaryDirectories } from '../support/temporary.ts'
import { seeded, simulatedHost } from './seeded.ts'
import { append, batchOf, openLog, readAll, realHost, TOPIC_ID } from './support.ts'

const temporaryDirectory = useTemporaryDirectories()

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; !isSo(); turns++) {
    expect(turns).toBeLessThan(10_000)
    await turn()
  }
}

/** A batch of one record that has as many bytes as another one. */
function batchAsLongAs(other: Buffer): Buffer {
  for (let valueBytes = other.length - 100; ; valueBytes++) {
    const batch = batchOf(1, valueBytes)
    if (batch.length === other.length) return batch
  }
}

test('a read that a truncation overtakes gives none of the records that came in the place of those asked for', async () => {
  const held: (() => void)[] = []
  let isHolding = false
  const later = (work: () => void): void => {
    if (isHolding) held.push(work)
    else queueMicrotask(work)
  }
  const disk = new SimDisk({ random: seeded(3), later })
  const { log } = await openLog('/data', { host: simulatedHost(disk) })
  for (let each = 0; each < 5; each++) await append(log, batchOf(10, 20))
  isHolding = true
  const reading = readAll(log, 20)
  // Its place is looked up first, in the file.
  await until(() => held.length > 0)
  isHolding = false
  await log.truncateTo(10)
  for (let each = 0; each < 4; each++) {
    await append(log, batchAsLongAs(batchOf(10, 20)), { epoch: 2 })
  }
  held.shift()!()
  expect((await reading).errorCode).toBe('OFFSET_OUT_OF_RANGE')
})

test('a checkpoint that is taken back while it is written does not stay', async () => {
  const held: (() => void)[] = []
  let isHolding = false
  const host = realHost()
  const disk: typeof host.disk = {
    ...host.disk,
    replaceFileAsync: async (path, content) => {
      if (isHolding) await new Promise<void>((go) => held.push(go))
      await host.disk.replaceFileAsync(path, content)
    },
  }
  const path = temporaryDirectory()
  const { manager, log } = await openLog(path, { host: { ...host, disk } })
  await append(log, batchOf(10))
  await log.flush()
  await manager.checkpoint()
  await append(log, batchOf(10))
  await log.flush()
  isHolding = true
  const saving = manager.checkpoint()
  await until(() => held.length === 1)
  let isCut = false
  const cutting = log.truncateTo(10).then(() => (isCut = true))
  await until(() => isCut || held.length === 2)
  isHolding = false
  for (const go of held) go()
  await Promise.all([cutting, saving])
  const file = disk.readFile(`${path}/recovery-point-offset-checkpoint`).toString()
  expect(parseOffsetCheckpoint(file)?.get('t-0')).toBe(10)
  await manager.close()
})

describe('A log that is being cut', () => {
  const config = { ...DEFAULT_LOG_CONFIG, segmentBytes: 1500 }
  const NEVER = 10_000

  /** Three segments with snapshots of the producers; what its disk is asked for from `hold` on waits where that says so. */
  async function filled() {
    const held: (() => void)[] = []
    let waitsAt = NEVER
    let steps = 0
    const later = (work: () => void): void => {
      if (steps++ === waitsAt) held.push(work)
      else queueMicrotask(work)
    }
    const disk = new SimDisk({ random: seeded(3), later })
    const { manager, log } = await openLog('/data', { host: simulatedHost(disk), config })
    await fill(log)
    return {
      disk,
      manager,
      log,
      held,
      /** The step with this number from now on waits. */
      hold: (step: number) => {
        steps = 0
        waitsAt = step
      },
      go: () => {
        waitsAt = NEVER
        for (const work of held.splice(0)) work()
      },
    }
  }

  async function fill(log: Log): Promise<void> {
    for (let each = 0; each < 12; each++) {
      const producer = { producerId: 7, producerEpoch: 0, baseSequence: each * 10 }
      const { errorCode } = await append(log, batchOf(10, 20, { timestamp: 1, ...producer }))
      expect(errorCode).toBe('NONE')
    }
    expect(log.segmentCount).toBeGreaterThan(2)
  }

  const filesIn = (disk: SimDisk, path: string) =>
    disk.list(path).map((name) => [name, disk.readFile(`${path}/${name}`).toString('hex')])

  const how: [string, (log: Log) => Promise<void>][] = [
    ['within a segment', (log) => log.truncateTo(15)],
    ['below its first segment', (log) => log.truncateTo(0)],
    ['wholly', (log) => log.truncateFullyAndStartAt(7)],
  ]

  test.each(how)(
    'and is deleted meanwhile, %s, leaves the directory and the topic of the same name alone',
    async (_, cut) => {
      for (let step = 0, isHeld = true; isHeld; step++) {
        for (const isMadeAgain of [false, true]) {
          const { disk, manager, log, held, hold, go } = await filled()
          hold(step)
          const cutting = cut(log).then(
            () => null,
            (error: unknown) => error,
          )
          let isOver = false
          void cutting.then(() => (isOver = true))
          // Where it waits for nothing any more, the topic goes before the first step.
          if (step > 0) await until(() => isOver || held.length > 0)
          isHeld = held.length > 0 || step === 0
          manager.deleteLog('t', 0)
          hold(NEVER)
          const again = isMadeAgain ? await manager.createLog('t', 0, TOPIC_ID, config) : null
          if (again !== null) await fill(again)
          const { cleanerOffsets } = manager.directories[0]!
          cleanerOffsets.set('t-0', 120)
          const before = again && filesIn(disk, again.path)
          go()
          const error = await cutting
          if (isHeld) expect(error).toMatchObject({ message: 't-0 is offline: it is closed' })
          else expect(error).toBeNull()
          expect(manager.directories[0]!.failure).toBeNull()
          if (isHeld) expect(cleanerOffsets.get('t-0')).toBe(120)
          if (again !== null) expect(filesIn(disk, again.path)).toEqual(before)
          else expect(disk.exists('/data/t-0')).toBe(false)
          await manager.close()
        }
      }
    },
  )

  test('is closed when that is done, and what was cut off is gone after the next start', async () => {
    const { disk, manager, log, held, hold, go } = await filled()
    hold(0)
    const cutting = log.truncateTo(15)
    await until(() => held.length > 0)
    const closing = manager.close()
    for (let turns = 0; turns < 50; turns++) await turn()
    expect(disk.exists('/data/.kafka_cleanshutdown')).toBe(false)
    go()
    await Promise.all([cutting, closing])
    const again = await openLog('/data', { host: simulatedHost(disk.leave()), config })
    expect([again.log.logEndOffset, again.log.recoveryPoint]).toEqual([10, 10])
    await again.manager.close()
  })

  test('is closed although the cut fails, of which the one who cuts is told', async () => {
    const { disk, manager, log, held, hold, go } = await filled()
    hold(0)
    const cutting = log.truncateTo(15)
    await until(() => held.length > 0)
    disk.fault = (operation) => (operation === 'truncate' ? new Error('broken') : null)
    const closing = log.close()
    go()
    await expect(cutting).rejects.toThrow('broken')
    await closing
    disk.fault = null
    await manager.close()
  })

  test('is one that nobody has begun to close', async () => {
    const { disk, manager, log } = await filled()
    const closing = manager.close()
    await expect(log.truncateTo(15)).rejects.toThrow('t-0 is offline')
    await closing
    const again = await openLog('/data', { host: simulatedHost(disk.leave()), config })
    expect(again.log.logEndOffset).toBe(120)
    await again.manager.close()
  })
})
