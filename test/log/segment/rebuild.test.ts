import { seeded, simulatedDisk, simulatedHost } from '../seeded.ts'
import { append, batchOf, openLog, openManager, readAll } from '../support.ts'
import { DIRECTORY, overwrite, ROOT } from '../damage/support.ts'

const HOUR_MS = 3_600_000

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test.each(Array.from({ length: 12 }, (_, steps) => steps))(
  'indexes that are found to be wrong are not taken for right by who reads while they are built anew (after %i steps)',
  async (steps) => {
    let held: (() => void)[] | null = null
    const disk = simulatedDisk({
      random: seeded(1),
      later: (work) => void (held === null ? queueMicrotask(work) : held.push(work)),
    })
    const options = {
      host: simulatedHost(disk),
      config: { segmentBytes: 3000, retentionMs: HOUR_MS },
    }
    const { manager, log: before } = await openLog(ROOT, options)
    const now = options.host.clock.now()
    for (let each = 0; each < 3; each++) await append(before, batchOf(10, 200, { timestamp: now }))
    await manager.close()
    // All of the first segment is old, if its time index is believed.
    const path = `${DIRECTORY}/00000000000000000000.timeindex`
    const content = Buffer.from(disk.readFile(path))
    content.writeBigInt64BE(BigInt(now - 5 * HOUR_MS), 0)
    overwrite(disk, path, content)

    const log = openManager(ROOT, options).get('t', 0)!
    log.setHighWatermark(30)
    held = []
    const deleted = log.deleteOldSegments()
    for (let step = 0; step < steps; step++) {
      await turn()
      held.shift()?.()
    }
    await turn()
    // What retention waits for comes last.
    const later = held
    held = []
    const reading = readAll(log, 5)
    for (let each = 0; each < 20; each++) {
      await turn()
      held.shift()?.()
    }
    const rest = [...later, ...held]
    held = null
    for (const work of rest) work()
    expect((await reading).errorCode).toBe('NONE')
    await deleted
    expect(log.logStartOffset).toBe(0)
  },
)
