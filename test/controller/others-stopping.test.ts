import { othersStopped } from '../../src/controller/others-stopping.ts'
import type { MetadataDelta, MetadataImage } from '../../src/metadata/image.ts'
import { SkippingClock } from '../support/skipping-clock.ts'

/** What node 1 knows: whether broker 2 is about to stop, and who leads. */
function known() {
  const listeners = new Set<(delta: MetadataDelta, image: MetadataImage) => void>()
  const ofLeader = new Set<() => void>()
  const imageOf = (inControlledShutdown: boolean, fenced = false) =>
    ({
      brokers: new Map([
        [1, { id: 1, fenced: false, inControlledShutdown: true }],
        [2, { id: 2, fenced, inControlledShutdown }],
      ]),
    }) as unknown as MetadataImage
  const metadata = {
    image: imageOf(true),
    activeController: { id: 3, host: 'node3', port: 9093 } as { id: number } | null,
    onChange: (listener: (delta: MetadataDelta, image: MetadataImage) => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    onActiveController: (listener: () => void) => {
      ofLeader.add(listener)
      return () => void ofLeader.delete(listener)
    },
  }
  const clock = new SkippingClock()
  let isOver = false
  const begin = async (): Promise<void> => {
    void othersStopped(clock, metadata as never, 1).then(() => (isOver = true))
    await turn()
  }
  return {
    clock,
    metadata,
    imageOf,
    begin,
    isOver: () => isOver,
    listening: () => listeners.size + ofLeader.size,
    change: (image: MetadataImage) => {
      for (const listener of listeners) listener(null as never, image)
    },
    lead: (id: number) => {
      metadata.activeController = { id }
      for (const listener of ofLeader) listener()
    },
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a controller that stops waits for brokers that do', () => {
  test('until they have', async () => {
    const { begin, isOver, change, imageOf, listening } = known()
    await begin()
    expect(isOver()).toBe(false)
    change(imageOf(true))
    await turn()
    expect(isOver()).toBe(false)
    change(imageOf(true, true))
    await turn()
    expect([isOver(), listening()]).toEqual([true, 0])
  })

  test('until another one leads, which knows more', async () => {
    const { begin, isOver, lead } = known()
    await begin()
    lead(3)
    await turn()
    expect(isOver()).toBe(false)
    lead(2)
    await turn()
    expect(isOver()).toBe(true)
  })

  test('for some seconds at most', async () => {
    const { begin, isOver, clock } = known()
    await begin()
    clock.skip(5000)
    await turn()
    expect(isOver()).toBe(true)
  })

  test('not at all where there are none, or nobody leads', async () => {
    const none = known()
    none.metadata.image = none.imageOf(false)
    await none.begin()
    const nobody = known()
    nobody.metadata.activeController = null
    await nobody.begin()
    expect([none.isOver(), nobody.isOver()]).toEqual([true, true])
  })
})
