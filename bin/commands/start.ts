import { ConfigError } from '../../src/config/layers.ts'
import { hostAndPort } from '../../src/host/address.ts'
import { startBroker } from '../../src/index.ts'
import type { RunningBroker } from '../../src/index.ts'
import { HAND_OVER, HANDED_OVER } from '../cluster/messages.ts'
import { settingsText } from '../node-config.ts'
import type { Terminal } from '../terminal.ts'

export interface StartOptions {
  /** A server.properties file. */
  readonly config?: string
  /** `name=value`, each. */
  readonly set?: readonly string[]
}

const EXIT_FAILED = 1
const EXIT_STOPPED_AT_ONCE = 130

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Runs a broker until one of Kafka's signals to stop, which may come while it starts; a second one doesn't wait for what
 * is in flight. It serves on when nobody reads its output any more: `ottla start | head -1` is a way to wait until it is ready.
 */
export async function start({ config, set = [] }: StartOptions, terminal: Terminal): Promise<void> {
  terminal.surviveOutput(({ message }) => {
    terminal.writeError(
      `ottla: standard output takes nothing any more (${message}); the broker goes on\n`,
    )
  })
  // Before the start: a signal during it is no reason to leave the directories as after a crash.
  const stopAsked = stopSignal()
  const stop = new AbortController()
  void stopAsked.then(() => stop.abort())
  process.once('disconnect', () => stop.abort())
  const broker = await opened(config, set, stop.signal)
  void stopAsked.then(() => broker.close()).then(() => process.exit(0), fail)
  obeySupervisor(broker)
  for (const { host, port } of broker.addresses) {
    void terminal.write(`ottla ready on ${hostAndPort(host, port)}\n`)
  }
  fail(await broker.failed)
}

/**
 * Has who runs several brokers (`ottla cluster up`) stop them as one: it says when to hand over, and hears when that is done.
 * Where it ends itself, the broker stops, too.
 */
function obeySupervisor(broker: RunningBroker): void {
  if (process.send === undefined) return
  process.on('message', (message) => {
    if (message === HAND_OVER) void broker.handOver().then(() => process.send?.(HANDED_OVER))
  })
  process.once('disconnect', () => void broker.close().then(() => process.exit(0), fail))
}

/** Resolves at the first signal to stop; a second one ends the process where it stands. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false
    const stop = (): void => {
      if (isAsked) process.exit(EXIT_STOPPED_AT_ONCE)
      isAsked = true
      resolve()
    }
    for (const signal of STOP_SIGNALS) process.on(signal, stop)
  })
}

async function opened(
  config: string | undefined,
  set: readonly string[],
  signal: AbortSignal,
): Promise<RunningBroker> {
  try {
    return await startBroker({
      ...(config === undefined ? {} : { file: { path: config, text: settingsText(config) } }),
      environment: process.env,
      set,
      signal,
    })
  } catch (error) {
    if (signal.aborted) process.exit(0)
    return fail(error)
  }
}

/** Those who start a broker are told what to mend; only a bug of ours is worth its stack. */
function fail(error: unknown): never {
  const expected = error instanceof ConfigError || (error instanceof Error && 'code' in error)
  console.error(
    `ottla: ${expected ? error.message : error instanceof Error ? error.stack : String(error)}`,
  )
  process.exit(EXIT_FAILED)
}
