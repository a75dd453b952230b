import type { ErrorName } from '../../../protocol/errors.ts'
import { buildBatch } from '../../../protocol/records/batch.ts'
import type { BatchToWrite } from '../../../protocol/records/batch.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import type { RawClient } from '../../support/raw-client.ts'

/** What a test may know of the broker it asks. */
export interface World {
  /** Of the topic `plain`. */
  readonly topicId: string
  /** For those who do two things at once; the case ends it. */
  readonly connect: () => Promise<RawClient>
}

/** What a broker answers, reduced to what a client acts upon; `closed` where it ends the connection instead. */
export type Told =
  string | number | boolean | null | readonly Told[] | { readonly [k: string]: Told }

/** Something a client should not have said. The same bytes go to Ottla and, where it is there, to Apache Kafka. */
export interface BadInput {
  /** A sentence's part; unique. */
  readonly name: string
  readonly ask: (client: RawClient, world: World) => Promise<Told>
  /** Where Ottla answers otherwise on purpose: what it says. The case says why. */
  readonly instead?: Told
  /** What the log must say, for the person who wonders why a client was cut off. */
  readonly log?: RegExp
}

/**
 * The topics that the cases use; `steady` is for the one who does no wrong. The harness makes them.
 */
export const TOPICS: readonly { name: string; configs: Readonly<Record<string, string>> }[] = [
  { name: 'plain', configs: {} },
  { name: 'small', configs: { 'max.message.bytes': '1000' } },
  { name: 'compacted', configs: { 'cleanup.policy': 'compact' } },
  { name: 'stamped', configs: { 'message.timestamp.type': 'LogAppendTime' } },
  { name: 'squeezed', configs: { 'compression.type': 'lz4' } },
  { name: 'loose', configs: { 'compression.type': 'uncompressed', 'max.message.bytes': '1000' } },
  { name: 'timeless', configs: {} },
  { name: 'claimed', configs: {} },
  { name: 'recent', configs: { 'message.timestamp.before.max.ms': '60000' } },
  { name: 'decompressed', configs: { 'max.decompressed.message.bytes': '1000' } },
  { name: 'transacted', configs: {} },
  { name: 'steady', configs: {} },
]

export const codecs = nodeCodecs()

/** Resolves to `closed` when the broker ends the connection, to `answered` when it says anything. */
export async function whether(client: RawClient): Promise<Told> {
  return (await client.nextFrame()) === null ? 'closed' : 'answered'
}

/** A batch with one record of key `k` and value `v`, but for what is given. */
export function batchOf(batch: Partial<BatchToWrite> = {}): Buffer {
  const record = {
    timestamp: Date.now(),
    key: Buffer.from('k'),
    value: Buffer.from('v'),
  }
  return buildBatch({ records: [record], ...batch }, codecs)
}

/** A copy of a batch after a change, with a checksum that fits. */
export function altered(batch: Buffer, change: (bytes: Buffer) => Buffer | void): Buffer {
  const copy = Buffer.from(batch)
  const bytes = change(copy) ?? copy
  if (bytes.length > 21) bytes.writeUInt32BE(codecs.crc32c(bytes.subarray(21)), 17)
  return bytes
}

export const errorOf = (from: { errorCode: ErrorName }): ErrorName => from.errorCode
