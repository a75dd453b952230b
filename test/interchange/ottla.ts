import { cpSync, readdirSync } from 'node:fs'
import { ottla } from '../bin/command.ts'
import { startProcess, type BrokerProcess } from '../support/broker-process.ts'
import type { temporaryDirectories } from '../support/temporary.ts'
import { SETTINGS, type RunningNode } from './apache.ts'
import type { Observed } from './workload.ts'

/** A directory as a broker left it, and what the broker served last. */
export interface Written {
  readonly directory: string
  readonly observed: Observed
}

/** A copy that a broker may write to. */
export function copyOf(
  directory: string,
  directories: ReturnType<typeof temporaryDirectories>,
): string {
  const copy = `${directories.make()}/data`
  cpSync(directory, copy, { recursive: true })
  return copy
}

/** Starts Ottla on a directory, whoever wrote it. */
export async function startOttla(
  directory: string,
): Promise<RunningNode & { process: BrokerProcess }> {
  const process = await startProcess({
    ...SETTINGS,
    'log.dirs': directory,
    'metadata.log.max.snapshot.interval.ms': 200,
  })
  return {
    process,
    bootstrap: `${process.host}:${process.port}`,
    stop: async () => {
      process.kill('SIGTERM')
      const { code, stderr } = await process.ended()
      if (code !== 0) throw new Error(`Ottla ended with ${code}: ${stderr}`)
    },
    kill9: async () => {
      process.kill('SIGKILL')
      await process.ended()
    },
    tail: () => process.stderr.slice(-4000),
  }
}

/** Whether a snapshot of the metadata was written, besides the one that formatting makes. */
export function hasSnapshot(directory: string): boolean {
  const names = readdirSync(`${directory}/__cluster_metadata-0`)
  return names.some((name) => name.endsWith('.checkpoint') && !name.startsWith('0'.repeat(20)))
}

/** Starts Ottla on a directory, and stops it in good order when the work is done. */
export async function onOttla<T>(
  directory: string,
  use: (broker: Awaited<ReturnType<typeof startOttla>>) => Promise<T>,
): Promise<T> {
  const broker = await startOttla(directory)
  const result = await use(broker)
  await broker.stop()
  return result
}

/** `log verify --deep` finds nothing in a directory, and nothing to note. */
export async function expectSound(directory: string): Promise<void> {
  const { stdout } = await ottla(['log', 'verify', '--deep', '--json', directory])
  const reports = stdout.trimEnd().split('\n')
  expect(reports.map((line) => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({ kind: 'summary', findings: 0 }),
  ])
}
