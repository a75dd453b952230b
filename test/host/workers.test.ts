import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { systemClock } from '../../src/host/clock.ts'
import type { Workers } from '../../src/host/host.ts'
import { inlineWorkers } from '../../src/host/sim/workers.ts'
import { SimDisk } from '../../src/host/sim/disk.ts'
import { nodeWorkers } from '../../src/host/workers.ts'
import { systemRandom } from '../../src/host/random.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { COMPRESS, END, FAIL, MISSING, READ, SUM, WAIT, WAIT_SHORT } from './worker-jobs.ts'

const codecs = nodeCodecs()
const bytes = Buffer.from('some words that come again and again; '.repeat(5000))
const simDisk = new SimDisk({ random: systemRandom() })
const directories = temporaryDirectories()
const threads = nodeWorkers()
afterAll(async () => {
  await threads.close()
  directories.removeAll()
})

const both: [string, Workers][] = [
  ['threads', threads],
  ['a simulated host', inlineWorkers({ disk: simDisk, codecs, clock: systemClock() })],
]

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1))
}

describe.each(both)('the workers of %s', (_, workers) => {
  test('a job gets its task and the codecs, and its answer comes back', async () => {
    const { bytes: compressed } = await workers.run(COMPRESS, { bytes: new Uint8Array(bytes) })
    expect(codecs.decompress('lz4', compressed, bytes.length).equals(bytes)).toBe(true)
    expect(await workers.run(SUM, [1, 2, 3])).toBe(6)
  })

  test('memory named in transfer moves, other bytes are copied', async () => {
    const moved = new Uint8Array(bytes)
    const copied = new Uint8Array(bytes)
    await workers.run(COMPRESS, { bytes: moved }, { transfer: [moved.buffer] })
    await workers.run(COMPRESS, { bytes: copied })
    expect([moved.length, copied.length]).toEqual([0, bytes.length])
  })

  test('errors keep what they are', async () => {
    await expect(workers.run(FAIL, 'corrupt')).rejects.toMatchObject({
      name: 'CorruptRecordError',
      code: 'CORRUPT_RECORD',
      message: 'These bytes make no sense',
    })
    await expect(workers.run(FAIL, 'code')).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('what cannot be cloned rejects, and the next job runs', async () => {
    await expect(workers.run(FAIL, 'uncloneable')).rejects.toThrow('could not be cloned')
    const odd = [(() => 1) as unknown as number]
    await expect(workers.run(SUM, odd)).rejects.toThrow('could not be cloned')
    expect(await workers.run(SUM, [4])).toBe(4)
  })
})

describe('worker threads', () => {
  const directory = directories.make()

  test('a job that nobody exports is named', async () => {
    await expect(threads.run(MISSING, undefined)).rejects.toThrow('exports no function hidden')
  })

  test('a signal stops a job and ends its sleep; short jobs do not wait for long ones', async () => {
    const stop = new AbortController()
    const paths = ['a', 'b', 'c'].map((name) => join(directory, name))
    const waiting = paths.map((path) => threads.run(WAIT, path, { signal: stop.signal }))
    await until(() => paths.every((path) => existsSync(path)))
    expect(await threads.run(SUM, [1, 1])).toBe(2)
    stop.abort()
    expect(await Promise.all(waiting)).toEqual(['stopped', 'stopped', 'stopped'])
  })

  test('a job that was stopped before it began is told so', async () => {
    const path = join(directory, 'stopped-before')
    const signal = AbortSignal.abort()
    expect(await threads.run(WAIT, path, { signal })).toBe('stopped')
  })

  test('a heavy job does not hold up the other short ones', async () => {
    const path = join(directory, 'gate')
    writeFileSync(path, '')
    const heavy = threads.run(WAIT_SHORT, path)
    await until(() => existsSync(`${path}.begun`))
    expect(await Promise.all([threads.run(SUM, [1]), threads.run(SUM, [2])])).toEqual([1, 2])
    rmSync(path)
    await heavy
  })

  test('a thread that ends takes only its own job with it', async () => {
    const ending = threads.run(END, undefined)
    const others = [threads.run(SUM, [1]), threads.run(SUM, [2]), threads.run(SUM, [3])]
    await expect(ending).rejects.toMatchObject({ code: 'WORKER_ENDED' })
    expect(await Promise.all(others)).toEqual([1, 2, 3])
  })

  test('closing rejects what is under way and what waits, and later work starts anew', async () => {
    const path = join(directory, 'closed')
    writeFileSync(path, '')
    const given = Array.from({ length: 4 }, () => threads.run(WAIT_SHORT, path))
    const ended = given.map((each) => expect(each).rejects.toMatchObject({ code: 'WORKER_ENDED' }))
    await threads.close()
    await Promise.all(ended)
    expect(await threads.run(SUM, [5])).toBe(5)
  })
})

test('jobs of a simulated host see its disk, and none settles after its crash', async () => {
  const disk = new SimDisk({ random: systemRandom() })
  const workers = inlineWorkers({
    disk,
    codecs,
    clock: systemClock(),
    later: (work) => disk.later(work),
  })
  disk.replaceFile('/file', 'content')
  expect(Buffer.from(await workers.run(READ, '/file')).toString()).toBe('content')
  let hasSettled = false
  const settle = (): void => void (hasSettled = true)
  void workers.run(READ, '/file').then(settle, settle)
  disk.crash('lost')
  await new Promise((resolve) => setImmediate(resolve))
  expect(hasSettled).toBe(false)
})
