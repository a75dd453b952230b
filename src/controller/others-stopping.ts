import type { Clock } from '../host/host.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { MetadataNode } from '../metadata/node.ts'

/** A controller that stops waits no longer for brokers that do. */
const PATIENCE_MS = 5000

type Metadata = Pick<MetadataNode, 'image' | 'onChange' | 'activeController' | 'onActiveController'>

/**
 * Resolves when no other broker is in a controlled shutdown, or after a while. Each of them needs more than half of the controllers
 * for it: where all nodes are told to stop at once, none should leave before the others are done. Kafka's do, and the last ones
 * wait for minutes. The active controller knows first when all are done, and leaves then: nobody waits any longer than it does.
 */
export function othersStopped(
  clock: Pick<Clock, 'after'>,
  metadata: Metadata,
  nodeId: number,
): Promise<void> {
  const leader = metadata.activeController?.id
  if (leader === undefined || !isAnyStopping(metadata.image, nodeId)) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      limit.cancel()
      for (const unfollow of followed) unfollow()
      resolve()
    }
    const limit = clock.after(PATIENCE_MS, end)
    const followed = [
      metadata.onChange((_, image) => {
        if (!isAnyStopping(image, nodeId)) end()
      }),
      metadata.onActiveController(() => {
        if (metadata.activeController?.id !== leader) end()
      }),
    ]
  })
}

function isAnyStopping({ brokers }: MetadataImage, nodeId: number): boolean {
  for (const { id, fenced, inControlledShutdown } of brokers.values()) {
    if (id !== nodeId && inControlledShutdown && !fenced) return true
  }
  return false
}
