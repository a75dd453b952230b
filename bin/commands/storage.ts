import type { Command } from 'commander'
import { systemDisk } from '../../src/host/disk.ts'
import { nodeHost } from '../../src/host/node.ts'
import { systemRandom } from '../../src/host/random.ts'
import { randomId } from '../../src/metadata/ids.ts'
import { METADATA_VERSION } from '../../src/metadata/features.ts'
import { releaseName } from '../../src/metadata/releases.ts'
import type { Voter } from '../../src/quorum/types.ts'
import { hostAndPort } from '../../src/host/address.ts'
import { CommandError, UsageError } from '../errors.ts'
import { nodeConfig, withNodeOptions, type NodeOptions } from '../node-config.ts'
import { collect, integer, keyValue, withExamples } from '../options.ts'
import { print, printEither, toJson } from '../output.ts'
import type { StorageFormatted, Voters } from '../storage/format.ts'
import { formatStorage } from '../storage/format.ts'
import { scramRecord } from '../storage/scram.ts'
import { storageInfo, type StorageInfo } from '../storage/info.ts'
import { formatFacts, formatTable, type Row } from '../table.ts'

const GREATEST_LEVEL = 2 ** 15 - 1

interface FormatOptions extends NodeOptions {
  readonly clusterId: string
  readonly standalone?: boolean
  /** Commander's: false for --no-initial-controllers. */
  readonly initialControllers?: string | false
  readonly feature?: readonly { name: string; value: string }[]
  readonly releaseVersion?: string
  readonly ignoreFormatted?: boolean
  readonly addScram?: readonly string[]
  readonly json?: boolean
}

interface InfoOptions extends NodeOptions {
  readonly json?: boolean
}

export function declare(storage: Command): void {
  declareFormat(storage)
  const info = storage.command('info').description("Show whose a node's directories are")
  withNodeOptions(info).option('--json', 'print JSON')
  withExamples(info, 'storage info -c server.properties').action(infoCommand)

  const random = storage
    .command('random-uuid')
    .description(
      'Print an id for a new cluster, or for the directory of one of its first controllers',
    )
  withExamples(random, 'storage random-uuid').action((options: NodeOptions) =>
    print(options, randomId(systemRandom())),
  )
}

/** Of these one at most may be given. */
const ABOUT_VOTERS = ['standalone', 'initial-controllers', 'no-initial-controllers'] as const

function declareFormat(storage: Command): void {
  const format = storage
    .command('format')
    .description("Make a node's empty directories part of a cluster")
  format.requiredOption('-t, --cluster-id <id>', 'the cluster: the same for all of its nodes')
  withNodeOptions(format)
    .option('-s, --standalone', 'the node is a quorum of its own, which others may join')
    .option(
      '-I, --initial-controllers <list>',
      'the first voters, as ID@HOST:PORT:DIRECTORY-ID with commas; the same for all of them',
    )
    .option('-N, --no-initial-controllers', 'a node that joins the quorum later')
    .option(
      '-f, --feature <name=level>',
      'a feature that the cluster begins with',
      collect(keyValue('--feature')),
    )
    .option('-r, --release-version <version>', 'begin with the features of this release of Kafka')
    .option('-g, --ignore-formatted', 'leave directories alone that are formatted already')
    .option(
      '-S, --add-scram <credential>',
      "a user that the cluster begins with: 'SCRAM-SHA-256=[name=alice,password=...]'",
      collect(String),
    )
    .option('--json', 'print JSON')
  withExamples(
    format,
    'storage format -t $(ottla storage random-uuid) -c server.properties --standalone',
    'storage format -t $CLUSTER -c server.properties -I 1@kafka-1:9093:$DIR1,2@kafka-2:9093:$DIR2,3@kafka-3:9093:$DIR3',
    'storage format -t $CLUSTER -c broker.properties',
  )
  // The last of two options that share a name would win.
  const given = new Set<string>()
  for (const name of ABOUT_VOTERS) format.on(`option:${name}`, () => void given.add(`--${name}`))
  format.action(async (options: FormatOptions) => {
    if (given.size > 1) throw new UsageError(`${[...given].join(' and ')} exclude each other`)
    await formatCommand(options)
  })
}

