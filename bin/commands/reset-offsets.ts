import type { Client } from '../client/client.ts'
import { findGroup } from '../client/group-list.ts'
import { describeGroup } from '../client/group-members.ts'
import { commitOffsets, fetchOffsets, type CommittedOffset } from '../client/groups.ts'
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, listOffsets } from '../client/offsets.ts'
import { describeTopics, partitionOf, type Topic, type TopicPartition } from '../client/topics.ts'
import { CommandError, UsageError } from '../errors.ts'
import type { ClientCommandOptions } from '../options.ts'
import { print, toJson } from '../output.ts'
import { plannedOffset, targetOf, type Target, type Targets } from '../reset-plan.ts'
import { formatTable } from '../table.ts'
import { withClient } from '../with-client.ts'

interface ResetOptions extends ClientCommandOptions, Targets {
  readonly topic?: { topic: string; partitions: number[] | null }[]
  readonly allTopics?: boolean
  readonly dryRun?: boolean
  readonly execute?: boolean
}

interface PlannedOffset extends TopicPartition {
  readonly before: number | null
  readonly after: number
}

/** Moves a group's offsets; like Kafka's tool, only shows what it would do unless told to do it. */
export async function resetOffsets(group: string, options: ResetOptions): Promise<void> {
  const target = targetOf(options, Date.now())
  if (options.dryRun && options.execute) {
    throw new UsageError('--dry-run and --execute exclude each other')
  }
  if ((options.topic === undefined) === !options.allTopics) {
    throw new UsageError('Say for what: either --topic (several times if need be) or --all-topics')
  }
  const isExecuted = options.execute === true
  const plan = await withClient(options, async (client) => {
    await refuseUnlessInactive(client, group)
    const committed = await fetchOffsets(client, group)
    const topics = await describeTopics(client, topicNamesOf(options, committed))
    const planned = await planFor(
      client,
      partitionsOf(options, topics, committed),
      committed,
      target,
    )
    if (isExecuted) {
      const offsets = planned.map(({ after, ...partition }) => ({ ...partition, offset: after }))
      await commitOffsets(client, group, topics, offsets)
    }
    return planned
  })
  if (options.json) return print(options, toJson({ group, executed: isExecuted, offsets: plan }, 2))
  if (plan.length === 0) return print(options, `Group ${group} has no offsets to reset.`)
  await print(
    options,
    formatTable(
      ['TOPIC', 'PARTITION', 'BEFORE', 'AFTER'],
      plan.map(({ topic, partition, before, after }) => [topic, partition, before, after]),
    ),
  )
  if (!isExecuted) options.terminal.writeError('Nothing was changed: --execute does it.\n')
}

/** Members would go on from where they are, and commit that again. */
async function refuseUnlessInactive(client: Client, groupId: string): Promise<void> {
  const group = await findGroup(client, groupId)
  if (group === null) return
  if (group.type === 'share') {
    throw new CommandError(
      'SHARE_GROUP',
      `Group ${groupId} is a share group, which commits no offsets`,
    )
  }
  const { state } = await describeGroup(client, group)
  if (state === 'Empty' || state === 'Dead') return
  throw new CommandError(
    'GROUP_IS_ACTIVE',
    `Group ${groupId} is active: its state is ${state}`,
    'Stop its members first, and wait until their session time-out is over.',
  )
}

function topicNamesOf(options: ResetOptions, committed: readonly CommittedOffset[]): string[] {
  const names = options.topic?.map(({ topic }) => topic) ?? committed.map(({ topic }) => topic)
  return [...new Set(names)]
}

function partitionsOf(
  options: ResetOptions,
  topics: readonly Topic[],
  committed: readonly CommittedOffset[],
): TopicPartition[] {
  if (options.topic === undefined) {
    return committed.map(({ topic, partition }) => ({ topic, partition }))
  }
  return options.topic.flatMap(({ topic: name, partitions }) => {
    const topic = topics.find((one) => one.name === name)!
    const wanted = partitions ?? topic.partitions.map(({ partitionIndex }) => partitionIndex)
    return wanted
      .map((partition) => partitionOf(topic, partition).partitionIndex)
      .sort((a, b) => a - b)
      .map((partition) => ({ topic: name, partition }))
  })
}

async function planFor(
  client: Client,
  partitions: readonly TopicPartition[],
  committed: readonly CommittedOffset[],
  target: Target,
): Promise<PlannedOffset[]> {
  const look = (timestamp: bigint) =>
    listOffsets(
      client,
      partitions.map((partition) => ({ ...partition, timestamp })),
    )
  const earliest = await look(EARLIEST_TIMESTAMP)
  const latest = await look(LATEST_TIMESTAMP)
  const atTime = target.kind === 'time' ? await look(BigInt(Math.floor(target.timestamp))) : null
  return partitions.map(({ topic, partition }, index) => {
    const own = committed.find((one) => one.topic === topic && one.partition === partition)
    const before = own?.offset ?? null
    const after = plannedOffset(target, {
      earliest: earliest[index]!.offset,
      latest: latest[index]!.offset,
      committed: before,
      atTime: atTime?.[index]!.offset ?? null,
    })
    if (after === null) {
      throw new CommandError(
        'NOTHING_COMMITTED',
        `There is no offset to shift: the group has not committed any for ${topic}-${partition}`,
        'Use --to-offset, --to-earliest or another target.',
      )
    }
    return { topic, partition, before, after }
  })
}
