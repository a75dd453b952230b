import { INITIAL_FEATURES } from './format.ts'
import type { FeatureRange, MetadataImage } from './image.ts'

/** The features of KIP-584 that are really here, with the levels this node can work at. */
export const SUPPORTED_FEATURES: readonly FeatureRange[] = [
  { name: 'kraft.version', minSupportedVersion: 0, maxSupportedVersion: 1 },
  ...Array.from(INITIAL_FEATURES, ([name, level]) => ({
    name,
    minSupportedVersion: level,
    maxSupportedVersion: level,
  })),
]

/**
 * What the cluster has agreed on; a level stands for itself as least and most, as Kafka has it.
 * @param kraftVersion the quorum's own feature, which has its place in the log but no FeatureLevelRecord
 */
export function finalizedFeatures(
  image: MetadataImage,
  kraftVersion: number,
): { name: string; minVersionLevel: number; maxVersionLevel: number }[] {
  const levels = new Map(image.features)
  if (kraftVersion > 0) levels.set('kraft.version', kraftVersion)
  return Array.from(levels, ([name, level]) => ({
    name,
    minVersionLevel: level,
    maxVersionLevel: level,
  }))
}
