import type { ControllerCommands, FeatureUpdate } from './commands.ts'
import { UpgradeType } from './commands.ts'
import type { ControllerView } from './view.ts'
import type { MetadataFact } from '../facts.ts'
import { featureFact } from '../facts.ts'
import {
  ELIGIBLE_LEADER_REPLICAS,
  KRAFT_VERSION,
  losesMetadata,
  METADATA_VERSION,
  SUPPORTED_FEATURES,
  TRANSACTION_VERSION,
} from '../features.ts'
import { withEligibleLeaders, withoutEligible } from './eligible-feature.ts'
import type { FeatureRange } from '../image.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'

type Command = ControllerCommands['updateFeatures']['command']
type Reply = ControllerCommands['updateFeatures']['reply']

export const FAILED =
  'The update failed for all features since the following feature had an error: '
const UPGRADE_TYPES: readonly number[] = Object.values(UpgradeType)

/** UpdateFeatures (KIP-584, KIP-1022): all levels change or none does. Of a feature that is named twice the last one counts. */
export function updateFeatures(
  view: ControllerView,
  { featureUpdates, validateOnly }: Command,
): { facts: MetadataFact[]; reply: Reply } {
  const updates = new Map(featureUpdates.map((update) => [update.feature, update]))
  const facts: MetadataFact[] = []
  const outcome = outcomeOf(() => {
    for (const update of updates.values()) facts.push(...updateOne(view, update, validateOnly))
    return SUCCESS
  })
  if (outcome.errorCode !== 'NONE') {
    return { facts: [], reply: { ...outcome, errorMessage: FAILED + outcome.errorMessage } }
  }
  return { facts: validateOnly ? [] : facts, reply: outcome }
}

/** What is to be written; the same level once more is, too, as in Kafka. */
function updateOne(
  view: ControllerView,
  update: FeatureUpdate,
  validateOnly: boolean,
): MetadataFact[] {
  const { feature, maxVersionLevel: level, upgradeType } = update
  const refuse = (why: string): never => {
    throw new Refusal(
      'INVALID_UPDATE_VERSION',
      `Invalid update version ${level} for feature ${feature}. ${why}`,
    )
  }
  if (!UPGRADE_TYPES.includes(upgradeType)) {
    refuse('The controller does not support the given upgrade type.')
  }
  if (level < 0) refuse('A feature version cannot be less than 0.')
  const problem = notSupported(view, feature, level)
  if (problem !== null) refuse(problem)
  const isUpgrade = upgradeType === UpgradeType.UPGRADE
  // The quorum's level isn't among those that the image has, so that Kafka takes each but 0 for an upgrade of it.
  const current = view.image.features.get(feature) ?? 0
  if (level > current && !isUpgrade) refuse("Can't downgrade to a newer version.")
  const isDowngrade = level < (feature === KRAFT_VERSION ? view.kraftVersion : current)
  if (isDowngrade && isUpgrade) {
    refuse(
      "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.",
    )
  }
  if (feature === KRAFT_VERSION) {
    if (isDowngrade) refuse("Can't downgrade the version of this feature.")
    // The quorum raises its own level, when everything else was found to be right.
    if (level > view.kraftVersion && !validateOnly) {
      refuse('This controller does not change how the voters of its quorum are told.')
    }
    return []
  }
  if (feature === TRANSACTION_VERSION) return [featureFact(feature, level)]
  if (feature === ELIGIBLE_LEADER_REPLICAS) {
    return [
      ...(level > 0 ? withEligibleLeaders(view) : []),
      ...(level === current ? [] : withoutEligible(view.image)),
      featureFact(feature, level),
    ]
  }
  if (feature !== METADATA_VERSION) {
    // One that Kafka has finalized here is known, and kept as it is.
    refuse(
      current === 0
        ? `Feature ${feature} not found.`
        : `Local controller ${view.nodeId} does not support this feature.`,
    )
  }
  if (losesMetadata(current, level)) {
    const why =
      upgradeType === UpgradeType.UNSAFE_DOWNGRADE
        ? 'Unsafe metadata downgrade is not supported in this version.'
        : 'Refusing to perform the requested downgrade because it might delete metadata information.'
    const what = `Unsupported metadata.version downgrade from ${current} to ${level}. ${why}`
    throw new Refusal('INVALID_UPDATE_VERSION', what)
  }
  return [featureFact(feature, level)]
}

/** Why not every node of the cluster could work at the level; null where all could. */
function notSupported(view: ControllerView, feature: string, level: number): string | null {
  const { nodeId, image } = view
  const nodes: [string, readonly FeatureRange[]][] = [
    [`Local controller ${nodeId}`, SUPPORTED_FEATURES],
  ]
  for (const { id, features } of image.brokers.values()) nodes.push([`Broker ${id}`, features])
  for (const { id, features } of image.controllers.values()) {
    if (id !== nodeId) nodes.push([`Controller ${id}`, features])
  }
  for (const [node, features] of nodes) {
    const range = features.find(({ name }) => name === feature)
    const least = range?.minSupportedVersion ?? 0
    const most = range?.maxSupportedVersion ?? 0
    if (level >= least && level <= most) continue
    if (most === 0) return `${node} does not support this feature.`
    return `${node} only supports versions ${least === most ? most : `${least}-${most}`}`
  }
  return null
}
