import { batchNextOffset, batchSizeBytes, checkBatch } from '../../../protocol/records/batch.ts'
import type { SimDisk } from '../../../src/host/sim/disk.ts'
import type { Log } from '../../../src/log/log.ts'
import { codecs, readAll } from '../support.ts'

export const ROOT = '/data'
export const DIRECTORY = `${ROOT}/t-0`

/** What happens to the bytes of a segment at the batch that begins there. */
export type Damage = (segment: Buffer, at: number) => void

export const write32 =
  (where: number, value: number): Damage =>
  (segment, at) =>
    void segment.writeInt32BE(value, at + where)

export const flip =
  (where: number, bit = 1): Damage =>
  (segment, at) =>
    void (segment[at + where]! ^= bit)

export const logFiles = (disk: SimDisk): string[] =>
  disk
    .list(DIRECTORY)
    .filter((name) => name.endsWith('.log'))
    .sort()

/** Damages the batch with an offset in its file; the file stays the same one, as a disk's does. */
export function damageBatch(disk: SimDisk, offset: number, damage: Damage): void {
  const name = logFiles(disk)
    .filter((each) => Number(each.slice(0, 20)) <= offset)
    .at(-1)!
  const content = Buffer.from(disk.readFile(`${DIRECTORY}/${name}`))
  let at = 0
  while (batchNextOffset(content, at) <= offset) at += batchSizeBytes(content, at)
  damage(content, at)
  overwrite(disk, `${DIRECTORY}/${name}`, content)
}

/** The file has other bytes, and stays the same one. */
export function overwrite(disk: SimDisk, path: string, content: Buffer): void {
  const file = disk.open(path, 'write')
  file.truncate(content.length)
  file.writeSync([content], 0)
  file.syncNow()
  file.close()
}

/** What a consumer gets of each offset: it checks checksums, and seeks past what it is told of. */
export async function consume(log: Log): Promise<{ read: number[]; told: number[] }> {
  const read: number[] = []
  const told: number[] = []
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    const { errorCode, bytes } = await readAll(log, offset)
    if (errorCode === 'NONE' && bytes.length === 0) throw new Error(`Silence at offset ${offset}`)
    let next = offset
    for (let at = 0; errorCode === 'NONE' && at < bytes.length; at += batchSizeBytes(bytes, at)) {
      if (checkBatch(bytes, at, bytes.length, codecs.crc32c) !== null) break
      const end = batchNextOffset(bytes, at)
      for (; next < end; next++) read.push(next)
    }
    if (next === offset) told.push(next++)
    offset = next
  }
  return { read, told }
}
