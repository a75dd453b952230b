import type { Command } from 'commander'
import { CreatePartitions } from '../../protocol/messages/create-partitions.ts'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { DescribeConfigs } from '../../protocol/messages/describe-configs.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { Client, PartitionMetadata } from '../client/client.ts'
import { BrokerError, throwUnlessNone } from '../client/errors.ts'
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, listOffsets } from '../client/offsets.ts'
import { describeTopics, unknownTopic, type Topic } from '../client/topics.ts'
import { UsageError } from '../errors.ts'
import {
  collect,
  integer,
  keyValue,
  withClientOptions,
  withExamples,
  type ClientCommandOptions,
} from '../options.ts'
import { print, printEither, printTable, toJson } from '../output.ts'
import { formatFacts, formatTable } from '../table.ts'
import { withClient } from '../with-client.ts'

const MAX_PARTITIONS = 2 ** 31 - 1

export function declare(topics: Command): void {
  const list = topics.command('list').description('List the topics of the cluster')
  withClientOptions(list.option('--exclude-internal', 'leave out topics that brokers made'))
  withExamples(list, 'topics list', 'topics list --json').action(listTopics)

  const describe = topics.command('describe').description('Show partitions, replicas and settings')
  describe
    .argument('[topics...]', 'all unless named')
    .option('--offsets', 'show first and end offsets')
  withClientOptions(describe)
  withExamples(describe, 'topics describe orders --offsets').action(describeCommand)

  const create = topics.command('create').description('Create topics')
  create
    .argument('<topics...>')
    .option(
      '-p, --partitions <n>',
      "the broker's default unless given",
      integer('--partitions', 1, MAX_PARTITIONS),
    )
    .option(
      '-r, --replication-factor <n>',
      "the broker's default unless given",
      integer('--replication-factor', 1, 32_767),
    )
    .option('--assignment <list>', 'replicas of each partition, as in 1:2,2:3', parseAssignment)
    .option(
      '-c, --config <name=value>',
      'a setting; may be given several times',
      collect(keyValue('--config')),
    )
    .option('--if-not-exists', 'be content if the topic is there already')
    .option('--validate-only', 'only check whether it could be created')
  withClientOptions(create)
  withExamples(
    create,
    'topics create orders --partitions 6 --replication-factor 3',
    'topics create state -c cleanup.policy=compact -c min.insync.replicas=2',
  ).action(createTopics)

  const alter = topics.command('alter').description('Give a topic more partitions')
  alter
    .argument('<topic>')
    .requiredOption(
      '-p, --partitions <n>',
      'how many it shall have in all',
      integer('--partitions', 1, MAX_PARTITIONS),
    )
    .option('--assignment <list>', 'replicas of each new partition, as in 1:2,2:3', parseAssignment)
    .option('--validate-only', 'only check whether it could be done')
  withClientOptions(alter)
  withExamples(
    alter,
    'topics alter orders --partitions 12',
    'configs alter topic orders --set retention.ms=86400000',
  ).action(alterTopic)

  const remove = topics.command('delete').description('Delete topics with all their records')
  remove.argument('<topics...>').option('--if-exists', 'be content if the topic is not there')
  withClientOptions(remove)
  withExamples(remove, 'topics delete orders').action(deleteTopics)
}

/** Brokers of each partition: partitions with commas, brokers with colons, as in Kafka's own tool. */
export function parseAssignment(text: string): number[][] {
  const partitions = text.split(',').map((part) => part.trim().split(':'))
  if (partitions.every((ids) => ids.every((id) => /^\d+$/.test(id)))) {
    return partitions.map((ids) => ids.map(Number))
  }
  throw new UsageError(`--assignment takes broker ids such as 1:2,2:3: not ${JSON.stringify(text)}`)
}

async function listTopics(
  options: ClientCommandOptions & { excludeInternal?: boolean },
): Promise<void> {
  const { topics } = await withClient(options, (client) => client.metadata(null))
  const listed = topics
    .filter(({ isInternal }) => !(isInternal && options.excludeInternal))
    .map(({ name, topicId, partitions, isInternal }) => ({
      name,
      topicId,
      partitions: partitions.length,
      replicationFactor: partitions[0]?.replicaNodes.length ?? 0,
      isInternal,
    }))
    .sort((a, b) => (a.name! < b.name! ? -1 : 1))
  await printTable(
    options,
    listed,
    ['TOPIC', 'PARTITIONS', 'REPLICAS', 'INTERNAL'],
    listed.map((topic) => [
      topic.name,
      topic.partitions,
      topic.replicationFactor,
      topic.isInternal ? 'yes' : 'no',
    ]),
    'There are no topics.',
  )
}

