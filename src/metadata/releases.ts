/** The levels of metadata.version, by the names that Kafka gives them; the first one is 7. */
const NAMES = [
  '3.3-IV3',
  '3.4-IV0',
  '3.5-IV0',
  '3.5-IV1',
  '3.5-IV2',
  '3.6-IV0',
  '3.6-IV1',
  '3.6-IV2',
  '3.7-IV0',
  '3.7-IV1',
  '3.7-IV2',
  '3.7-IV3',
  '3.7-IV4',
  '3.8-IV0',
  '3.9-IV0',
  '4.0-IV0',
  '4.0-IV1',
  '4.0-IV2',
  '4.0-IV3',
  '4.1-IV0',
  '4.1-IV1',
  '4.2-IV0',
  '4.2-IV1',
  '4.3-IV0',
  '4.4-IV0',
  '4.4-IV1',
  '4.4-IV2',
] as const
const FIRST_LEVEL = 7

/** From which level of metadata.version on a new cluster of Kafka's has a feature, and at which level. */
const BROUGHT: readonly (readonly [feature: string, since: number, level: number])[] = [
  ['kraft.version', 21, 1],
  ['group.version', 22, 1],
  ['transaction.version', 24, 2],
  ['eligible.leader.replicas.version', 26, 1],
  ['share.version', 28, 1],
  ['streams.version', 29, 1],
  ['share.version', 31, 2],
]

/** Every feature of Kafka 4.4 but metadata.version, in the order of their names. */
export const KAFKA_FEATURES: readonly string[] = [
  ...new Set(BROUGHT.map(([feature]) => feature)),
].sort()

/** From the first release with a name here to the last one. */
export const RELEASES = 'from 3.3 to 4.4'

/**
 * The level of metadata.version that a release ends with: of `4.4`, of `4.4.1`, or of the step `4.4-IV0` on the way to it.
 * @returns null for what no release is called
 */
export function releaseLevel(text: string): number | null {
  const [, release, step] = /^(\d+\.\d+)(?:\.\d+|(-IV\d+))?$/.exec(text) ?? []
  const index = NAMES.findLastIndex((name) =>
    step === undefined ? name.split('-')[0] === release : name === text,
  )
  return index < 0 ? null : FIRST_LEVEL + index
}

/** What Kafka calls a level of metadata.version; the number itself where that has no name here. */
export function releaseName(level: number): string {
  return NAMES[level - FIRST_LEVEL] ?? String(level)
}

/** The levels of all other features that Kafka gives a new cluster at a level of metadata.version; none is 0. */
export function featuresOfRelease(metadataVersion: number): Map<string, number> {
  const levels = new Map<string, number>()
  for (const [feature, since, level] of BROUGHT) {
    if (metadataVersion >= since) levels.set(feature, level)
  }
  return levels
}
