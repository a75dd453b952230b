import { readOffsetIndex, readSoundOffsetIndex } from '../../../src/log/segment/offset-index.ts'

/** An index's file with these entries: offsets relative to the segment's, and positions. */
function fileOf(entries: readonly (readonly [offset: number, position: number])[]): Buffer {
  const file = Buffer.alloc(8 * entries.length)
  for (const [at, [offset, position]] of entries.entries()) {
    file.writeInt32BE(offset, 8 * at)
    file.writeInt32BE(position, 8 * at + 4)
  }
  return file
}

test.each([
  ['offsets that go back', [3, 400]],
  ['an offset twice', [5, 400]],
  ['positions that go back', [9, 150]],
  ['a position twice', [9, 200]],
  ['a position behind the log', [9, 1000]],
] as const)('an index is believed up to the entry with %s, and not as a whole', (_, entry) => {
  const sound = fileOf([
    [2, 100],
    [5, 200],
  ])
  const file = Buffer.concat([sound, fileOf([entry, [20, 900]])])
  expect(readSoundOffsetIndex(100, file, 1000).bytes()).toEqual(sound)
  expect(readOffsetIndex(100, file, 1000)).toBeNull()
  expect(readOffsetIndex(100, sound, 1000)?.bytes()).toEqual(sound)
})
