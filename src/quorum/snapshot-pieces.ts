import type { Host } from '../host/host.ts'
import { listSnapshots, snapshotPath } from './snapshot.ts'
import { samePosition } from './rules.ts'
import type { LogPosition } from './types.ts'

/** The most that one answer has: as much as Apache Kafka's followers ask for. */
const MAX_PIECE_BYTES = 1 << 20

export type SnapshotPiece =
  | { readonly errorCode: 'SNAPSHOT_NOT_FOUND' | 'POSITION_OUT_OF_RANGE' }
  /** `size` is the whole snapshot's. */
  | { readonly errorCode: 'NONE'; readonly size: number; readonly bytes: Buffer }

/** Some of a snapshot's bytes, from a position on. What the cluster was formatted with is sent to nobody. */
export async function readPiece(
  host: Pick<Host, 'disk'>,
  directory: string,
  id: LogPosition,
  position: number,
  maxBytes: number,
): Promise<SnapshotPiece> {
  const isHere = listSnapshots(host, directory).some((each) => samePosition(each, id))
  if (!isHere || id.offset === 0) return { errorCode: 'SNAPSHOT_NOT_FOUND' }
  const file = host.disk.open(snapshotPath(directory, id), 'read')
  try {
    const size = file.size()
    if (position < 0 || position >= size) return { errorCode: 'POSITION_OUT_OF_RANGE' }
    const length = Math.min(size - position, Math.max(maxBytes, 1), MAX_PIECE_BYTES)
    const bytes = Buffer.allocUnsafe(length)
    return { errorCode: 'NONE', size, bytes: bytes.subarray(0, await file.read(bytes, position)) }
  } finally {
    file.close()
  }
}
