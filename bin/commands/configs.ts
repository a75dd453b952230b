import { unknownBroker } from '../client/cluster.ts'
import type { Command } from 'commander'
import { DescribeConfigs } from '../../protocol/messages/describe-configs.ts'
import { IncrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { ListConfigResources } from '../../protocol/messages/list-config-resources.ts'
import type { ReceivedResponse } from '../../protocol/schema.ts'
import type { Client } from '../client/client.ts'
import { BrokerError, throwUnlessNone } from '../client/errors.ts'
import { unknownTopic } from '../client/topics.ts'
import { UsageError } from '../errors.ts'
import {
  collect,
  keyValue,
  withClientOptions,
  withExamples,
  type ClientCommandOptions,
} from '../options.ts'
import { print, printEither, toJson } from '../output.ts'
import { formatTable, type Row } from '../table.ts'
import { withClient } from '../with-client.ts'

/** What has settings, by Kafka's numbers. */
const RESOURCE_TYPES = { topic: 2, broker: 4, 'client-metrics': 16, group: 32 } as const
type ResourceKind = keyof typeof RESOURCE_TYPES

/** Where a value comes from, by Kafka's numbers. */
const SOURCES = [
  'unknown',
  'topic',
  'broker',
  'all brokers',
  // Given when the broker was started: in a file, the environment or on the command line.
  'static',
  'default',
  'broker logger',
  'client metrics',
  'group',
] as const
const DEFAULT_SOURCE = 5

const TYPES = [
  'unknown',
  'boolean',
  'string',
  'int',
  'short',
  'long',
  'double',
  'list',
  'class',
  'password',
] as const

const KIND_HELP = 'topic, broker, group or client-metrics'

export function declare(configs: Command): void {
  const describe = configs.command('describe').description('Show settings and where they come from')
  describe
    .argument('<kind>', KIND_HELP)
    .argument(
      '[name]',
      "a topic's, group's or subscription's name, a broker's id; all unless given",
    )
    .option('--all', 'also those that have their default')
    .option('--default', 'what holds for all brokers')
    .option('--details', 'also types, and where a value would come from otherwise')
  withClientOptions(describe)
  withExamples(
    describe,
    'configs describe topic orders --all',
    'configs describe broker 1 --details',
    'configs describe broker --default --json',
  ).action(describeConfigs)

  const alter = configs.command('alter').description('Change settings; the others stay as they are')
  alter
    .argument('<kind>', KIND_HELP)
    .argument('[name]', "as in describe; --default stands for all brokers'")
    .option('--default', 'what holds for all brokers')
    .option('-s, --set <name=value>', 'give it a value', collect(keyValue('--set')))
    .option('-d, --delete <name>', 'let it have its default again', collect(String))
    .option('--append <name=value>', 'add to a list', collect(keyValue('--append')))
    .option('--subtract <name=value>', 'take out of a list', collect(keyValue('--subtract')))
    .option('--validate-only', 'only check whether it could be done')
  withClientOptions(alter)
  withExamples(
    alter,
    'configs alter topic orders --set retention.ms=86400000 --delete segment.bytes',
    'configs alter topic orders --append cleanup.policy=compact',
    'configs alter broker --default --set log.cleaner.threads=2',
    'configs alter group billing --set consumer.session.timeout.ms=60000',
  ).action(alterConfigs)
}

/** Kafka's own tools say the plural, and so may everybody. */
export function parseKind(text: string): ResourceKind {
  const singular = text === 'client-metrics' ? text : text.replace(/s$/, '')
  if (singular in RESOURCE_TYPES) return singular as ResourceKind
  throw new UsageError(`Settings belong to a ${KIND_HELP}: not ${JSON.stringify(text)}`)
}

interface DescribeOptions extends ClientCommandOptions {
  readonly all?: boolean
  readonly default?: boolean
  readonly details?: boolean
}

type DescribedResource = ReceivedResponse<typeof DescribeConfigs>['results'][number]
type DescribedConfig = DescribedResource['configs'][number]

async function describeConfigs(
  kindText: string,
  name: string | undefined,
  options: DescribeOptions,
): Promise<void> {
  const kind = parseKind(kindText)
  const only = resourceName(kind, name, options.default === true)
  const resources = await withClient(options, async (client) => {
    const names = only === null ? await allNames(client, kind) : [only]
    const described: DescribedResource[] = []
    for (const one of names) described.push(await describeResource(client, kind, one, options))
    return described
  })
  const shown = resources.map(({ resourceName: resource, configs }) => ({
    kind,
    name: resource,
    configs: configs
      .filter(({ configSource }) => options.all || configSource !== DEFAULT_SOURCE)
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  }))
  if (options.json) {
    return print(
      options,
      toJson(
        shown.map(({ configs, ...rest }) => ({ ...rest, configs: configs.map(jsonOf) })),
        2,
      ),
    )
  }
  if (shown.length === 0) return print(options, `No ${kind} has settings of its own.`)
  const texts = shown.map(({ name: resource, configs }) =>
    resourceText(kind, resource, configs, options),
  )
  await print(options, texts.join('\n\n'))
}

/** The name of a resource; null for all of the kind. '' is the default of all brokers. */
function resourceName(
  kind: ResourceKind,
  name: string | undefined,
  isDefault: boolean,
): string | null {
  if (!isDefault) {
    if (kind === 'broker' && name !== undefined && !/^\d+$/.test(name)) {
      throw new UsageError(`A broker is named by its id, a number: not ${JSON.stringify(name)}`)
    }
    return name ?? null
  }
  if (kind !== 'broker') throw new UsageError('--default is only for brokers')
  if (name !== undefined) throw new UsageError('Give either the id of a broker or --default')
  return ''
}

async function allNames(client: Client, kind: ResourceKind): Promise<string[]> {
  if (kind === 'topic') {
    const { topics } = await client.metadata(null)
    return topics.flatMap(({ name }) => name ?? []).sort()
  }
  if (kind === 'broker') return ['', ...[...client.nodes.keys()].sort((a, b) => a - b).map(String)]
  const { errorCode, configResources } = await client.request(ListConfigResources, {
    resourceTypes: [RESOURCE_TYPES[kind]],
  })
  throwUnlessNone(errorCode, `The list of ${kind} settings`)
  return configResources
    .filter(({ resourceType }) => resourceType === RESOURCE_TYPES[kind])
    .map(({ resourceName: name }) => name)
    .sort()
}

async function describeResource(
  client: Client,
  kind: ResourceKind,
  name: string,
  options: DescribeOptions,
): Promise<DescribedResource> {
  const { results } = await client.request(
    DescribeConfigs,
    {
      resources: [
        { resourceType: RESOURCE_TYPES[kind], resourceName: name, configurationKeys: null },
      ],
      includeSynonyms: options.details === true,
      includeDocumentation: false,
    },
    brokerOption(client, kind, name),
  )
  const result = results[0]!
  if (kind === 'topic' && result.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION') {
    throw await unknownTopic(client, name)
  }
  throwUnlessNone(result.errorCode, `The settings of ${titleOf(kind, name)}`, result.errorMessage)
  return result
}

/** Only a broker itself knows its settings; what holds for all brokers, and the rest, any of them knows. */
function brokerOption(client: Client, kind: ResourceKind, name: string): { node?: number } {
  if (kind !== 'broker' || name === '') return {}
  const node = Number(name)
  if (client.nodes.has(node)) return { node }
  const known = [...client.nodes.keys()].sort((a, b) => a - b)
  throw unknownBroker(
    name,
    known.map((brokerId) => ({ brokerId })),
  )
}

function jsonOf(config: DescribedConfig): object {
  const { name, value, readOnly, configSource, isSensitive, synonyms, configType } = config
  return {
    name,
    value,
    source: SOURCES[configSource] ?? 'unknown',
    type: TYPES[configType] ?? 'unknown',
    readOnly,
    isSensitive,
    ...(synonyms.length > 0 && {
      synonyms: synonyms.map((one) => ({ ...one, source: SOURCES[one.source] ?? 'unknown' })),
    }),
  }
}

function resourceText(
  kind: ResourceKind,
  name: string,
  configs: readonly DescribedConfig[],
  { details = false }: DescribeOptions,
): string {
  const title = name === '' ? 'All brokers' : `${kind} ${name}`
  if (configs.length === 0) return `${title}: the defaults (--all shows them)`
  const rows = configs.map((config): Row => {
    const { name: setting, value, configSource, isSensitive, readOnly, configType } = config
    const row: Row = [
      setting,
      isSensitive ? hidden(configType) : value,
      SOURCES[configSource] ?? 'unknown',
    ]
    if (!details) return row
    const others = config.synonyms
      .slice(1)
      .map((one) => `${one.name}=${one.value} (${SOURCES[one.source] ?? 'unknown'})`)
    return [
      ...row,
      TYPES[configType] ?? 'unknown',
      readOnly ? 'yes' : 'no',
      others.join(', ') || null,
    ]
  })
  const headings = [
    'SETTING',
    'VALUE',
    'FROM',
    ...(details ? ['TYPE', 'READ-ONLY', 'OTHERWISE'] : []),
  ]
  return `${title}\n${formatTable(headings, rows)}`
}

/** '' is the default of all brokers. */
function titleOf(kind: ResourceKind, name: string): string {
  return name === '' ? 'all brokers' : `${kind} ${name}`
}

/** Brokers tell neither secrets nor the values of settings that they don't know, which may be some. */
function hidden(configType: number): string {
  return TYPES[configType] === 'password' ? '(secret)' : '(hidden)'
}

interface AlterOptions extends ClientCommandOptions {
  readonly default?: boolean
  readonly set?: { name: string; value: string }[]
  readonly delete?: string[]
  readonly append?: { name: string; value: string }[]
  readonly subtract?: { name: string; value: string }[]
  readonly validateOnly?: boolean
}

const OPERATIONS = { set: 0, delete: 1, append: 2, subtract: 3 } as const

async function alterConfigs(
  kindText: string,
  nameText: string | undefined,
  options: AlterOptions,
): Promise<void> {
  const kind = parseKind(kindText)
  const name = resourceName(kind, nameText, options.default === true)
  if (name === null) throw new UsageError(`Which ${kind}? Give its name`)
  const change =
    (operation: keyof typeof OPERATIONS) => (setting: { name: string; value: string | null }) => ({
      ...setting,
      configOperation: OPERATIONS[operation],
    })
  const configs = [
    ...(options.set ?? []).map(change('set')),
    ...(options.delete ?? []).map((setting) => change('delete')({ name: setting, value: null })),
    ...(options.append ?? []).map(change('append')),
    ...(options.subtract ?? []).map(change('subtract')),
  ]
  if (configs.length === 0) {
    throw new UsageError('Nothing to change: give --set, --delete, --append or --subtract')
  }
  const validateOnly = options.validateOnly === true
  await withClient(options, async (client) => {
    const { responses } = await client.request(
      IncrementalAlterConfigs,
      {
        resources: [{ resourceType: RESOURCE_TYPES[kind], resourceName: name, configs }],
        validateOnly,
      },
      brokerOption(client, kind, name),
    )
    const { errorCode, errorMessage } = responses[0]!
    if (kind === 'topic' && errorCode === 'UNKNOWN_TOPIC_OR_PARTITION') {
      throw await unknownTopic(client, name)
    }
    if (errorCode === 'NONE') return
    const remedy = `See the names and types with: ottla configs describe ${kind} ${name || '--default'} --all --details`
    const isSetting = errorCode === 'INVALID_CONFIG' || errorCode === 'INVALID_REQUEST'
    throw new BrokerError(errorCode, `The settings of ${titleOf(kind, name)}`, errorMessage, {
      ...(isSetting && { remedy }),
    })
  })
  const title = titleOf(kind, name)
  const text = validateOnly
    ? `The settings of ${title} could be changed so.`
    : `Changed the settings of ${title}.`
  await printEither(options, { kind, name, changed: configs.length, validateOnly }, text)
}
