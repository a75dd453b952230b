import {
  batchMagic,
  CorruptRecordError,
  readRecords,
  type LogRecord,
} from '../../protocol/records/batch.ts'
import type { Codecs } from '../../protocol/records/codecs.ts'
import type { DiskFile } from '../../src/host/host.ts'
import { batchFacts, type BatchFacts } from './batch-facts.ts'
import { readBatchFile } from './batch-file.ts'
import { meaningOf, type Decoder, type Meaning } from './decoders.ts'

export interface DumpedRecord {
  readonly offset: number
  readonly timestamp: bigint
  /** -1 for null. */
  readonly keySize: number
  readonly valueSize: number
  readonly sequence: number
  readonly headers: LogRecord['headers']
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly meaning: Meaning
}

/** `batch` with its records, if those were asked for; `problem` what is wrong with the file. */
export type DumpItem =
  | { readonly kind: 'batch'; readonly batch: BatchFacts; readonly records: DumpedRecord[] | null }
  | { readonly kind: 'entry'; readonly entry: object }
  | { readonly kind: 'problem'; readonly problem: string }

export interface LogDumpOptions {
  readonly codecs: Codecs
  readonly decoder: Decoder
  readonly withRecords: boolean
}

/** A segment or a snapshot of the quorum, batch by batch. */
export function* dumpLog(file: DiskFile, options: LogDumpOptions): Generator<DumpItem> {
  let lastOffset = -1
  const batches = readBatchFile(file)
  for (;;) {
    const next = batches.next()
    if (next.done) {
      if (next.value !== null) yield { kind: 'problem', problem: `There are ${next.value}` }
      return
    }
    const { bytes, position } = next.value
    let batch: BatchFacts
    try {
      batch = batchFacts(bytes, position, options.codecs)
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error
      yield { kind: 'problem', problem: `The batch at position ${position}: ${error.message}` }
      continue
    }
    let records: DumpedRecord[] | null = null
    let damage: string | null = batch.isValid ? null : 'its checksum or a field of it is wrong'
    if (options.withRecords && damage === null) {
      try {
        records = [...dumpRecords(bytes, options)]
      } catch (error) {
        if (!(error instanceof CorruptRecordError)) throw error
        damage = error.message
      }
    }
    yield { kind: 'batch', batch, records }
    const where = `The batch at position ${position}`
    if (damage !== null) yield { kind: 'problem', problem: `${where} is not valid: ${damage}` }
    if (batch.baseOffset <= lastOffset) {
      yield {
        kind: 'problem',
        problem: `${where} begins with offset ${batch.baseOffset}, and the one before it ends with ${lastOffset}`,
      }
    }
    lastOffset = batch.lastOffset
  }
}

function* dumpRecords(batch: Buffer, options: LogDumpOptions): Generator<DumpedRecord> {
  const magic = batchMagic(batch, 0)
  for (const record of readRecords(batch, options.codecs)) {
    const { offset, timestamp, sequence, headers, key, value } = record
    yield {
      offset,
      timestamp,
      keySize: key?.length ?? -1,
      valueSize: value?.length ?? -1,
      sequence,
      headers,
      key,
      value,
      meaning: meaningOf(record, batch, magic, options.decoder),
    }
  }
}
