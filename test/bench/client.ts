import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

/** Latencies in microseconds. */
export interface Distribution {
  readonly meanUs: number
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
}

/** What the client counted between the end of its warm-up and the end of the measured interval. */
export interface Measurement {
  readonly seconds: number
  /** Where transactions are measured, these. */
  readonly requests: number
  readonly records: number
  /** Bytes of record batches, headers included. */
  readonly bytes: number
  /** How often a broker was asked again, since the transaction before or the coordinator was not ready. */
  readonly retries: number
  readonly brokerCpuSeconds: number
  readonly clientCpuSeconds: number
  readonly latency: Distribution | null
}

export interface Outcome {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

/** Collects what a process prints (at most 1 MiB of each) and waits for its end; after `limitMs` it is killed. */
export const outcome = async (child: ChildProcess, limitMs: number): Promise<Outcome> => {
  const collected = { output: '', errors: '' }
  const collect = (name: 'output' | 'errors') => (text: string) => {
    if (collected[name].length < 1 << 20) collected[name] += text
  }
  child.stdout?.setEncoding('utf8').on('data', collect('output'))
  child.stderr?.setEncoding('utf8').on('data', collect('errors'))
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve)
    })
    return { code, ...collected }
  } finally {
    clearTimeout(timer)
  }
}

/** Where the client and Apache Kafka's jars are kept between runs. */
export const cacheDirectory = (): string =>
  path.join(process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'ottla-bench')

/** Builds the load client with Go and gives the path of the program. Go itself decides what is out of date. */
export const buildClient = async (): Promise<string> => {
  const program = path.join(cacheDirectory(), 'load')
  await mkdir(cacheDirectory(), { recursive: true })
  const built = await outcome(
    spawn('go', ['build', '-o', program, '.'], { cwd: path.resolve('test/bench/load') }),
    300_000,
  ).catch((cause: Error) => {
    throw new Error('the load client needs Go 1.26 or later on the PATH', { cause })
  })
  if (built.code !== 0) throw new Error(`the load client could not be built:\n${built.errors}`)
  return program
}

/** Values by the names of the client's flags. */
export type Flags = Readonly<Record<string, string | number | boolean>>

export interface Client {
  readonly program: string
  /**
   * Runs one command of the client and gives the JSON that it printed.
   * @param limitMs the process is killed after this time, or when the signal is aborted
   */
  call<Result>(
    command: string,
    address: string,
    flags: Flags,
    limitMs: number,
    signal?: AbortSignal,
  ): Promise<Result>
}

/** @param always flags of each call */
export const clientOf = (program: string, always: Flags = {}): Client => ({
  program,
  call: async <Result>(
    command: string,
    address: string,
    flags: Flags,
    limitMs: number,
    signal?: AbortSignal,
  ) => {
    const all = Object.entries({ address, ...always, ...flags }).map(
      ([name, value]) => `-${name}=${value}`,
    )
    const ended = await outcome(spawn(program, [command, ...all], { signal }), limitMs)
    if (ended.code !== 0) {
      const why = ended.errors.trim() || `no answer within ${limitMs} ms`
      throw new Error(why.split('\n').slice(-3).join(' '))
    }
    return JSON.parse(ended.output) as Result
  },
})
