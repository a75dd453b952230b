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

/** What the cluster has agreed on; a level stands for itself as least and most, as Kafka has it. */
export function finalizedFeatures(
  image: MetadataImage,
): { name: string; minVersionLevel: number; maxVersionLevel: number }[] {
  return Array.from(image.features, ([name, level]) => ({
    name,
    minVersionLevel: level,
    maxVersionLevel: level,
  }))
}
