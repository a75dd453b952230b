import {
  FeatureError,
  INITIAL_FEATURES,
  KRAFT_VERSION,
  METADATA_VERSION,
  SUPPORTED_FEATURES,
} from './features.ts'
import type { FeatureRange } from './image.ts'
import {
  featuresOfRelease,
  KAFKA_FEATURES,
  releaseLevel,
  releaseName,
  RELEASES,
} from './releases.ts'

/** What whoever formats a cluster asks for. */
export interface WantedLevels {
  /** As in `4.4` or `4.4-IV2`. */
  readonly release?: string | undefined
  /** By feature; metadata.version may be among them where no release is given. */
  readonly features: ReadonlyMap<string, number>
  /** The voters stand in the log (KIP-853), not in the settings. */
  readonly isDynamic: boolean
}

export interface FirstLevels {
  readonly kraftVersion: 0 | 1
  /** By feature, without kraft.version; none is 0. */
  readonly features: ReadonlyMap<string, number>
  /** What Kafka would finalize beside them, which this version doesn't have; `name=level` each. */
  readonly left: readonly string[]
}

/**
 * The levels that a new cluster begins with: those of a release, as far as this version has the features.
 * @throws FeatureError that names what was asked for and isn't here
 */
export function firstLevels({ release, features: wanted, isDynamic }: WantedLevels): FirstLevels {
  const metadataVersion = wantedMetadataVersion(release, wanted.get(METADATA_VERSION))
  for (const [name, level] of wanted) {
    if (!isOurs(name)) checkAbsent(name, level)
  }
  const released = new Map(featuresOfRelease(metadataVersion))
  const features = new Map([[METADATA_VERSION, metadataVersion]])
  for (const range of SUPPORTED_FEATURES) {
    const { name } = range
    if (name === METADATA_VERSION || name === KRAFT_VERSION) continue
    const level = wanted.get(name) ?? released.get(name) ?? 0
    checkLevel(range, level)
    if (level > 0) features.set(name, level)
  }
  const left = [...released].filter(([name]) => !isOurs(name))
  return {
    kraftVersion: wantedKraftVersion(wanted.get(KRAFT_VERSION), isDynamic),
    features,
    left: left.map(([name, level]) => `${name}=${level}`).sort(),
  }
}

const isOurs = (name: string): boolean =>
  SUPPORTED_FEATURES.some((feature) => feature.name === name)

function wantedMetadataVersion(release: string | undefined, given: number | undefined): number {
  if (release !== undefined && given !== undefined) {
    throw new FeatureError(
      `Both a release and ${METADATA_VERSION}=${given} are given, and the release says that level. Leave one out`,
    )
  }
  const level =
    release === undefined ? (given ?? INITIAL_FEATURES.get(METADATA_VERSION)!) : levelOf(release)
  const { minSupportedVersion: least, maxSupportedVersion: most } = SUPPORTED_FEATURES.find(
    ({ name }) => name === METADATA_VERSION,
  )!
  if (level >= least && level <= most) return level
  throw new FeatureError(
    `${METADATA_VERSION}=${level} (${releaseName(level)}) is not what this version of Ottla works at: choose ${least} (${releaseName(least)}) to ${most} (${releaseName(most)})`,
  )
}

function levelOf(release: string): number {
  const level = releaseLevel(release)
  if (level !== null) return level
  throw new FeatureError(
    `There is no release ${release} that this version of Ottla knows: it knows those ${RELEASES}`,
  )
}

function checkLevel(
  { name, minSupportedVersion: least, maxSupportedVersion: most }: FeatureRange,
  level: number,
): void {
  if (level >= least && level <= most) return
  throw new FeatureError(
    `${name}=${level} is not what this version of Ottla works at: choose ${least} to ${most}`,
  )
}

/** Level 0 is what a feature that isn't here has anyway. */
function checkAbsent(name: string, level: number): void {
  const ours = SUPPORTED_FEATURES.map((feature) => feature.name).join(', ')
  if (!KAFKA_FEATURES.includes(name)) {
    throw new FeatureError(`There is no feature ${name}: this version of Ottla has ${ours}`)
  }
  if (level === 0) return
  throw new FeatureError(
    `This version of Ottla does not have the feature ${name}, so ${name}=${level} can't be finalized: it has ${ours}. Leave it out, or format with Apache Kafka, whose features Ottla keeps where it can`,
  )
}

function wantedKraftVersion(given: number | undefined, isDynamic: boolean): 0 | 1 {
  const own = isDynamic ? 1 : 0
  if (given === undefined || given === own) return own
  throw new FeatureError(
    isDynamic
      ? `${KRAFT_VERSION}=${given} can't be: where controller.quorum.voters is not set, the voters stand in the log, which is ${KRAFT_VERSION}=1. Leave it out, or set controller.quorum.voters`
      : `${KRAFT_VERSION}=${given} can't be: controller.quorum.voters names the voters, which is ${KRAFT_VERSION}=0. Leave it out, or remove controller.quorum.voters and choose the first voters when formatting`,
  )
}
