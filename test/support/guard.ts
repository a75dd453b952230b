import { spawn } from 'node:child_process'

/**
 * Runs Node with the arguments it was given, as the head of a process group, and ends the whole group as soon as its
 * standard input ends: that is when whoever started it is gone, however it ended. Another process sees to it since the one
 * that is watched may never come to its event loop again. `guarded.ts` starts it.
 */
const child = spawn(process.execPath, process.argv.slice(2), {
  stdio: ['ignore', 'inherit', 'inherit'],
})
child.once('error', (error) => {
  throw error
})
child.once('exit', (code, signal) => {
  if (signal !== null) process.stderr.write(`ended by ${signal}\n`)
  process.exit(code ?? 1)
})
process.stdin.once('end', () => process.kill(-process.pid, 'SIGKILL'))
process.stdin.resume()
