import { encodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { MetadataLoader } from '../../src/metadata/loader.ts'
import { SimulatedQuorum } from './simulated-quorum.ts'

const TURNS = { endOfTurn: (callback: () => void) => void setImmediate(callback) }

const noOp = encodeMetadataRecord({ type: 'NoOpRecord', version: 0, value: {} })

/** How far the metadata of each node went on in so many milliseconds in which nobody asked for anything. */
async function idle(settings: Readonly<Record<string, string>>, ms: number) {
  const quorum = await SimulatedQuorum.start(3, settings)
  await quorum.controller()
  // What is written first, and has come everywhere by then.
  await quorum.scheduler.pass(3000)
  const before = quorum.nodes.map(({ node }) => node.image)
  await quorum.scheduler.pass(ms)
  const after = quorum.nodes.map(({ node }) => node.image)
  return { before, after, grown: after.map(({ offset }, index) => offset - before[index]!.offset) }
}

describe('an active controller that nobody asks for anything', () => {
  test('writes an empty record every half second, by which others see how far they are', async () => {
    const { before, after, grown } = await idle({}, 10_000)
    for (const records of grown) {
      expect(records).toBeGreaterThanOrEqual(18)
      expect(records).toBeLessThanOrEqual(21)
    }
    after.forEach((image, index) => {
      const { offset, epoch } = before[index]!
      expect({ ...image, offset, epoch }).toEqual(before[index])
    })
  })

  test('writes as often as metadata.max.idle.interval.ms says, and nothing where that is 0', async () => {
    const { grown } = await idle({ 'metadata.max.idle.interval.ms': '2000' }, 10_000)
    for (const records of grown) expect([4, 5, 6]).toContain(records)
    const never = await idle({ 'metadata.max.idle.interval.ms': '0' }, 10_000)
    expect(never.grown).toEqual([0, 0, 0])
  })
})

test('an empty record moves the offset of the image, and tells nobody of a change', () => {
  const loader = new MetadataLoader(TURNS)
  loader.caughtUp()
  const told: number[] = []
  loader.onChange((_delta, image) => told.push(image.offset))
  const { topics } = loader.image
  const batch = { epoch: 1, timestampMs: 5, sizeBytes: 72, records: [noOp] }
  loader.committed({ ...batch, baseOffset: 0, lastOffset: 0 })
  loader.committed({ ...batch, baseOffset: 1, lastOffset: 1 })
  expect([loader.image.offset, loader.image.epoch, told]).toEqual([1, 1, []])
  expect(loader.image.topics).toBe(topics)
})
