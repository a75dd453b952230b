import { MAX_BATCH_BYTES, packGroups, recordsBytes } from '../../src/quorum/packing.ts'

const MIB = 1 << 20
const group = (...mebibytes: number[]): Buffer[] =>
  mebibytes.map((size) => Buffer.alloc(size * MIB - 24))
const sizes = (parts: readonly (readonly Buffer[])[]): number[] =>
  parts.map((part) => recordsBytes(part) / MIB)

test('groups share batches as far as they fit, and none is cut', () => {
  expect(sizes(packGroups([group(1), group(2, 2), group(3)]))).toEqual([8])
  expect(sizes(packGroups([group(5), group(4), group(4), group(1)]))).toEqual([5, 8, 1])
  expect(sizes(packGroups([group(8), group(8), group(1), group(1)]))).toEqual([8, 8, 2])
  for (const part of packGroups(Array.from({ length: 50 }, () => group(1)))) {
    expect(recordsBytes(part)).toBeLessThanOrEqual(MAX_BATCH_BYTES)
  }
  expect(packGroups([])).toEqual([])
})
