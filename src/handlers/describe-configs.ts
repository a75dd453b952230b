import { DescribeConfigs } from '../../protocol/messages/describe-configs.ts'
import type { DescribeConfigsRequest } from '../../protocol/messages/describe-configs.ts'
import {
  describeBroker,
  describeBrokerDefaults,
  describeClientMetrics,
  describeGroup,
  describeTopic,
} from '../config/describe.ts'
import type { DescribedSetting } from '../config/describe.ts'
import { topicNameProblem } from '../metadata/topic-names.ts'
import { eachResource } from './access.ts'
import { ResourceType, aclResourceOf, invalidRequest, parseNodeId } from './config-resources.ts'
import type { ResourceError } from './config-resources.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import type { NodeServices } from './services.ts'
import { inTurns } from './turns.ts'

type ResourceRequest = DescribeConfigsRequest['resources'][number]

/** What a setting takes in an answer, about; and with its synonyms and its documentation. */
const SETTING_BYTES = 150
const TOLD_BYTES = 400

/** Each has hundreds of settings where it is a broker. */
const TURN_RESOURCES = 5

const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(ResourceType))
/** What Kafka answers all resources with when one is of a type that it doesn't know. */
const UNKNOWN_TYPE = invalidRequest(
  'This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details.',
)

/**
 * DescribeConfigs: v1-4. Every setting of a resource with its value, where that comes from and, if asked for, where else
 * it could come from; v3 has types and documentation (KIP-569).
 */
export const describeConfigs = handle(DescribeConfigs, {
  listeners: ['broker', 'controller'],
  access: eachResource(['TOPIC', 'CLUSTER', 'GROUP'], 'DESCRIBE_CONFIGS', {
    items: 'resources',
    resourceOf: aclResourceOf,
    answers: 'results',
    refuse: ({ resourceType, resourceName }, refusal) => ({
      ...refusal,
      resourceType,
      resourceName,
      configs: [],
    }),
  }),
}).by(async (request, context) => {
  const { resources, includeSynonyms, includeDocumentation } = request
  const wrong = resources.some(({ resourceType }) => !KNOWN_TYPES.has(resourceType))
  return {
    results: await inTurns(
      context.services,
      resources,
      (resource) => {
        const { resourceType, resourceName } = resource
        const found = wrong ? UNKNOWN_TYPE : settingsOf(resource, context)
        if ('errorCode' in found) return { ...found, resourceType, resourceName, configs: [] }
        context.spend(
          found.length * (includeSynonyms || includeDocumentation ? TOLD_BYTES : SETTING_BYTES),
        )
        return {
          errorCode: 'NONE' as const,
          errorMessage: '',
          resourceType,
          resourceName,
          configs: found.map((setting) => ({
            ...setting,
            synonyms: includeSynonyms ? setting.synonyms : [],
            documentation: includeDocumentation ? setting.documentation : null,
          })),
        }
      },
      TURN_RESOURCES,
    ),
  }
})

function settingsOf(
  { resourceType, resourceName: name, configurationKeys: asked }: ResourceRequest,
  { services: { config, cluster } }: RequestContext<NodeServices>,
): readonly DescribedSetting[] | ResourceError {
  switch (resourceType) {
    case ResourceType.TOPIC: {
      const problem = topicNameProblem(name)
      if (problem !== null) return { errorCode: 'INVALID_TOPIC_EXCEPTION', errorMessage: problem }
      if (cluster().topic(name) === undefined) {
        return { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', errorMessage: '' }
      }
      return describeTopic(config, cluster().config(resourceType, name), asked)
    }
    case ResourceType.BROKER:
      if (name === '') return describeBrokerDefaults(config, asked)
      return (
        otherBroker(name, config.get('node.id'), ' or empty string,') ??
        describeBroker(config, asked)
      )
    case ResourceType.BROKER_LOGGER:
      if (name === '') return invalidRequest('Broker id must not be empty')
      // [KIP-412] No logger here has a level that can be altered at run time.
      return otherBroker(name, config.get('node.id'), '') ?? []
    case ResourceType.CLIENT_METRICS:
      if (name === '') return invalidRequest('Client metrics subscription name must not be empty')
      return describeClientMetrics(config, cluster().config(resourceType, name), asked)
    default:
      if (name === '') return invalidRequest('Group name must not be empty')
      return describeGroup(config, cluster().config(resourceType, name), asked)
  }
}

/** A node tells only of itself. */
function otherBroker(name: string, nodeId: number, alternative: string): ResourceError | null {
  const id = parseNodeId(name)
  if (id === null) return invalidRequest(`Broker id must be an integer, but it is: ${name}`)
  if (id === nodeId) return null
  return invalidRequest(
    `Unexpected broker id, expected ${nodeId}${alternative} but received ${name}`,
  )
}
