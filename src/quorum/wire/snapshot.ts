import { FetchSnapshot } from '../../../protocol/messages/fetch-snapshot.ts'
import { samePosition } from '../rules.ts'
import type { LogPosition, ReplicaKey } from '../types.ts'
import { METADATA_PARTITION, METADATA_TOPIC, onlyPartition } from './partition.ts'
import { PeerRefusal } from './requests.ts'
import type { Asked } from './requests.ts'

/** As Apache Kafka's followers ask for. */
const MAX_PIECE_BYTES = 1 << 20

interface Wanted {
  readonly clusterId: string
  readonly replica: ReplicaKey
  readonly epoch: number
  readonly snapshot: LogPosition
}

/** What a leader sends of a snapshot isn't the piece that was asked for. */
class SnapshotPieceError extends Error {
  override readonly name = 'SnapshotPieceError'
  readonly code = 'ERR_SNAPSHOT_PIECE'
}

/**
 * The bytes of a leader's snapshot, in their order (KIP-630).
 * @throws PeerError, PeerRefusal, SnapshotPieceError
 */
export async function* fetchPieces(
  way: Asked,
  { clusterId, replica, epoch, snapshot }: Wanted,
): AsyncIterable<Buffer> {
  const snapshotId = { endOffset: snapshot.offset, epoch: snapshot.epoch }
  let position = 0
  let size = Infinity
  while (position < size) {
    const partition = {
      partition: METADATA_PARTITION,
      currentLeaderEpoch: epoch,
      snapshotId,
      position,
      replicaDirectoryId: replica.directoryId,
    }
    const answer = await way.request(FetchSnapshot, {
      clusterId,
      replicaId: replica.id,
      maxBytes: MAX_PIECE_BYTES,
      topics: [{ name: METADATA_TOPIC, partitions: [partition] }],
    })
    if (answer.errorCode !== 'NONE') throw new PeerRefusal(answer.errorCode)
    const told = onlyPartition(
      answer,
      ({ name }, { index }) => name === METADATA_TOPIC && index === METADATA_PARTITION,
    )
    if (told === null) throw new SnapshotPieceError('Another partition was answered')
    if (told.errorCode !== 'NONE') throw new PeerRefusal(told.errorCode)
    const { endOffset: offset, epoch: itsEpoch } = told.snapshotId
    const bytes = told.unalignedRecords
    const isExpected =
      samePosition(snapshot, { offset, epoch: itsEpoch }) &&
      told.position === position &&
      (size === Infinity || told.size === size) &&
      bytes.length > 0 &&
      position + bytes.length <= told.size
    if (!isExpected) throw new SnapshotPieceError(`Byte ${position} was asked for, and not sent`)
    size = told.size
    position += bytes.length
    yield bytes
  }
}
