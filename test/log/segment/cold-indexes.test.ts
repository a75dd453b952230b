import { ColdIndexes } from '../../../src/log/segment/cold-indexes.ts'
import type { Segment } from '../../../src/log/segment/segment.ts'

/** Of a segment only how much its indexes take, and whether it was told to let them go. */
function segmentOf(indexBytes: number) {
  const segment = {
    indexBytes,
    isDropped: false,
    dropIndexes: () => void (segment.isDropped = true),
  }
  return segment
}

const as = (segment: object): Segment => segment as Segment

test('the indexes used least recently go when there is no room for all', () => {
  const cold = new ColdIndexes(100)
  const segments = [40, 40, 20].map(segmentOf)
  for (const segment of segments) cold.touch(as(segment))
  expect(segments.map(({ isDropped }) => isDropped)).toEqual([false, false, false])
  cold.touch(as(segments[0]!))
  cold.touch(as(segmentOf(10)))
  expect(segments.map(({ isDropped }) => isDropped)).toEqual([false, true, false])
})

test('those of one segment may be more than the budget while they are used', () => {
  const cold = new ColdIndexes(100)
  const [small, large] = [segmentOf(10), segmentOf(500)]
  cold.touch(as(small))
  cold.touch(as(large))
  expect([small.isDropped, large.isDropped]).toEqual([true, false])
})

test('what is used again, or gone, does not count twice', () => {
  const cold = new ColdIndexes(100)
  const [kept, gone] = [segmentOf(50), segmentOf(50)]
  for (let round = 0; round < 10; round++) {
    cold.touch(as(kept))
    cold.touch(as(gone))
    cold.forget(as(gone))
  }
  cold.touch(as(segmentOf(50)))
  expect(kept.isDropped).toBe(false)
})
