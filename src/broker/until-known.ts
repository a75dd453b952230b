import type { Clock } from '../host/host.ts'
import type { MetadataNode } from '../metadata/node.ts'

/** A client is told then that there is no such topic, and asks again. */
const LIMIT_MS = 5_000

/** Resolves when the image has these topics: where the controller is elsewhere, its reply may be faster than its log. */
export function untilKnown(
  names: readonly string[],
  metadata: Pick<MetadataNode, 'image' | 'onChange'>,
  clock: Clock,
): Promise<void> {
  const isKnown = (): boolean => names.every((name) => metadata.image.topics.byName.has(name))
  if (isKnown()) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      limit.cancel()
      unfollow()
      resolve()
    }
    const limit = clock.after(LIMIT_MS, end)
    const unfollow = metadata.onChange(() => {
      if (isKnown()) end()
    })
  })
}
