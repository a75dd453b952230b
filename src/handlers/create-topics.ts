import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import type { CreateTopicsRequest } from '../../protocol/messages/create-topics.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import { describeTopic } from '../config/describe.ts'
import type { CreatedTopic } from '../metadata/controller/commands.ts'
import { MAX_PARTITIONS_PER_OPERATION } from '../metadata/facts.ts'
import { all, custom, each } from './access.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'
import { changesOfTopic, inPieces } from './in-pieces.ts'
import { inTurns } from './turns.ts'

type TopicRequest = CreateTopicsRequest['topics'][number]
type TopicResponse = (typeof CreateTopics)['response']['encoded']['topics'][number]

type Made = CreatedTopic | TopicResponse

/** Each is told with all its settings. */
const TURN_TOPICS = 50

const FIRST_VERSION_WITH_CONFIGS = 5
/** [KIP-599] Older clients wait, but are refused nothing. */
const FIRST_VERSION_WITH_QUOTA = 6

/**
 * CreateTopics: v2-7. Each topic by itself is made or refused.
 *
 * From v5 on the answer has what was made, all its settings with their sources included (KIP-525); v7 has the topic's
 * id. When the answer comes the partitions serve.
 */
export const createTopics = handle(CreateTopics, {
  access: all(
    each('TOPIC', 'CREATE', {
      items: 'topics',
      nameOf: ({ name }) => name,
      answers: 'topics',
      refuse: ({ name }, refusal) => refused(name, refusal),
      unlessCluster: 'CREATE',
    }),
    custom(['DESCRIBE_CONFIGS', 'TOPIC']),
  ),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async (request, context) => {
  const { topics, validateOnly, timeoutMs } = request
  const make = async (some: Readonly<typeof topics>, leftMs: number): Promise<readonly Made[]> => {
    const allowance = context.quota?.mutations(FIRST_VERSION_WITH_QUOTA)
    const command = { type: 'createTopics', topics: some, validateOnly, allowance } as const
    const asked = await askController(context, command, leftMs)
    if (asked.failed === null) return asked.reply
    const names = new Set(some.map(({ name }) => name))
    return Array.from(names, (name) => refused(name, asked.failed))
  }
  const made = isTooMuch(topics, context.services.config)
    ? await make(topics, timeoutMs)
    : await inPieces(
        context.services,
        topics,
        ({ name }) => name,
        timeoutMs,
        make,
        (topic) => changesOfTopic(partitionsOf(topic, context.services.config)),
      )
  await context.services.settled()
  const requested = new Map(topics.map((topic) => [topic.name, topic]))
  const hasConfigs = context.version >= FIRST_VERSION_WITH_CONFIGS
  const told = await inTurns(
    context.services,
    made,
    (topic) => {
      if (topic.errorCode !== 'NONE') return refused(topic.name, topic)
      if (!context.could('DESCRIBE_CONFIGS', 'TOPIC', topic.name)) return hidden(topic)
      const configs = hasConfigs
        ? settingsOf(context.services.config, requested.get(topic.name)!)
        : []
      return { ...topic, configs }
    },
    TURN_TOPICS,
  )
  return { topics: told }
})

/** The controller refuses all of such a request, so it must see all of it. */
function isTooMuch(topics: readonly TopicRequest[], config: BrokerConfig): boolean {
  let total = 0
  for (const topic of topics) total += partitionsOf(topic, config)
  return total > MAX_PARTITIONS_PER_OPERATION
}

function partitionsOf({ assignments, numPartitions }: TopicRequest, config: BrokerConfig): number {
  if (assignments.length > 0) return assignments.length
  return numPartitions === -1 ? config.get('num.partitions') : Math.max(0, numPartitions)
}

function refused(
  name: string,
  { errorCode, errorMessage }: Pick<TopicResponse, 'errorCode' | 'errorMessage'>,
): TopicResponse {
  return { name, topicId: ZERO_UUID, errorCode, errorMessage, configs: [] }
}

/** As it is told to who may make a topic, but not look at its settings. */
function hidden({ name, topicId }: Made): TopicResponse {
  return {
    name,
    topicId,
    errorCode: 'NONE',
    errorMessage: null,
    topicConfigErrorCode: 'TOPIC_AUTHORIZATION_FAILED',
    numPartitions: -1,
    replicationFactor: -1,
    configs: [],
  }
}

/** The settings that the topic has from its first moment on, in the order of their names. */
function settingsOf(config: BrokerConfig, { configs }: TopicRequest): TopicResponse['configs'] {
  // The controller has refused null, and a name given twice counts as it was given last.
  const own = new Map(configs.map(({ name, value }) => [name, value ?? '']))
  return describeTopic(config, own)
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .map(({ name, value, readOnly, configSource, isSensitive }) => ({
      name,
      value,
      readOnly,
      configSource,
      isSensitive,
    }))
}
