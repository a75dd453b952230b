import type { Clock } from '../host/host.ts'
import type { ErrorOutcome } from '../metadata/controller/commands.ts'
import { topicNameProblem } from '../metadata/topic-names.ts'
import { ResourceType, invalidRequest, parseNodeId, twice } from './config-resources.ts'
import type { ResourceError } from './config-resources.ts'
import { inPieces } from './in-pieces.ts'
import type { NodeServices } from './services.ts'

interface Resource<Entry> {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly Entry[]
}

interface Entry {
  readonly name: string
  readonly value: string | null
}

interface Altered {
  readonly resourceType: number
  readonly resourceName: string
}

interface AlterOptions<E extends Entry> {
  readonly clock: Clock
  /** Null on listeners of controllers, which have taken these settings for any broker's from the broker itself. */
  readonly nodeId: number | null
  /** Whether this entry removes a setting: then it has no value. */
  removes(entry: E): boolean
  /** The levels of this broker's loggers, which no controller knows; null where they can't be altered. */
  readonly alterLoggers: ((entries: readonly E[]) => ResourceError | null) | null
  /** Has the controller alter the resources that passed. */
  submit(resources: readonly Resource<E>[]): Promise<readonly (Altered & ErrorOutcome)[]>
}

/** Whose settings and loggers may be altered through these listeners; null where any broker's. */
export function judgingNode({ kind, config }: NodeServices): number | null {
  return kind === 'broker' ? config.get('node.id') : null
}

/**
 * The common part of AlterConfigs and IncrementalAlterConfigs: as in Kafka this broker refuses what only it can judge, the
 * controller gets the rest, and the answer has the order of the request.
 */
export async function alterResources<E extends Entry>(
  resources: readonly Resource<E>[],
  options: AlterOptions<E>,
): Promise<(Altered & ErrorOutcome)[]> {
  const repeated = twice(resources.map(keyOf))
  const outcomes = new Map<string, ErrorOutcome>()
  const remaining = resources.filter((resource) => {
    const outcome = repeated.has(keyOf(resource))
      ? invalidRequest('Each resource must appear at most once.')
      : judge(resource, options)
    if (outcome !== null) outcomes.set(keyOf(resource), outcome)
    return outcome === null
  })
  if (remaining.length > 0) {
    const altered = await inPieces(options, remaining, keyOf, Infinity, (some) =>
      options.submit(some),
    )
    for (const outcome of altered) outcomes.set(keyOf(outcome), outcome)
  }
  return resources.map((resource) => {
    const { resourceType, resourceName } = resource
    const { errorCode, errorMessage } = outcomes.get(keyOf(resource))!
    return { errorCode, errorMessage, resourceType, resourceName }
  })
}

const keyOf = ({ resourceType, resourceName }: Altered): string => `${resourceType} ${resourceName}`

/** What this broker has to say of a resource; null leaves it to the controller. */
function judge<E extends Entry>(
  { resourceType, resourceName, configs }: Resource<E>,
  { nodeId, removes, alterLoggers }: AlterOptions<E>,
): ErrorOutcome | null {
  if (twice(configs.map(({ name }) => name)).size > 0) {
    return invalidRequest('Error due to duplicate config keys')
  }
  const empty = configs.filter((entry) => entry.value === null && !removes(entry))
  if (empty.length > 0) {
    const names = empty.map(({ name }) => name).join(', ')
    return invalidRequest(`Null value not supported for : ${names}`)
  }
  switch (resourceType) {
    case ResourceType.BROKER:
      return resourceName === '' ? null : otherNode(resourceName, nodeId, 'Unexpected broker id, e')
    case ResourceType.BROKER_LOGGER:
      if (alterLoggers === null) break
      return (
        otherNode(resourceName, nodeId, 'Unexpected node id. E') ??
        alterLoggers(configs) ?? { errorCode: 'NONE', errorMessage: null }
      )
    case ResourceType.TOPIC: {
      const problem = resourceName === '' ? null : topicNameProblem(resourceName)
      return problem === null
        ? null
        : { errorCode: 'INVALID_TOPIC_EXCEPTION', errorMessage: problem }
    }
    case ResourceType.CLIENT_METRICS:
    case ResourceType.GROUP:
      return null
  }
  return invalidRequest(`Unknown resource type ${resourceType}`)
}

function otherNode(name: string, nodeId: number | null, beginning: string): ResourceError | null {
  if (nodeId === null) return null
  const id = parseNodeId(name)
  if (id === null) return invalidRequest(`Node id must be an integer, but it is: ${name}`)
  if (id === nodeId) return null
  return invalidRequest(`${beginning}xpected ${nodeId}, but received ${name}`)
}
