import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import type { CreateTopicsRequest } from '../../protocol/messages/create-topics.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import { describeTopic } from '../config/describe.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

type TopicRequest = CreateTopicsRequest['topics'][number]
type TopicResponse = (typeof CreateTopics)['response']['encoded']['topics'][number]

const FIRST_VERSION_WITH_CONFIGS = 5

/**
 * CreateTopics: v2-7. Each topic by itself is made or refused.
 *
 * From v5 on the answer has what was made, all its settings with their sources included (KIP-525); v7 has the topic's
 * id. When the answer comes the partitions serve.
 */
export const createTopics = handle(CreateTopics).by(async (request, context) => {
  const { topics, validateOnly, timeoutMs } = request
  const asked = await askController(
    context,
    { type: 'createTopics', topics, validateOnly },
    timeoutMs,
  )
  if (asked.failed !== null) {
    const names = new Set(topics.map(({ name }) => name))
    return { throttleTimeMs: 0, topics: Array.from(names, (name) => refused(name, asked.failed)) }
  }
  await context.replicas.settled()
  const requested = new Map(topics.map((topic) => [topic.name, topic]))
  return {
    throttleTimeMs: 0,
    topics: asked.reply.map((created) =>
      created.errorCode === 'NONE'
        ? {
            ...created,
            configs:
              context.version < FIRST_VERSION_WITH_CONFIGS
                ? []
                : settingsOf(context.config, requested.get(created.name)!),
          }
        : refused(created.name, created),
    ),
  }
})

function refused(
  name: string,
  { errorCode, errorMessage }: Pick<TopicResponse, 'errorCode' | 'errorMessage'>,
): TopicResponse {
  return { name, topicId: ZERO_UUID, errorCode, errorMessage, configs: [] }
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
