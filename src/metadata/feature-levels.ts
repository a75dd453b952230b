import { SUPPORTED_FEATURES, finalizedFeatures } from './features.ts'
import type { MetadataImage } from './image.ts'

const SUPPORTED = SUPPORTED_FEATURES.map(({ name, minSupportedVersion, maxSupportedVersion }) => ({
  name,
  minVersion: minSupportedVersion,
  maxVersion: maxSupportedVersion,
}))

/** [KIP-584] What this node can do, and what the cluster has agreed on, as ApiVersions tells it. */
export function featureLevels({
  image,
  kraftVersion,
}: {
  readonly image: MetadataImage
  readonly kraftVersion: number
}) {
  return {
    supported: SUPPORTED,
    finalized: finalizedFeatures(image, kraftVersion),
    epoch: image.offset,
  }
}
