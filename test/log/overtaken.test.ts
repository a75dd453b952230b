import { SimDisk } from '../../src/host/sim/disk.ts'
import { parseOffsetCheckpoint } from '../../src/log/state/checkpoints.ts'
import { useTemporaryDirectories } from '../support/temporary.ts'
import { seeded, simulatedHost } from './seeded.ts'
import { append, batchOf, openLog, readAll, realHost } from './support.ts'

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