async function describeCommand(
  names: readonly string[],
  options: ClientCommandOptions & { offsets?: boolean },
): Promise<void> {
  const described = await withClient(options, async (client) => {
    const topics =
      names.length > 0
        ? await describeTopics(client, names)
        : ((await client.metadata(null)).topics as Topic[])
    const configs = await topicConfigs(client, topics)
    const offsets = options.offsets ? await topicOffsets(client, topics) : null
    return topics
      .map((topic) => describedTopic(topic, configs.get(topic.name) ?? {}, offsets))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  })
  if (options.json) return print(options, toJson(described, 2))
  if (described.length === 0) return print(options, 'There are no topics.')
  for (const topic of described)
    await print(options, `${topicText(topic, options.offsets === true)}\n`)
}

type Offsets = ReadonlyMap<string, { earliest: number; latest: number }>
type DescribedTopic = ReturnType<typeof describedTopic>

function describedTopic(
  topic: Topic,
  configs: Record<string, string | null>,
  offsets: Offsets | null,
) {
  const partitions = [...topic.partitions].sort((a, b) => a.partitionIndex - b.partitionIndex)
  return {
    name: topic.name,
    topicId: topic.topicId,
    isInternal: topic.isInternal,
    configs,
    partitions: partitions.map((partition) => ({
      partition: partition.partitionIndex,
      leader: partition.leaderId < 0 ? null : partition.leaderId,
      leaderEpoch: partition.leaderEpoch,
      replicas: partition.replicaNodes,
      inSyncReplicas: partition.isrNodes,
      offlineReplicas: partition.offlineReplicas,
      ...offsets?.get(`${topic.name}-${partition.partitionIndex}`),
    })),
  }
}

function topicText(topic: DescribedTopic, withOffsets: boolean): string {
  const configs = Object.entries(topic.configs).map(([name, value]) => `${name}=${value}`)
  const facts = formatFacts([
    ['Topic', topic.name],
    ['Id', topic.topicId],
    ['Partitions', topic.partitions.length],
    ['Replicas', topic.partitions[0]?.replicas.length ?? 0],
    ['Settings', configs.join(', ') || 'the defaults'],
  ])
  const headings = ['PARTITION', 'LEADER', 'EPOCH', 'REPLICAS', 'IN SYNC', 'OFFLINE']
  const rows = topic.partitions.map((partition) => [
    partition.partition,
    partition.leader,
    partition.leaderEpoch,
    partition.replicas.join(','),
    partition.inSyncReplicas.join(','),
    partition.offlineReplicas.join(',') || null,
    ...(withOffsets ? [partition.earliest ?? null, partition.latest ?? null] : []),
  ])
  const table = formatTable([...headings, ...(withOffsets ? ['FIRST', 'END'] : [])], rows)
  return `${facts}\n${table}`
}

const TOPIC_RESOURCE = 2
const TOPIC_SOURCE = 1

/** The settings that a topic has of its own. */
async function topicConfigs(
  client: Client,
  topics: readonly Topic[],
): Promise<Map<string, Record<string, string | null>>> {
  if (topics.length === 0) return new Map()
  const answer = await client.request(DescribeConfigs, {
    resources: topics.map(({ name }) => ({
      resourceType: TOPIC_RESOURCE,
      resourceName: name,
      configurationKeys: null,
    })),
  })
  return new Map(
    answer.results.map(({ errorCode, errorMessage, resourceName, configs }) => {
      throwUnlessNone(errorCode, `The settings of topic ${resourceName}`, errorMessage)
      const own = configs.filter(({ configSource }) => configSource === TOPIC_SOURCE)
      return [resourceName, Object.fromEntries(own.map(({ name, value }) => [name, value]))]
    }),
  )
}

async function topicOffsets(client: Client, topics: readonly Topic[]): Promise<Offsets> {
  const hasLeader = ({ leaderId }: PartitionMetadata): boolean => leaderId >= 0
  const partitions = topics.flatMap(({ name, partitions: all }) =>
    all.filter(hasLeader).map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
  )
  const at = (timestamp: bigint) =>
    listOffsets(
      client,
      partitions.map((partition) => ({ ...partition, timestamp })),
    )
  const [earliest, latest] = [await at(EARLIEST_TIMESTAMP), await at(LATEST_TIMESTAMP)]
  return new Map(
    partitions.map(({ topic, partition }, index) => [
      `${topic}-${partition}`,
      { earliest: earliest[index]!.offset, latest: latest[index]!.offset },
    ]),
  )
}

