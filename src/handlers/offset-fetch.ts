import type { ErrorName } from '../../protocol/errors.ts'
import { OffsetFetch } from '../../protocol/messages/offset-fetch.ts'
import type {
  OffsetFetchRequest,
  OffsetFetchResponse,
} from '../../protocol/messages/offset-fetch.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { ReplyTo } from '../coordinators/group/commands.ts'
import type { ClusterView } from '../metadata/cluster-view.ts'
import { custom } from './access.ts'
import { coordinated } from './coordinated.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import { inTurns } from './turns.ts'

const FIRST_VERSION_WITH_GROUP_ERROR = 2
const FIRST_VERSION_WITH_GROUPS = 8
const FIRST_VERSION_WITH_IDS = 10

/** Each may have thousands of offsets. */
const TURN_GROUPS = 10

/** What a partition takes in an answer, about, without its metadata. */
const OFFSET_BYTES = 200
/** Of a character of metadata. */
const MAX_BYTES_A_UNIT = 3

type AskedGroup = Pick<OffsetFetchRequest['groups'][number], 'groupId' | 'topics'> &
  Pick<OffsetFetchRequest, 'requireStable'>
type AskedTopic = NonNullable<AskedGroup['topics']>[number]
type GroupAnswer = NonNullable<OffsetFetchResponse['groups']>[number]
type TopicAnswer = GroupAnswer['topics'][number]

/** OffsetFetch: of one group up to v7, of several from v8 on; a partition without a commit has -1 and no error. */
export const offsetFetch = handle(OffsetFetch, {
  access: custom(['DESCRIBE', 'GROUP'], ['DESCRIBE', 'TOPIC']),
}).by(async (request, context) => {
  const { requireStable } = request
  if (context.version >= FIRST_VERSION_WITH_GROUPS) {
    const groups = await inTurns(
      context.services,
      request.groups,
      (group) => fetchGroup({ ...group, requireStable }, context),
      TURN_GROUPS,
    )
    return { groups }
  }
  const topics =
    request.topics?.map(({ name, partitionIndexes }) => ({
      name,
      topicId: ZERO_UUID,
      partitionIndexes,
    })) ?? null
  const answer = await fetchGroup({ groupId: request.groupId, topics, requireStable }, context)
  const { errorCode = 'NONE' } = answer
  if (errorCode === 'NONE' || context.version >= FIRST_VERSION_WITH_GROUP_ERROR) {
    return { errorCode, topics: answer.topics.map(named) }
  }
  return { topics: (topics ?? []).map((topic) => named(failed(topic, errorCode))) }
})

function named({ name = '', partitions }: TopicAnswer): {
  name: string
  partitions: TopicAnswer['partitions']
} {
  return { name, partitions }
}

function fetchGroup(group: AskedGroup, context: RequestContext): Promise<GroupAnswer> {
  const { groupId } = group
  if (!context.may('DESCRIBE', 'GROUP', groupId)) {
    return Promise.resolve({ groupId, topics: [], errorCode: 'GROUP_AUTHORIZATION_FAILED' })
  }
  const answer =
    context.version >= FIRST_VERSION_WITH_IDS ? fetchById(group, context) : fetch(group, context)
  return coordinated<GroupAnswer>(
    answer.then((topics) => ({ groupId, topics: [...topics], errorCode: 'NONE' })),
    (errorCode) => ({ groupId, topics: [], errorCode }),
  )
}

/** By name; topics that may not be described are refused, and left out where all are asked for. */
async function fetch(group: AskedGroup, context: RequestContext): Promise<readonly TopicAnswer[]> {
  const { topics } = group
  if (context.services.authorizer === null) return ask(group, context)
  const isVisible = ({ name = '' }: { readonly name?: string | undefined }): boolean =>
    topics === null
      ? context.could('DESCRIBE', 'TOPIC', name)
      : context.may('DESCRIBE', 'TOPIC', name)
  if (topics === null) return (await ask(group, context)).filter(isVisible)
  const fetched = await ask({ ...group, topics: topics.filter(isVisible) }, context)
  const refused = topics.filter((topic) => !isVisible(topic))
  return [...fetched, ...refused.map((topic) => failed(topic, 'TOPIC_AUTHORIZATION_FAILED'))]
}

async function ask(
  { groupId, topics, requireStable }: AskedGroup,
  context: RequestContext,
): Promise<ReplyTo<'FetchOffsets'>> {
  const command = { type: 'FetchOffsets', groupId, topics, requireStable } as const
  const offsets = await context.services.groups.ask<'FetchOffsets'>(groupId, command)
  context.spend(costOf(offsets))
  return offsets
}

/** Metadata is more than the request says, however few partitions that names, or names again and again. */
function costOf(offsets: ReplyTo<'FetchOffsets'>): number {
  let bytes = 0
  for (const { partitions } of offsets) {
    bytes += partitions.length * OFFSET_BYTES
    for (const { metadata } of partitions) bytes += metadata.length * MAX_BYTES_A_UNIT
  }
  return bytes
}

/** The coordinator keeps offsets by name. Topics that are no more can't be told of by id. */
async function fetchById(group: AskedGroup, context: RequestContext): Promise<TopicAnswer[]> {
  const view = context.services.cluster()
  if (group.topics === null) {
    const all = await fetch(group, context)
    return all.flatMap(({ name = '', partitions }) => withId(name, partitions, view))
  }
  const known = group.topics.flatMap((topic) => {
    const name = view.topicById(topic.topicId)?.name
    return name === undefined ? [] : [{ ...topic, name }]
  })
  const fetched = await fetch({ ...group, topics: known }, context)
  const unknown = group.topics.filter(({ topicId }) => view.topicById(topicId) === undefined)
  return [...fetched, ...unknown.map((topic) => failed(topic, 'UNKNOWN_TOPIC_ID'))]
}

function withId(
  name: string,
  partitions: TopicAnswer['partitions'],
  view: ClusterView,
): TopicAnswer[] {
  const topicId = view.topic(name)?.id
  return topicId === undefined ? [] : [{ name, topicId, partitions }]
}

function failed(
  { name, topicId, partitionIndexes }: AskedTopic,
  errorCode: ErrorName,
): TopicAnswer {
  return {
    name,
    topicId,
    partitions: partitionIndexes.map((partitionIndex) => ({
      partitionIndex,
      committedOffset: -1,
      metadata: '',
      errorCode,
    })),
  }
}
