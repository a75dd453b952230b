import { packGroups, recordsBytes } from '../../src/quorum/packing.ts'

const MIB = 1 << 20
const KIB = 1 << 10
const group = (...mebibytes: number[]): Buffer[] =>
  mebibytes.map((size) => Buffer.alloc(size * MIB - 24))
const sizes = (parts: readonly (readonly Buffer[])[]): number[] =>
  parts.map((part) => recordsBytes(part) / MIB)

test('groups share batches until these have a mebibyte, and none is cut', () => {
  expect(sizes(packGroups([group(1), group(2, 2), group(3)]))).toEqual([1, 4, 3])
  expect(sizes(packGroups([group(0.5), group(4), group(0.5), group(0.25)]))).toEqual([4.5, 0.75])
  expect(sizes(packGroups([group(0.5), group(8), group(0.5), group(0.25)]))).toEqual([0.5, 8, 0.75])
  for (const part of packGroups(Array.from({ length: 500 }, () => group(0.03, 0.07)))) {
    expect(recordsBytes(part)).toBeLessThanOrEqual(MIB + 110 * KIB)
  }
  expect(sizes(packGroups([group(7), group(1)]))).toEqual([7, 1])
  expect(packGroups([])).toEqual([])
})

test('a group may have more values than a call takes arguments', () => {
  const many = Array.from({ length: 300_000 }, () => Buffer.alloc(1))
  expect(packGroups([many])).toEqual([many])
})
