import type { Command } from 'commander'
import { DeleteGroups } from '../../protocol/messages/delete-groups.ts'
import type { Client } from '../client/client.ts'
import { BrokerError, throwUnlessNone } from '../client/errors.ts'
import { findGroup, listGroups, unknownGroup, type ListedGroup } from '../client/group-list.ts'
import { describeGroup, type DescribedMember } from '../client/group-members.ts'
import { fetchOffsets } from '../client/groups.ts'
import { LATEST_TIMESTAMP, listOffsets } from '../client/offsets.ts'
import type { TopicPartition } from '../client/topics.ts'
import {
  collect,
  integer,
  parseDuration,
  parseTime,
  withClientOptions,
  withExamples,
  type ClientCommandOptions,
} from '../options.ts'
import { print, printEither, printTable, toJson } from '../output.ts'
import { parseTopicPartitions } from '../reset-plan.ts'
import { formatFacts, formatTable } from '../table.ts'
import { withClient } from '../with-client.ts'
import { resetOffsets } from './reset-offsets.ts'

export function declare(groups: Command): void {
  const list = groups.command('list').description('List the groups of all brokers')
  list
    .option(
      '--state <state>',
      'only those in that state; may be given several times',
      collect(String),
    )
    .option('--type <type>', 'classic, consumer, share or streams; likewise', collect(String))
  withClientOptions(list)
  withExamples(list, 'groups list', 'groups list --state Empty --json').action(listCommand)

  const describe = groups.command('describe').description('Show offsets, lag and members')
  describe
    .argument('[groups...]', 'all unless named')
    .option('--members', 'show who is in the group')
  withClientOptions(describe)
  withExamples(describe, 'groups describe billing', 'groups describe billing --members').action(
    describeCommand,
  )

  declareReset(groups)

  const remove = groups
    .command('delete')
    .description('Delete groups without members, with their offsets')
  remove.argument('<groups...>').option('--if-exists', 'be content if the group is not there')
  withClientOptions(remove)
  withExamples(remove, 'groups delete billing').action(deleteCommand)
}

function declareReset(groups: Command): void {
  const reset = groups
    .command('reset-offsets')
    .description(
      'Move the offsets of a group that has no members; only shows them without --execute',
    )
  reset
    .argument('<group>')
    .option(
      '-t, --topic <topic[:n,...]>',
      'a topic, or some of its partitions; may be given several times',
      collect(parseTopicPartitions),
    )
    .option('--all-topics', 'all that the group has committed for')
    .option('--to-earliest', 'to the first record')
    .option('--to-latest', 'to the end')
    .option('--to-offset <n>', 'to an offset', integer('--to-offset'))
    .option(
      '--to-datetime <time>',
      'to the first record at or after that time',
      parseTime('--to-datetime'),
    )
    .option('--by-duration <duration>', 'to that long ago', parseDuration('--by-duration'))
    .option(
      '--shift-by <n>',
      'by so many, back if negative',
      integer('--shift-by', Number.MIN_SAFE_INTEGER),
    )
    .option('--dry-run', 'only show what would be done; so unless --execute is given')
    .option('--execute', 'do it')
  withClientOptions(reset)
  withExamples(
    reset,
    'groups reset-offsets billing --topic orders --to-earliest',
    'groups reset-offsets billing --topic orders:0,1 --shift-by -100 --execute',
    'groups reset-offsets billing --all-topics --by-duration 2h --execute',
  ).action(resetOffsets)
}

async function listCommand(
  options: ClientCommandOptions & { state?: string[]; type?: string[] },
): Promise<void> {
  const groups = await withClient(options, (client) =>
    listGroups(client, { states: options.state ?? [], types: options.type ?? [] }),
  )
  await printTable(
    options,
    groups,
    ['GROUP', 'TYPE', 'STATE', 'PROTOCOL', 'COORDINATOR'],
    groups.map(({ groupId, type, state, protocolType, coordinator }) => [
      groupId,
      type,
      state || null,
      protocolType || null,
      coordinator,
    ]),
    'There are no groups.',
  )
}

interface OffsetRow extends TopicPartition {
  readonly committed: number | null
  readonly end: number | null
  readonly lag: number | null
  readonly memberId: string | null
  readonly clientId: string | null
}

interface GroupView {
  readonly group: ListedGroup
  readonly assignor: string
  readonly epoch: number | null
  readonly offsets: readonly OffsetRow[]
  readonly members: readonly DescribedMember[]
}

async function describeCommand(
  names: readonly string[],
  options: ClientCommandOptions & { members?: boolean },
): Promise<void> {
  const views = await withClient(options, async (client) => {
    const found: GroupView[] = []
    const groups =
      names.length > 0 ? names : (await listGroups(client)).map(({ groupId }) => groupId)
    for (const name of groups) found.push(await viewOf(client, name))
    return found
  })
  if (options.json) {
    const json = views.map(({ group, ...rest }) => ({ ...group, ...rest }))
    return print(options, toJson(json, 2))
  }
  if (views.length === 0) return print(options, 'There are no groups.')
  await print(options, views.map((view) => textOf(view, options.members === true)).join('\n\n'))
}

