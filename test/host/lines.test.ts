import { spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { LineWriter } from '../../src/host/lines.ts'
import { useTemporaryDirectories } from '../support/temporary.ts'

const temporaryDirectory = useTemporaryDirectories()
const onUnix = process.platform === 'win32' ? describe.skip : describe

/** A pipe that is read when the test says so. */
function pipe() {
  const path = join(temporaryDirectory(), 'pipe')
  spawnSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const descriptor = openSync(path, constants.O_WRONLY)
  const lines = new LineWriter(descriptor, (count) => `${count} left out\n`)
  const buffer = Buffer.alloc(1 << 20)
  /** What is in the pipe now. */
  const read = (): string => {
    let text = ''
    for (;;) {
      try {
        const count = readSync(reader, buffer)
        if (count === 0) return text
        text += buffer.toString('utf8', 0, count)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return text
        throw error
      }
    }
  }
  /** What comes, until it ends so. */
  const readUntil = async (end: string): Promise<string> => {
    let text = read()
    while (!text.endsWith(end)) {
      await new Promise((resolve) => setImmediate(resolve))
      text += read()
    }
    return text
  }
  return { lines, read, readUntil, stopReading: () => closeSync(reader) }
}

/** A line of a length that no pipe holds a whole number of. */
const line = (index: number): string => `${String(index).padStart(1000, '.')}\n`
const exitListeners = (): number => process.listenerCount('exit')

onUnix('Lines to a pipe', () => {
  test('are written at once where there is room', () => {
    const { lines, read } = pipe()
    const before = exitListeners()
    lines.write('one\n')
    lines.write('two\n')
    expect(read()).toBe('one\ntwo\n')
    expect(exitListeners()).toBe(before)
  })

  test('wait for a reader who is slow, and come to it whole and in their order', async () => {
    const { lines, readUntil } = pipe()
    const before = exitListeners()
    const all = Array.from({ length: 500 }, (_, index) => line(index))
    for (const each of all) lines.write(each)
    expect(exitListeners()).toBe(before + 1)
    expect(await readUntil(line(499))).toBe(all.join(''))
    lines.write('after\n')
    expect(await readUntil('after\n')).toBe('after\n')
    expect(exitListeners()).toBe(before)
  })

  test('are left out where nobody reads, and their number is told in their place', async () => {
    const { lines, readUntil } = pipe()
    for (let index = 0; index < 5000; index++) lines.write(line(index))
    const text = await readUntil('left out\n')
    const kept = text.split('\n').slice(0, -2)
    expect(kept.length).toBeGreaterThan(1000)
    expect(kept.length).toBeLessThan(1300)
    expect(text).toBe(
      kept.map((_, index) => line(index)).join('') + `${5000 - kept.length} left out\n`,
    )
    lines.write('after\n')
    expect(await readUntil('after\n')).toBe('after\n')
  })

  test('that were left out before one that found room are told of before it', async () => {
    const { lines, readUntil } = pipe()
    for (let index = 0; index < 1500; index++) lines.write(line(index))
    // Shorter than what has no room any more.
    lines.write('short\n')
    const text = await readUntil('short\n')
    const [last, note] = text.split('\n').slice(-4, -2)
    expect(note).toMatch(/^\d+ left out$/)
    // The last of the long ones that was kept, and how many came behind it.
    expect(Number(last!.replaceAll('.', '')) + parseInt(note!)).toBe(1499)
  })

  test('are dropped when their reader has gone, and nothing fails', () => {
    const { lines, stopReading } = pipe()
    for (let index = 0; index < 500; index++) lines.write(line(index))
    stopReading()
    for (let index = 0; index < 500; index++) lines.write(line(index))
  })

  test.each([
    ['ends', 'process.exit(3)', 3],
    ['crashes', 'throw new Error("a bug")', 1],
  ])('have come to a slow reader when the process %s', async (_, end, code) => {
    const program = `
      import { LineWriter } from '${new URL('../../src/host/lines.js', import.meta.url).href}'
      const lines = new LineWriter(3, () => '')
      for (let index = 0; index < 900; index++) lines.write(String(index).padStart(1000, '.') + '\\n')
      ${end}`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    })
    let text = ''
    child.stdio[3]!.on('data', (bytes: Buffer) => (text += bytes.toString()))
    const ended = await new Promise((resolve) => child.once('close', resolve))
    expect(ended).toBe(code)
    expect(text).toBe(Array.from({ length: 900 }, (_, index) => line(index)).join(''))
  })
})

describe('Lines to a file', () => {
  test('are appended; its directory is made', () => {
    const path = join(temporaryDirectory(), 'logs', 'broker.log')
    new LineWriter(path, () => '').write('one\n')
    new LineWriter(path, () => '').write('two\n')
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n')
  })
})

const onFull = process.platform === 'linux' ? test : test.skip

onFull('a disk that is full costs lines, and nothing else', () => {
  const lines = new LineWriter('/dev/full', () => '')
  lines.write('one\n')
  lines.write('two\n')
})
