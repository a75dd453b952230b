import { codecOf } from '../../../protocol/codec.ts'
import { RequestHeader, requestHeaderVersion } from '../../../protocol/messages/headers.ts'
import { Produce } from '../../../protocol/messages/produce.ts'
import { buildBatch } from '../../../protocol/records/batch.ts'
import type { AnyApi, ListenerKind } from '../../../protocol/schema.ts'
import { Writer } from '../../../protocol/wire/writer.ts'
import type { Handler } from '../../../src/handlers/handler.ts'
import { handlers } from '../../../src/handlers/index.ts'
import { readVectors } from '../../protocol/oracle.ts'
import { dearestRequests, frameOf, type Known } from '../../support/dearest-request.ts'
import { codecs } from '../../system/load.ts'

/** Where what is chosen comes from. */
export interface Chance {
  readonly random: (bound: number) => number
  readonly pick: <T>(items: readonly T[]) => T
}

/** What a request of an attacker may take. */
const MOST_BYTES = 2_000

/** Read once: there are many. */
const vectors = readVectors()

/**
 * Requests as they should be, without their lengths, for a listener of a kind: those that Apache Kafka's classes wrote, which are about
 * nothing that is there, and others about what is.
 */
export class ValidFrames {
  readonly #handlers: readonly Handler[]
  readonly #known: Known
  /** By API and version; made when they are asked for, since there are thousands. */
  readonly #made = new Map<string, readonly Buffer[]>()

  constructor(kind: ListenerKind, known: Known) {
    this.#handlers = handlers.filter(({ listeners }) => listeners.includes(kind))
    this.#known = known
  }

  /** One of them: each API is as likely as another one. */
  pick({ random, pick }: Chance): Buffer {
    const { api, versions } = pick(this.#handlers)
    const version = versions[0] + random(versions[1] - versions[0] + 1)
    return pick(this.#of(api, version))
  }

  /** The header of one of them. */
  pickHeader({ random, pick }: Chance): Buffer {
    const { api, versions } = pick(this.#handlers)
    return headerOf(api, versions[0] + random(versions[1] - versions[0] + 1))
  }

  #of(api: AnyApi, version: number): readonly Buffer[] {
    const key = `${api.key} ${version}`
    const made = this.#made.get(key) ?? this.#make(api, version)
    this.#made.set(key, made)
    return made
  }

  #make(api: AnyApi, version: number): Buffer[] {
    const header = headerOf(api, version)
    const written = (vectors.get(api.request.name) ?? [])
      .filter((one) => one.version === version)
      .map(({ hex }) => Buffer.concat([header, Buffer.from(hex, 'hex')]))
    const about = Array.from(
      dearestRequests(api, version, 200, this.#known, Infinity, ['repeated']),
      ({ frame }) => frame,
    )
    const records =
      api.key === Produce.key
        ? validBatches.map((batch) => produced(version, this.#known, batch))
        : []
    const small = [...written, ...about, ...records].filter(({ length }) => length <= MOST_BYTES)
    return small.length > 0 ? small : [header]
  }
}

/** The header of a request. */
function headerOf(api: AnyApi, version: number): Buffer {
  const writer = new Writer()
  codecOf(RequestHeader, requestHeaderVersion(api, version)).write(writer, {
    requestApiKey: api.key,
    requestApiVersion: version,
    correlationId: 7,
    clientId: 'hostile',
  })
  return writer.toBuffer()
}

/** A Produce of these records, whatever they are. */
export function produced(version: number, { topic, topicId }: Known, records: Buffer): Buffer {
  const topicData = [{ name: topic, topicId, partitionData: [{ index: 0, records }] }]
  return frameOf(Produce as unknown as AnyApi, version, { acks: 1, timeoutMs: 1000, topicData })
}

/** Batches as they should be, each compressed in another way. */
export const validBatches: readonly Buffer[] = (
  ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
).map((compression) => {
  const value = Buffer.from('of an attacker '.repeat(20))
  const records = [1, 2, 3].map((timestamp) => ({ timestamp, key: null, value }))
  return buildBatch({ records, compression }, codecs)
})
