import type { Host } from '../host/host.ts'
import type { FetchMemory } from '../log/read/memory.ts'
import { listSnapshots, snapshotPath } from './snapshot.ts'
import { samePosition } from './rules.ts'
import type { SnapshotRequest } from './types.ts'
import { granted, holdUntilSent, type Asker } from './unsent.ts'

/** The most that one answer has: as much as Apache Kafka's followers ask for. */
const MAX_PIECE_BYTES = 1 << 20

export type SnapshotPiece =
  | { readonly errorCode: 'SNAPSHOT_NOT_FOUND' | 'POSITION_OUT_OF_RANGE' }
  /** `size` is the whole snapshot's. */
  | { readonly errorCode: 'NONE'; readonly size: number; readonly bytes: Buffer }

/** Where a piece is held until it was sent. */
interface Room {
  readonly memory: FetchMemory
  /** Null where nobody minds how long it is held. */
  readonly asker: Asker | null
}

type Wanted = Pick<SnapshotRequest, 'snapshot' | 'position' | 'maxBytes'>

/**
 * Some of a snapshot's bytes, from a position on, as soon as there is memory for them. What the cluster was formatted with is
 * sent to nobody.
 */
export async function readPiece(
  host: Pick<Host, 'disk'>,
  directory: string,
  wanted: Wanted,
  { memory, asker }: Room,
): Promise<SnapshotPiece> {
  await granted(memory)
  let heldBytes = 0
  try {
    const piece = await read(host, directory, wanted)
    if ('bytes' in piece) heldBytes = piece.bytes.length
    return piece
  } finally {
    holdUntilSent(memory, heldBytes, asker === null ? [] : [asker])
  }
}

async function read(
  host: Pick<Host, 'disk'>,
  directory: string,
  { snapshot: id, position, maxBytes }: Wanted,
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
