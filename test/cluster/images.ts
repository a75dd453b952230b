import { readdirSync, readFileSync } from 'node:fs'
import {
  batchAttributes,
  batchBaseOffset,
  batchLeaderEpoch,
  batchNextOffset,
  isControl,
  readBatches,
  readRecords,
} from '../../protocol/records/batch.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { nodeHost } from '../../src/host/node.ts'
import { Replay } from '../../src/metadata/replay.ts'
import { encodedImage } from '../../src/metadata/snapshot-records.ts'
import { listSnapshots, readSnapshot, snapshotPath } from '../../src/quorum/snapshot.ts'

const codecs = nodeCodecs()
const host = nodeHost({ log: { level: 'silent' } })

/** The metadata of a node that has stopped, as its directory has them. */
export class StoredMetadata {
  readonly log: Buffer
  readonly #path: string

  constructor(directory: string) {
    this.#path = `${directory}/__cluster_metadata-0`
    const names = readdirSync(this.#path).filter((name) => name.endsWith('.log'))
    this.log = Buffer.concat(names.sort().map((name) => readFileSync(`${this.#path}/${name}`)))
  }

  /** Not 0 where the node was sent a snapshot. */
  get start(): number {
    return this.log.length === 0 ? 0 : batchBaseOffset(this.log, 0)
  }

  get end(): number {
    let end = 0
    for (const batch of readBatches(this.log)) end = batchNextOffset(batch, 0)
    return end
  }

  /** The bytes of the log from one offset, where a batch begins, to another one. */
  between(start: number, end: number): Buffer {
    const batches = Array.from(readBatches(this.log)).filter(
      (batch) => batchBaseOffset(batch, 0) >= start && batchNextOffset(batch, 0) <= end,
    )
    return Buffer.concat(batches)
  }

  /** The image of all below an offset, as the records that a snapshot of it has, in some order. */
  imageAt(end: number): string[] {
    const replay = new Replay()
    const first = listSnapshots(host, this.#path).find(({ offset }) => offset >= this.start)
    if (this.start > 0) {
      replay.loadSnapshot(first!, readSnapshot(host, snapshotPath(this.#path, first!), codecs))
    }
    for (const batch of readBatches(this.log)) {
      const [baseOffset, nextOffset] = [batchBaseOffset(batch, 0), batchNextOffset(batch, 0)]
      if (nextOffset > end) break
      if (this.start > 0 && baseOffset < first!.offset) continue
      const values = isControl(batchAttributes(batch, 0)) ? [] : [...readRecords(batch, codecs)]
      replay.apply({
        baseOffset,
        lastOffset: nextOffset - 1,
        epoch: batchLeaderEpoch(batch, 0),
        timestampMs: 0,
        sizeBytes: batch.length,
        records: values.flatMap(({ value }) => value ?? []),
      })
    }
    replay.build()
    return hexOf(encodedImage(replay.image))
  }

  /** The snapshots that the node has written, or was sent: where each ends, and its records in some order. */
  snapshots(): { end: number; records: string[] }[] {
    return listSnapshots(host, this.#path)
      .filter(({ offset }) => offset > 0)
      .map((id) => {
        const { records } = readSnapshot(host, snapshotPath(this.#path, id), codecs)
        return { end: id.offset, records: hexOf(records) }
      })
  }
}

function hexOf(records: Iterable<Buffer>): string[] {
  return Array.from(records, (record) => record.toString('hex')).sort()
}
