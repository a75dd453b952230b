import type { Command } from 'commander'
import { UpdateFeatures } from '../../protocol/messages/update-features.ts'
import { KRAFT_VERSION, METADATA_VERSION } from '../../src/metadata/features.ts'
import {
  featuresOfRelease,
  releaseLevel,
  releaseName,
  RELEASES,
} from '../../src/metadata/releases.ts'
import { featuresIn, type FeatureInfo } from '../client/cluster.ts'
import { BrokerError } from '../client/errors.ts'
import { UsageError } from '../errors.ts'
import { collect, integer, keyValue, withExamples } from '../options.ts'
import { printEither, printTable } from '../output.ts'
import { withAdmin, withAdminOptions, type Admin, type AdminCommandOptions } from '../with-admin.ts'

const GREATEST_LEVEL = 2 ** 15 - 1

/** Kafka's numbers. */
const UPGRADE = 1
const SAFE_DOWNGRADE = 2
const UNSAFE_DOWNGRADE = 3

interface UpdateOptions extends AdminCommandOptions {
  readonly feature?: readonly { name: string; value: string }[]
  readonly releaseVersion?: string
  readonly dryRun?: boolean
  readonly unsafe?: boolean
}

export function declare(features: Command): void {
  const describe = features
    .command('describe')
    .description('Show what the cluster has agreed on, and what the node that answers could do')
  withAdminOptions(describe)
  withExamples(describe, 'features describe', 'features describe --json').action(describeCommand)

  const upgrade = features
    .command('upgrade')
    .description('Raise levels, once every node can work at them')
  withUpdateOptions(upgrade)
  withExamples(
    upgrade,
    'features upgrade --feature metadata.version=33',
    'features upgrade --release-version 4.4 --dry-run',
  ).action((options: UpdateOptions) => updateCommand(options, true))

  const downgrade = features.command('downgrade').description('Lower levels; 0 turns a feature off')
  withUpdateOptions(downgrade).option('--unsafe', 'even where metadata is lost by it')
  withExamples(downgrade, 'features downgrade --feature group.version=0').action(
    (options: UpdateOptions) => updateCommand(options, false),
  )
}

function withUpdateOptions(command: Command): Command {
  command
    .option(
      '-f, --feature <name=level>',
      'a feature and its new level',
      collect(keyValue('--feature')),
    )
    .option('-r, --release-version <version>', 'the features as this release of Kafka has them')
    .option('--dry-run', 'only check whether it could be done')
  return withAdminOptions(command)
}

async function offered({ client }: Admin): Promise<{ features: FeatureInfo[]; epoch: number }> {
  const { apiVersions } = await client.connection()
  return { features: featuresIn(apiVersions), epoch: apiVersions.finalizedFeaturesEpoch }
}

async function describeCommand(options: AdminCommandOptions): Promise<void> {
  const { features, epoch } = await withAdmin(options, offered)
  await printTable(
    options,
    { epoch, features },
    ['FEATURE', 'FINALIZED', 'SUPPORTED'],
    features.map(({ name, finalized, minSupported, maxSupported }) => [
      name,
      levelText(name, finalized),
      minSupported === null
        ? null
        : `${levelText(name, minSupported)} to ${levelText(name, maxSupported!)}`,
    ]),
    'The node tells of no features.',
  )
}

/** A release's name says more than its number. */
function levelText(name: string, level: number): string {
  return name === METADATA_VERSION && level > 0 ? `${level} (${releaseName(level)})` : String(level)
}

async function updateCommand(options: UpdateOptions, isUpgrade: boolean): Promise<void> {
  const given = givenLevels(options)
  const dryRun = options.dryRun === true
  const upgradeType = isUpgrade ? UPGRADE : options.unsafe ? UNSAFE_DOWNGRADE : SAFE_DOWNGRADE
  const { changed, left } = await withAdmin(options, async (admin) => {
    const { features } = await offered(admin)
    const wanted = given ?? ofRelease(options.releaseVersion!, features, isUpgrade)
    const changes = [...wanted.levels].map(([feature, level]) => ({
      feature,
      maxVersionLevel: level,
      upgradeType,
    }))
    if (changes.length > 0) await update(admin, changes, options)
    return { changed: Object.fromEntries(wanted.levels), left: wanted.left }
  })
  await printEither(options, { changed, left, dryRun }, updatedText(changed, left, dryRun))
}

function updatedText(
  changed: Readonly<Record<string, number>>,
  left: readonly string[],
  dryRun: boolean,
): string {
  const levels = Object.entries(changed).map(([name, level]) => `${name}=${levelText(name, level)}`)
  const done = dryRun ? 'The cluster could go to' : 'The cluster is at'
  const lines = [
    levels.length === 0 ? 'There is nothing to change.' : `${done} ${levels.join(', ')}.`,
  ]
  if (left.length > 0) {
    lines.push(`Left out, since the node that answered doesn't have them: ${left.join(', ')}.`)
  }
  return lines.join('\n')
}

interface Wanted {
  readonly levels: ReadonlyMap<string, number>
  readonly left: readonly string[]
}

/** Null where a release is to say what changes. */
function givenLevels({ feature, releaseVersion }: UpdateOptions): Wanted | null {
  if (feature === undefined && releaseVersion === undefined) {
    throw new UsageError('Nothing to change: give --feature or --release-version')
  }
  if (feature === undefined) return null
  if (releaseVersion !== undefined) {
    throw new UsageError('Give either --feature or --release-version')
  }
  const level = integer('--feature NAME=', 0, GREATEST_LEVEL)
  return { levels: new Map(feature.map(({ name, value }) => [name, level(value)])), left: [] }
}

/** What a release has otherwise than the cluster, as far as its nodes have the features. */
function ofRelease(release: string, offers: readonly FeatureInfo[], isUpgrade: boolean): Wanted {
  const metadataVersion = releaseLevel(release)
  if (metadataVersion === null) {
    throw new UsageError(`--release-version takes one ${RELEASES}, such as 4.4: not ${release}`)
  }
  const released = featuresOfRelease(metadataVersion).set(METADATA_VERSION, metadataVersion)
  const levels = new Map<string, number>()
  for (const { name, maxSupported, finalized } of offers) {
    const level = released.get(name) ?? 0
    if (maxSupported === null || (isUpgrade ? level <= finalized : level >= finalized)) continue
    // The voters' place in the log has no way back.
    if (!isUpgrade && name === KRAFT_VERSION) continue
    levels.set(name, level)
  }
  const isOffered = (name: string) => offers.some((one) => one.name === name)
  const left = isUpgrade ? [...released].filter(([name]) => !isOffered(name)) : []
  return { levels, left: left.map(([name, level]) => `${name}=${level}`).sort() }
}

async function update(
  admin: Admin,
  featureUpdates: readonly { feature: string; maxVersionLevel: number; upgradeType: number }[],
  { timeout, dryRun }: UpdateOptions,
): Promise<void> {
  const remedy = 'ottla features describe shows the levels there are.'
  const body = {
    timeoutMs: timeout,
    featureUpdates: [...featureUpdates],
    validateOnly: dryRun === true,
  }
  await admin.ask(UpdateFeatures, body, ({ errorCode, errorMessage, results }) => {
    // Before v2 each feature has its own.
    const failed = results.find((one) => one.errorCode !== 'NONE')
    const what = failed === undefined ? 'The features' : `Feature ${failed.feature}`
    const error = failed?.errorCode ?? errorCode
    if (error === 'NONE') return
    throw new BrokerError(error, what, failed?.errorMessage ?? errorMessage, {
      ...(error !== 'NOT_CONTROLLER' && { remedy }),
    })
  })
}
