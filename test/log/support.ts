import { buildBatch, controlKey, type BatchToWrite } from '../../protocol/records/batch.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Host } from '../../src/host/host.ts'
import { nodeHost } from '../../src/host/node.ts'
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../src/log/base/config.ts'
import type { WantedPartitions } from '../../src/log/directory/discovery.ts'
import type { Log } from '../../src/log/log.ts'
import { LogManager, type LogManagerOptions } from '../../src/log/manager.ts'
import type {
  AppendOrigin,
  AppendResult,
  ReadResult,
  ReadUpTo,
} from '../../src/log/base/results.ts'

export const codecs = nodeCodecs()
export const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

export function realHost(): Host {
  return nodeHost({ log: { level: 'silent' } })
}

export interface OpenOptions extends Partial<LogManagerOptions> {
  readonly config?: Partial<LogConfig>
  readonly directoryOf?: WantedPartitions['directoryOf']
  readonly isWanted?: WantedPartitions['isWanted']
}

/** A manager of one directory, with everything that it finds loaded. */
export function openManager(path: string, options: OpenOptions = {}): LogManager {
  const manager = LogManager.open({
    host: realHost(),
    codecs,
    directories: [path],
    onDirectoryFailed: () => undefined,
    ...options,
  })
  const config = { ...DEFAULT_LOG_CONFIG, ...options.config }
  const steps = manager.loadPartitions({
    configOf: () => config,
    isWanted: options.isWanted ?? (() => true),
    directoryOf: options.directoryOf ?? (() => null),
  })
  Array.from(steps)
  return manager
}

/** The log of `t-0`, made where it isn't there. */
export async function openLog(
  path: string,
  options: OpenOptions = {},
): Promise<{ manager: LogManager; log: Log }> {
  const manager = openManager(path, options)
  const config = { ...DEFAULT_LOG_CONFIG, ...options.config }
  return { manager, log: await manager.createLog('t', 0, TOPIC_ID, config) }
}

export function append(
  log: Log,
  records: Buffer,
  { epoch = 0, origin = 'client' }: { epoch?: number; origin?: AppendOrigin } = {},
): Promise<AppendResult> {
  return new Promise((resolve) => log.append(records, epoch, origin, resolve))
}

export function follow(log: Log, records: Buffer): Promise<AppendResult> {
  return new Promise((resolve) => log.appendAsFollower(records, resolve))
}

/** A batch of so many records whose values have so many bytes. */
export function batchOf(
  count: number,
  valueBytes = 10,
  more: Partial<BatchToWrite> & { timestamp?: number } = {},
): Buffer {
  const { timestamp = Date.now(), ...rest } = more
  const records = Array.from({ length: count }, (_, index) => ({
    timestamp: timestamp + index,
    key: null,
    value: Buffer.alloc(valueBytes, index),
  }))
  return buildBatch({ records, ...rest }, codecs)
}

export async function readAll(
  log: Log,
  offset: number,
  { maxBytes = 1 << 20, upTo = 'logEnd' as ReadUpTo, minOne = true } = {},
): Promise<ReadResult & { bytes: Buffer }> {
  const result = await log.read(offset, maxBytes, upTo, minOne)
  return { ...result, bytes: Buffer.concat(result.chunks) }
}

/** What a coordinator ends a producer's transaction with. */
export function markerOf(
  producerId: number,
  type: 'ABORT' | 'COMMIT',
  coordinatorEpoch = 0,
): Buffer {
  const value = Buffer.alloc(6)
  value.writeInt32BE(coordinatorEpoch, 2)
  const record = { timestamp: Date.now(), key: controlKey(type), value }
  return buildBatch(
    { records: [record], producerId, producerEpoch: 0, isTransactional: true, isControl: true },
    codecs,
  )
}
