import { SimDisk, type CrashKind } from '../../../src/host/sim/disk.ts'
import type { LogConfig } from '../../../src/log/base/config.ts'
import { seeded, simulatedHost } from '../seeded.ts'
import { append, batchOf, openLog, openManager, readAll } from '../support.ts'

const ROOT = '/data'
const SEGMENT = `${ROOT}/t-0/00000000000000000000.log`

/** A log on a disk whose thread pool does nothing until `work` lets it. */
async function openHeld(config: Partial<LogConfig>) {
  const held: (() => void)[] = []
  let isHeld = false
  const disk = new SimDisk({
    random: seeded(1),
    later: (work) => void (isHeld ? held.push(work) : queueMicrotask(work)),
  })
  const opened = await openLog(ROOT, { host: simulatedHost(disk), config })
  isHeld = true
  return {
    ...opened,
    disk,
    held,
    /** Lets everything through that is waiting, and what comes of it, until nothing is left. */
    work: async (): Promise<void> => {
      do {
        for (const each of held.splice(0)) each()
        await new Promise((resolve) => setImmediate(resolve))
      } while (held.length > 0)
    },
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('with flush.messages=1 what comes while a flush runs shares the next one', async () => {
  const { log, disk, work } = await openHeld({ flushMessages: 1 })
  const acknowledged: number[] = []
  const produce = (): void => {
    void append(log, batchOf(1)).then(({ baseOffset }) => acknowledged.push(baseOffset))
  }
  produce()
  await turn()
  const syncs: string[] = []
  disk.fault = (operation, path) => {
    if (operation === 'sync' && path === SEGMENT) syncs.push(path)
    return null
  }
  for (let each = 0; each < 20; each++) {
    produce()
    await turn()
  }
  expect(acknowledged).toEqual([])
  await work()
  expect(acknowledged).toEqual(Array.from({ length: 21 }, (_, each) => each))
  // The one under way, and one for all of the twenty.
  expect(syncs).toHaveLength(2)
  expect(log.recoveryPoint).toBe(21)
})

test('with flush.messages=3 every third record waits for a flush, and what comes behind it waits too', async () => {
  const { log, work, held } = await openHeld({ flushMessages: 3 })
  const acknowledged: number[] = []
  for (let each = 0; each < 4; each++) {
    void append(log, batchOf(1)).then(({ baseOffset }) => acknowledged.push(baseOffset))
    await turn()
  }
  expect(acknowledged).toEqual([0, 1])
  expect(held).toHaveLength(1)
  await work()
  expect(acknowledged).toEqual([0, 1, 2, 3])
  expect(log.recoveryPoint).toBe(3)
})

test('flush.ms begins with the first record that is not flushed, and starts anew after a flush', async () => {
  const disk = new SimDisk({ random: seeded(1) })
  const timers: { delayMs: number; callback: () => void; isCancelled: boolean }[] = []
  const host = simulatedHost(disk)
  const clock = {
    ...host.clock,
    after: (delayMs: number, callback: () => void) => {
      const timer = { delayMs, callback, isCancelled: false }
      timers.push(timer)
      return { cancel: () => void (timer.isCancelled = true) }
    },
  }
  const { log } = await openLog(ROOT, { host: { ...host, clock }, config: { flushMs: 70 } })
  const running = () => timers.filter((timer) => timer.delayMs === 70 && !timer.isCancelled)
  for (let each = 0; each < 3; each++) await append(log, batchOf(1))
  expect(running()).toHaveLength(1)
  expect(log.recoveryPoint).toBe(0)
  running()[0]!.callback()
  while (log.recoveryPoint === 0) await turn()
  expect(log.recoveryPoint).toBe(3)
  timers.splice(0)
  await append(log, batchOf(1))
  expect(running()).toHaveLength(1)
  await log.flush()
  expect(running()).toHaveLength(0)
})

describe.each(['lost', 'torn', 'scattered', 'killed'] as const)(
  'with preallocate, after a crash (%s)',
  (kind: CrashKind | 'killed') => {
    test('the zeros are cut off, and no record that was flushed', async () => {
      const config = { preallocate: true, segmentBytes: 50_000, indexIntervalBytes: 100 }
      const disk = new SimDisk({ random: seeded(2) })
      const { manager, log } = await openLog(ROOT, { host: simulatedHost(disk), config })
      for (let each = 0; each < 5; each++) await append(log, batchOf(10, 100))
      await log.flush()
      for (let each = 0; each < 3; each++) await append(log, batchOf(10, 100))
      expect(disk.stat(SEGMENT).size).toBe(50_000)
      if (kind === 'killed') manager.abandon()
      const found = kind === 'killed' ? disk : disk.crash(kind)
      const options = { host: simulatedHost(found), config }
      const recovered = openManager(ROOT, options).get('t', 0)!
      expect(recovered.logEndOffset).toBeGreaterThanOrEqual(kind === 'killed' ? 80 : 50)
      expect(found.stat(SEGMENT).size).toBe(recovered.sizeBytes)
      const end = recovered.logEndOffset
      expect((await readAll(recovered, 0)).bytes).toHaveLength(recovered.sizeBytes)
      expect(await append(recovered, batchOf(1))).toMatchObject({ baseOffset: end })
    })
  },
)

test('a large write that ends while a flush runs is not told as durable by that one', async () => {
  const { log, held, work } = await openHeld({ flushMessages: 1 })
  const first = append(log, batchOf(1))
  await turn()
  expect(held).toHaveLength(1)
  let isTold = false
  const large = append(log, batchOf(600, 1000))
  const rest = append(log, batchOf(600, 1000)).finally(() => (isTold = true))
  await turn()
  const [sync, write] = held.splice(0)
  write!()
  await turn()
  sync!()
  let isFirstTold = false
  void first.then(() => (isFirstTold = true))
  for (await turn(); !isFirstTold; await turn()) for (const step of held.splice(0)) step()
  expect(isTold).toBe(false)
  expect(log.recoveryPoint).toBe(1)
  await work()
  expect((await large).baseOffset).toBe(1)
  expect((await rest).baseOffset).toBe(601)
  expect(log.recoveryPoint).toBe(1201)
})

test('what is written while a flush runs is not durable by it, also where it had its offset before', async () => {
  const { log, work } = await openHeld({})
  void append(log, batchOf(1))
  await turn()
  const queued = append(log, batchOf(1))
  const flushed = log.flush()
  expect((await queued).baseOffset).toBe(1)
  await work()
  await flushed
  expect(log.recoveryPoint).toBe(1)
})