interface CreateOptions extends ClientCommandOptions {
  readonly partitions?: number
  readonly replicationFactor?: number
  readonly assignment?: number[][]
  readonly config?: { name: string; value: string }[]
  readonly ifNotExists?: boolean
  readonly validateOnly?: boolean
}

async function createTopics(names: readonly string[], options: CreateOptions): Promise<void> {
  const { partitions, replicationFactor, assignment, config = [], validateOnly = false } = options
  if (assignment !== undefined && (partitions ?? replicationFactor) !== undefined) {
    throw new UsageError(
      '--assignment says how many partitions and replicas there are: leave out --partitions and --replication-factor',
    )
  }
  const answer = await withClient(options, (client) =>
    client.request(CreateTopics, {
      topics: names.map((name) => ({
        name,
        numPartitions: partitions ?? -1,
        replicationFactor: replicationFactor ?? -1,
        assignments: (assignment ?? []).map((brokerIds, partitionIndex) => ({
          partitionIndex,
          brokerIds,
        })),
        configs: config,
      })),
      timeoutMs: options.timeout,
      validateOnly,
    }),
  )
  const created = answer.topics.map((topic) => {
    const exists = topic.errorCode === 'TOPIC_ALREADY_EXISTS' && options.ifNotExists === true
    if (!exists) throwUnlessNone(topic.errorCode, `Topic ${topic.name}`, topic.errorMessage)
    const { name, topicId, numPartitions, replicationFactor: replicas } = topic
    return { name, topicId, created: !exists && !validateOnly, partitions: numPartitions, replicas }
  })
  const text = created.map(({ name, created: isNew, partitions: count, replicas }) => {
    if (!isNew) return validateOnly ? `Topic ${name} could be created.` : `Topic ${name} exists.`
    const size = count < 0 ? '' : ` (partitions: ${count}, replicas: ${replicas})`
    return `Created topic ${name}${size}.`
  })
  await printEither(options, created, text.join('\n'))
}

async function alterTopic(
  name: string,
  options: ClientCommandOptions & {
    partitions: number
    assignment?: number[][]
    validateOnly?: boolean
  },
): Promise<void> {
  const { partitions: count, assignment, validateOnly = false } = options
  await withClient(options, async (client) => {
    const { results } = await client.request(CreatePartitions, {
      topics: [
        { name, count, assignments: assignment?.map((brokerIds) => ({ brokerIds })) ?? null },
      ],
      timeoutMs: options.timeout,
      validateOnly,
    })
    const { errorCode, errorMessage } = results[0]!
    if (errorCode === 'UNKNOWN_TOPIC_OR_PARTITION') throw await unknownTopic(client, name)
    throwUnlessNone(errorCode, `Topic ${name}`, errorMessage)
  })
  const text = validateOnly
    ? `Topic ${name} could have ${count} partitions.`
    : `Topic ${name} has ${count} partitions now.`
  await printEither(options, { name, partitions: count, validateOnly }, text)
}

async function deleteTopics(
  names: readonly string[],
  options: ClientCommandOptions & { ifExists?: boolean },
): Promise<void> {
  const deleted = await withClient(options, async (client) => {
    const { responses } = await client.request(DeleteTopics, {
      topics: names.map((name) => ({ name, topicId: ZERO_UUID })),
      topicNames: names,
      timeoutMs: options.timeout,
    })
    const results: { name: string; deleted: boolean }[] = []
    let failure: BrokerError | null = null
    for (const { name, errorCode, errorMessage } of responses) {
      const isMissing = errorCode === 'UNKNOWN_TOPIC_OR_PARTITION'
      results.push({ name: name!, deleted: errorCode === 'NONE' })
      if (errorCode === 'NONE' || (isMissing && options.ifExists)) continue
      failure ??= isMissing
        ? await unknownTopic(client, name!, 'Say --if-exists if that is fine')
        : new BrokerError(errorCode, `Topic ${name}`, errorMessage)
    }
    // The others are gone all the same; whoever reads the error must not take them for kept.
    if (failure !== null) {
      const gone = results.filter((result) => result.deleted).map(({ name }) => name)
      if (gone.length > 0) options.terminal.writeError(`Deleted: ${gone.join(', ')}\n`)
      throw failure
    }
    return results
  })
  const text = deleted.map(({ name, deleted: isGone }) =>
    isGone ? `Deleted topic ${name}.` : `There was no topic ${name}.`,
  )
  await printEither(options, deleted, text.join('\n'))
}
