import { CorruptRecordError } from '../../protocol/records/errors.ts'
import type { WorkerParts } from '../../src/host/host.ts'
import { workerJob } from '../../src/host/job.ts'

export const COMPRESS = workerJob(import.meta.url, compress, 'short')
export function compress(task: { bytes: Uint8Array }, { codecs, handOver }: WorkerParts) {
  return { bytes: handOver(codecs.compress('lz4', task.bytes)) }
}

export const SUM = workerJob(import.meta.url, sum, 'short')
export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

export const FAIL = workerJob(import.meta.url, fail, 'short')
export function fail(how: 'corrupt' | 'code' | 'uncloneable', { disk }: WorkerParts): unknown {
  if (how === 'corrupt') throw new CorruptRecordError('These bytes make no sense')
  if (how === 'code') disk.open('/no/such/file', 'read')
  return () => undefined
}

/** Tells by a file that it has begun, and goes on until it is stopped. */
export const WAIT = workerJob(import.meta.url, wait, 'long')
export function wait(path: string, { disk, isStopped, sleep }: WorkerParts): string {
  disk.replaceFile(path, 'begun')
  while (!isStopped()) sleep(60_000)
  return 'stopped'
}

/** Takes no notice of being stopped, but ends once the file is gone. */
export const WAIT_SHORT = workerJob(import.meta.url, waitShort, 'short')
export function waitShort(path: string, { disk, sleep }: WorkerParts): void {
  disk.replaceFile(`${path}.begun`, '')
  while (disk.exists(path)) sleep(1)
}

/** Ends its thread, as running out of memory would. */
export const END = workerJob(import.meta.url, end, 'short')
export function end(): void {
  process.exit(3)
}

export const READ = workerJob(import.meta.url, read, 'short')
export function read(path: string, { disk, handOver }: WorkerParts): Uint8Array {
  return handOver(disk.readFile(path))
}

/** Not exported, so that no thread can find it. */
export const MISSING = workerJob(import.meta.url, hidden, 'short')
function hidden(): void {}