async function viewOf(client: Client, name: string): Promise<GroupView> {
  const listed = await findGroup(client, name)
  if (listed === null) throw await unknownGroup(client, name)
  const { state, assignor, epoch, members } = await describeGroup(client, listed)
  const group = { ...listed, state }
  // Share groups keep where they are elsewhere, and have no offsets that were committed.
  const committed = listed.type === 'share' ? [] : await fetchOffsets(client, name)
  const owners = new Map<string, DescribedMember>()
  const partitions = new Map<string, TopicPartition & { offset?: number }>()
  for (const one of committed) partitions.set(keyOf(one), one)
  for (const member of members) {
    for (const one of member.assignment) {
      owners.set(keyOf(one), member)
      if (!partitions.has(keyOf(one))) partitions.set(keyOf(one), one)
    }
  }
  const sorted = [...partitions.values()].sort(
    (a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0) || a.partition - b.partition,
  )
  const ends = await endOffsets(client, sorted)
  const offsets = sorted.map((one): OffsetRow => {
    const end = ends.get(keyOf(one)) ?? null
    const owner = owners.get(keyOf(one))
    return {
      topic: one.topic,
      partition: one.partition,
      committed: one.offset ?? null,
      end,
      lag: one.offset === undefined || end === null ? null : Math.max(0, end - one.offset),
      memberId: owner?.memberId ?? null,
      clientId: owner?.clientId ?? null,
    }
  })
  return { group, assignor, epoch, offsets, members }
}

/** Of the partitions that still exist and have leaders; a group may have offsets of others, too. */
async function endOffsets(
  client: Client,
  partitions: readonly TopicPartition[],
): Promise<Map<string, number>> {
  if (partitions.length === 0) return new Map()
  const { topics } = await client.metadata([...new Set(partitions.map(({ topic }) => topic))])
  const present = partitions.filter(({ topic, partition }) =>
    topics
      .find(({ name }) => name === topic)
      ?.partitions.some(
        ({ partitionIndex, leaderId }) => partitionIndex === partition && leaderId >= 0,
      ),
  )
  const found = await listOffsets(
    client,
    present.map(({ topic, partition }) => ({ topic, partition, timestamp: LATEST_TIMESTAMP })),
  )
  return new Map(found.map((one) => [keyOf(one), one.offset]))
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}

function textOf(
  { group, assignor, epoch, offsets, members }: GroupView,
  withMembers: boolean,
): string {
  const facts = formatFacts([
    ['Group', group.groupId],
    ['Type', group.type],
    ['State', group.state],
    ['Coordinator', group.coordinator],
    ['Assignor', assignor || null],
    ...(epoch === null ? [] : [['Epoch', epoch] as const]),
    ['Members', members.length],
  ])
  const sections = [facts]
  if (offsets.length > 0) {
    sections.push(
      formatTable(
        ['TOPIC', 'PARTITION', 'COMMITTED', 'END', 'LAG', 'CLIENT'],
        offsets.map((row) => [
          row.topic,
          row.partition,
          row.committed,
          row.end,
          row.lag,
          row.clientId,
        ]),
      ),
    )
  }
  if (withMembers && members.length > 0) {
    sections.push(
      formatTable(
        ['MEMBER', 'INSTANCE', 'CLIENT', 'HOST', 'PARTITIONS'],
        members.map((member) => [
          member.memberId,
          member.instanceId,
          member.clientId,
          member.clientHost,
          member.assignment.map(keyOf).join(' ') || null,
        ]),
      ),
    )
  }
  return sections.join('\n\n')
}

async function deleteCommand(
  names: readonly string[],
  options: ClientCommandOptions & { ifExists?: boolean },
): Promise<void> {
  const results: { group: string; deleted: boolean }[] = []
  await withClient(options, async (client) => {
    for (const name of names) {
      const isDeleted = await deleteGroup(client, name)
      if (!isDeleted && !options.ifExists) throw await unknownGroup(client, name)
      results.push({ group: name, deleted: isDeleted })
    }
  })
  const text = results.map(({ group, deleted }) =>
    deleted ? `Deleted group ${group}.` : `There was no group ${group}.`,
  )
  await printEither(options, results, text.join('\n'))
}

/** @returns false where there was none */
async function deleteGroup(client: Client, name: string): Promise<boolean> {
  try {
    await client.retry(async () => {
      const answer = await client.requestCoordinator(name, DeleteGroups, { groupsNames: [name] })
      const { errorCode } = answer.results[0]!
      const detail = errorCode === 'NON_EMPTY_GROUP' ? 'it has members' : null
      throwUnlessNone(errorCode, `Group ${name}`, detail)
    })
    return true
  } catch (error) {
    if (error instanceof BrokerError && error.error === 'GROUP_ID_NOT_FOUND') return false
    throw error
  }
}