async function formatCommand(options: FormatOptions): Promise<void> {
  const { clusterId, releaseVersion: release, feature = [], addScram = [] } = options
  if (!/^[\w.-]{1,100}$/.test(clusterId)) {
    throw new UsageError(
      `--cluster-id takes letters, digits, dots, dashes and underscores, as ottla storage random-uuid prints them: not ${JSON.stringify(clusterId)}`,
    )
  }
  const level = integer('--feature NAME=', 0, GREATEST_LEVEL)
  const features = new Map(feature.map(({ name, value }) => [name, level(value)]))
  const host = nodeHost({ log: { level: 'error' } })
  const formatted = formatStorage(host, nodeConfig(options), {
    clusterId,
    voters: votersOf(options),
    release,
    features,
    ignoreFormatted: options.ignoreFormatted === true,
    credentials: await Promise.all(addScram.map(scramRecord)),
  })
  await printEither(options, jsonOf(clusterId, formatted), formattedText(clusterId, formatted))
}

function votersOf({ standalone, initialControllers }: FormatOptions): Voters {
  if (standalone === true) return { kind: 'standalone' }
  if (initialControllers === false) return { kind: 'none' }
  if (initialControllers === undefined) return { kind: 'unsaid' }
  return { kind: 'initial', text: initialControllers }
}

function jsonOf(clusterId: string, { directories, bootstrap, left }: StorageFormatted): object {
  if (bootstrap === null) return { clusterId, directories, bootstrap, left }
  const { kraftVersion, voters } = bootstrap
  const features = Object.fromEntries(bootstrap.features)
  return { clusterId, directories, bootstrap: { kraftVersion, voters, features }, left }
}

function formattedText(
  clusterId: string,
  { directories, bootstrap, left }: StorageFormatted,
): string {
  if (directories.length === 0) return 'All directories are formatted already.'
  const lines = directories.map(({ path, directoryId, hasMetadata }) => {
    const what = hasMetadata && bootstrap !== null ? `metadata directory` : 'data directory'
    return `Formatted ${what} ${path}: cluster ${clusterId}, directory ${directoryId}.`
  })
  if (bootstrap !== null && directories.some(({ hasMetadata }) => hasMetadata)) {
    const level = bootstrap.features.get(METADATA_VERSION)!
    const facts = [`${METADATA_VERSION}=${level} (${releaseName(level)})`]
    for (const [name, own] of bootstrap.features) {
      if (name !== METADATA_VERSION) facts.push(`${name}=${own}`)
    }
    const kraft = `kraft.version=${bootstrap.kraftVersion}`
    lines.push(
      `The cluster begins with ${facts.join(', ')} and ${kraft}; ${votersText(bootstrap)}.`,
    )
    if (left.length > 0) {
      lines.push(`Not here yet, and so left at level 0: ${left.join(', ')}.`)
    }
  }
  return lines.join('\n')
}

function votersText({
  kraftVersion,
  voters,
}: {
  kraftVersion: number
  voters: readonly Voter[] | null
}) {
  if (kraftVersion === 0) return 'the voters are those of controller.quorum.voters'
  if (voters === null) return 'the voters are those that the node will find'
  return `voters: ${voters.map(voterText).join(', ')}`
}

function voterText({ id, endpoints, directoryId }: Voter): string {
  const places = endpoints.map(({ host, port }) => `@${hostAndPort(host, port)}`)
  return `${id}${places[0] ?? ''} (${directoryId})`
}

async function infoCommand(options: InfoOptions): Promise<void> {
  const info = storageInfo(systemDisk(), nodeConfig(options))
  await print(options, options.json ? toJson(info, 2) : infoText(info))
  const { length: count } = info.problems
  if (count === 0) return
  throw new CommandError(
    'PROBLEMS',
    `${count} problem${count === 1 ? '' : 's'} found`,
    info.directories.some(({ metaProperties }) => metaProperties === null)
      ? 'ottla storage format makes empty directories part of a cluster.'
      : null,
  )
}

function infoText({ directories, bootstrap, problems }: StorageInfo): string {
  const rows = directories.map(({ path, hasMetadata, metaProperties }): Row => {
    const { clusterId = null, nodeId = null, directoryId = null } = metaProperties ?? {}
    return [path, hasMetadata ? 'yes' : 'no', clusterId, nodeId, directoryId]
  })
  const sections = [formatTable(['DIRECTORY', 'METADATA', 'CLUSTER', 'NODE', 'DIRECTORY ID'], rows)]
  if (bootstrap !== null) {
    const features = Object.entries(bootstrap.features).map(([name, level]) => `${name}=${level}`)
    sections.push(
      formatFacts([
        ['Began with', [...features, `kraft.version=${bootstrap.kraftVersion}`].join(', ')],
        ['First voters', bootstrap.voters?.map(voterText).join(', ') ?? null],
      ]),
    )
  }
  if (problems.length > 0) sections.push(problems.map((problem) => `! ${problem}`).join('\n'))
  return sections.join('\n\n')
}
