import { SimDisk } from '../../src/host/sim/disk.ts'
import { FetchMemory } from '../../src/log/read/memory.ts'
import { readPiece, type SnapshotPiece } from '../../src/quorum/snapshot-pieces.ts'
import { snapshotPath } from '../../src/quorum/snapshot.ts'
import { seeded, simulatedHost } from '../log/seeded.ts'

const DIRECTORY = '/data/__cluster_metadata-0'
const SNAPSHOT = { offset: 9, epoch: 2 }
const CONTENT = 'all that was before'

function begin(maxBytes: number) {
  const disk = new SimDisk({ random: seeded(1) })
  disk.makeDirectory(DIRECTORY)
  const host = simulatedHost(disk)
  disk.replaceFile(snapshotPath(DIRECTORY, SNAPSHOT), CONTENT)
  const memory = new FetchMemory(maxBytes, {
    after: () => ({ cancel: () => undefined }),
    endOfTurn: (callback) => void setImmediate(callback),
  })
  const sent: (() => void)[] = []
  const asker = {
    afterSent: (callback: () => void) => void sent.push(callback),
    dismiss: () => undefined,
  }
  const read = (position: number, snapshot = SNAPSHOT): Promise<SnapshotPiece> =>
    readPiece(host, DIRECTORY, { snapshot, position, maxBytes: 10 }, { memory, asker })
  return { memory, sent, read }
}

const text = (piece: SnapshotPiece) => ('bytes' in piece ? piece.bytes.toString() : piece.errorCode)

test('a piece is held until it was sent, and who finds no memory waits for it', async () => {
  const { memory, sent, read } = begin(10)
  expect(text(await read(0))).toBe('all that w')
  expect(memory.heldBytes).toBe(10)
  let second: SnapshotPiece | null = null
  const reading = read(10).then((piece) => (second = piece))
  await new Promise(setImmediate)
  expect([second, memory.waitingCount]).toEqual([null, 1])
  sent.shift()!()
  await reading
  expect(text(second!)).toBe('as before')
  sent.shift()!()
  expect(memory.heldBytes).toBe(0)
})

test('what is not there holds nothing', async () => {
  const { memory, sent, read } = begin(10)
  expect(text(await read(100))).toBe('POSITION_OUT_OF_RANGE')
  expect(text(await read(0, { offset: 8, epoch: 2 }))).toBe('SNAPSHOT_NOT_FOUND')
  expect([memory.heldBytes, sent.length]).toEqual([0, 2])
})
