import type { FeatureRange, MetadataImage } from './image.ts'

export const METADATA_VERSION = 'metadata.version'
export const KRAFT_VERSION = 'kraft.version'
/** [KIP-890] 1: records of transactions have tags; 2: each transaction has an epoch of its own. */
export const TRANSACTION_VERSION = 'transaction.version'
/** [KIP-966] 1: the controller keeps who may lead without loss where the ISR has become too small. */
export const ELIGIBLE_LEADER_REPLICAS = 'eligible.leader.replicas.version'
/** 4.4-IV2, the newest level that Kafka 4.4 calls stable. */
const LATEST_METADATA_VERSION = 33
/** 4.0-IV3, which Kafka 4.0 began with: from here on only the version of a broker's registration depends on the level. */
const OLDEST_METADATA_VERSION = 25
/**
 * The levels that brought records, or fields of them, which those before don't know: 4.3-IV0 cordoned directories, 4.4-IV1
 * ACLs with a range of addresses, 4.4-IV2 the end of a controller's registration.
 */
const LEVELS_WITH_NEW_METADATA: readonly number[] = [30, 32, 33]
/** [KIP-1276] The first level at which the host of an ACL may be a range of addresses. */
export const ADDRESS_RANGES = 32
/** The first level whose brokers know cordoned directories, which came with version 4 of RegisterBrokerRecord. */
const CORDONED_DIRECTORIES = 30
/** The first level whose nodes know the end of a controller's registration. */
const ENDS_OF_CONTROLLERS = 33

const LATEST_TRANSACTION_VERSION = 2
const LATEST_ELIGIBLE_LEADER_REPLICAS = 1

/** The levels that a new cluster gets: no feature that isn't really here. */
export const INITIAL_FEATURES: ReadonlyMap<string, number> = new Map([
  [METADATA_VERSION, LATEST_METADATA_VERSION],
  [ELIGIBLE_LEADER_REPLICAS, LATEST_ELIGIBLE_LEADER_REPLICAS],
  [TRANSACTION_VERSION, LATEST_TRANSACTION_VERSION],
])

/** The features of KIP-584 that are really here, with the levels this node can work at. */
export const SUPPORTED_FEATURES: readonly FeatureRange[] = [
  {
    name: ELIGIBLE_LEADER_REPLICAS,
    minSupportedVersion: 0,
    maxSupportedVersion: LATEST_ELIGIBLE_LEADER_REPLICAS,
  },
  { name: KRAFT_VERSION, minSupportedVersion: 0, maxSupportedVersion: 1 },
  {
    name: METADATA_VERSION,
    minSupportedVersion: OLDEST_METADATA_VERSION,
    maxSupportedVersion: LATEST_METADATA_VERSION,
  },
  {
    name: TRANSACTION_VERSION,
    minSupportedVersion: 0,
    maxSupportedVersion: LATEST_TRANSACTION_VERSION,
  },
]

/**
 * Features of Kafka 4.4 that are not offered, but whose levels up to these are left as they are: this node writes no records of
 * share groups, streams groups or the new consumer groups. Their records stay in the log; clients are not told of them.
 */
const KEPT_FEATURES: ReadonlyMap<string, number> = new Map([
  ['group.version', 1],
  ['share.version', 2],
  ['streams.version', 1],
])

/** Levels of features that this version can't work at. The message names the first and says what to do. */
export class FeatureError extends Error {
  override readonly name = 'FeatureError'
  readonly code = 'ERR_UNSUPPORTED_FEATURE'
}

/** Whether a finalized level is one that this node leaves as it is, without offering it. */
export function isKept(name: string, level: number): boolean {
  return level >= 1 && level <= (KEPT_FEATURES.get(name) ?? 0)
}

/**
 * Holds what the cluster has finalized against what this node can do.
 * @returns the features that are kept and not offered, each as `name=level`
 * @throws FeatureError where a level changes what this node would have to write, or may
 */
export function checkFinalizedFeatures(image: MetadataImage): string[] {
  const kept: string[] = []
  for (const [name, level] of image.features) {
    const range = SUPPORTED_FEATURES.find((feature) => feature.name === name)
    if (range !== undefined) checkRange(range, level)
    else if (isKept(name, level)) kept.push(`${name}=${level}`)
    else {
      const most = KEPT_FEATURES.get(name)
      throw new FeatureError(
        `The cluster has finalized ${name}=${level}, ${most === undefined ? 'a feature that this version of Ottla does not know' : `and this version of Ottla knows it up to ${most}`}: it can't tell what to write. Downgrade the feature with the Kafka that finalized it (kafka-features.sh downgrade), or use a version of Ottla that knows it`,
      )
    }
  }
  return kept
}

function checkRange(
  { name, minSupportedVersion, maxSupportedVersion }: FeatureRange,
  level: number,
) {
  if (level >= minSupportedVersion && level <= maxSupportedVersion) return
  const range = `${minSupportedVersion} to ${maxSupportedVersion}`
  const why =
    name === METADATA_VERSION
      ? 'the level says in which versions metadata records are written'
      : "it can't tell what to write"
  throw new FeatureError(
    `The cluster has finalized ${name}=${level}, and this version of Ottla works at ${range}: ${why}. ${
      level < minSupportedVersion
        ? 'Upgrade it with the Kafka that finalized it (kafka-features.sh upgrade --release-version 4.0 or later)'
        : 'Use a version of Ottla that knows it'
    }`,
  )
}

/** Whether a cluster that goes from one level of metadata.version down to another might lose what it has written. */
export function losesMetadata(from: number, to: number): boolean {
  return LEVELS_WITH_NEW_METADATA.some((level) => level > to && level <= from)
}

/** [KIP-1066] Whether all brokers know of directories that get no new replicas. */
export function knowsCordoned(features: MetadataImage['features']): boolean {
  return (features.get(METADATA_VERSION) ?? LATEST_METADATA_VERSION) >= CORDONED_DIRECTORIES
}

/** [KIP-1312] Whether all nodes know of controllers that are registered no more. */
export function knowsEndsOfControllers(features: MetadataImage['features']): boolean {
  return (features.get(METADATA_VERSION) ?? LATEST_METADATA_VERSION) >= ENDS_OF_CONTROLLERS
}

/** [KIP-966] Whether who leaves an ISR that gets too small is kept as eligible to lead. */
export function keepsEligibleLeaders(features: MetadataImage['features']): boolean {
  return (features.get(ELIGIBLE_LEADER_REPLICAS) ?? 0) > 0
}

/** The version that a broker's registration is written in at a level of metadata.version. */
export function registrationVersion(features: MetadataImage['features']): number {
  return knowsCordoned(features) ? 4 : 3
}

/**
 * What the cluster has agreed on and this node offers; a level stands for itself as least and most, as Kafka has it.
 * @param kraftVersion the quorum's own feature, which has its place in the log but no FeatureLevelRecord
 */
export function finalizedFeatures(
  image: MetadataImage,
  kraftVersion: number,
): { name: string; minVersionLevel: number; maxVersionLevel: number }[] {
  const levels = new Map(image.features)
  if (kraftVersion > 0) levels.set(KRAFT_VERSION, kraftVersion)
  return Array.from(levels, ([name, level]) => ({
    name,
    minVersionLevel: level,
    maxVersionLevel: level,
  })).filter(({ name }) => SUPPORTED_FEATURES.some((feature) => feature.name === name))
}
