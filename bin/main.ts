import { execute } from './program.ts'
import { processTerminal } from './terminal.ts'

// The client's timers don't keep the process alive, so that a broker in it could stop; here somebody waits for them.
const alive = setInterval(() => undefined, 2 ** 30)
try {
  process.exitCode = await execute(process.argv.slice(2), processTerminal())
} finally {
  clearInterval(alive)
}
