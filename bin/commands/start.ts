import { readFileSync } from 'node:fs'
import { ConfigError } from '../../src/config/layers.ts'
import { startBroker } from '../../src/index.ts'
import type { RunningBroker } from '../../src/index.ts'

export interface StartOptions {
  /** A server.properties file. */
  readonly config?: string
  /** `name=value`, each. */
  readonly set?: readonly string[]
}

const EXIT_FAILED = 1
const EXIT_STOPPED_AT_ONCE = 130

/** Runs a broker until SIGTERM or SIGINT; a second signal doesn't wait for what is in flight. */
export async function start({ config, set = [] }: StartOptions): Promise<void> {
  const broker = await opened(config, set)
  for (const { host, port } of broker.addresses) console.log(`ottla ready on ${host}:${port}`)
  let stopping = false
  const stop = (): void => {
    if (stopping) process.exit(EXIT_STOPPED_AT_ONCE)
    stopping = true
    void broker.close().then(() => process.exit(0), fail)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  fail(await broker.failed)
}

async function opened(config: string | undefined, set: readonly string[]): Promise<RunningBroker> {
  try {
    return await startBroker({
      ...(config === undefined ? {} : { file: { path: config, text: textOf(config) } }),
      environment: process.env,
      set,
    })
  } catch (error) {
    return fail(error)
  }
}

/** The settings file's text; throws a ConfigError that names the file. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError([
      `The settings file ${path} can't be read: ${reason}. Name one that is there with --config`,
    ])
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
