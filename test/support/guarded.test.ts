import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from '../clients/wait.ts'
import { runGuarded } from './guarded.ts'

/** Starts another process, tells its own id and the other's, and never comes back to its event loop. */
const ENDLESS = `
  const { spawn } = require('node:child_process')
  const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'])
  require('node:fs').writeSync(1, process.pid + ' ' + other.pid + '\\n')
  for (;;);
`
const GUARDED = new URL('./guarded.js', import.meta.url).href

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const pidsIn = (output: string): number[] => output.trim().split(/\s+/).map(Number)

const expectGone = async (output: string): Promise<void> => {
  const pids = pidsIn(output)
  expect(pids).toHaveLength(2)
  await until(() => !pids.some(isAlive), 'the processes to be gone')
}

test('a loop without end is over at the limit, with all that it has started', async () => {
  let output = ''
  const onOutput = (bytes: Buffer): void => void (output += bytes.toString())
  // A busy machine may not even have begun within the first of the limits.
  for (let limitMs = 1_000; output === ''; limitMs *= 2) {
    const end = await runGuarded(['-e', ENDLESS], { limitMs, onOutput })
    expect(end).toEqual({ isTimeOut: true, code: null })
  }
  await expectGone(output)
})

test('who is killed leaves nothing of what it had guarded', async () => {
  const runner = `
    const { runGuarded } = await import(${JSON.stringify(GUARDED)})
    const onOutput = (bytes) => process.stdout.write(bytes)
    await runGuarded(['-e', ${JSON.stringify(ENDLESS)}], { limitMs: 600_000, onOutput })
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', runner], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
  await until(() => output.includes('\n'), 'the loop to begin')
  expect(pidsIn(output).every(isAlive)).toBe(true)
  child.kill('SIGKILL')
  await once(child, 'close')
  await expectGone(output)
})

test('what ends by itself is told with its code, and what it leaves behind is ended', async () => {
  const leaving = ENDLESS.replace('for (;;);', 'process.exit(7)')
  let output = ''
  const onOutput = (bytes: Buffer): void => void (output += bytes.toString())
  const end = await runGuarded(['-e', leaving], { limitMs: 60_000, onOutput })
  expect(end).toEqual({ isTimeOut: false, code: 7 })
  await expectGone(output)
})
