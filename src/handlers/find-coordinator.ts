import type { ErrorName } from '../../protocol/errors.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { OFFSETS_TOPIC } from '../coordinators/group/kind.ts'
import { TRANSACTIONS_TOPIC } from '../coordinators/transaction/kind.ts'
import type { PartitionImage } from '../metadata/image.ts'
import { custom } from './access.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import { heardOfLeaders } from './heard-of-leaders.ts'
import { inTurns } from './turns.ts'

const FIRST_VERSION_WITH_KEYS = 4
const GROUP_KEY_TYPE = 0
const TRANSACTION_KEY_TYPE = 1

interface Coordinator {
  readonly errorCode: ErrorName
  readonly errorMessage: string
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

/**
 * FindCoordinator: one key up to v3, several of one type from v4 on. The topic that has the coordinators' state is made when it
 * is missing.
 */
export const findCoordinator = handle(FindCoordinator, {
  access: custom(['DESCRIBE', 'GROUP'], ['DESCRIBE', 'TRANSACTIONAL_ID']),
}).by(async (request, context) => {
  const { version } = context
  const isOfOne = version < FIRST_VERSION_WITH_KEYS
  const keys = isOfOne ? [request.key] : request.coordinatorKeys
  await heardOfLeaders(placesOf(keys, request.keyType, context), context)
  if (isOfOne) {
    const found = await find(request.key, request.keyType, context)
    // The old form of the answer has the error's text, and for none its name.
    return { ...found, errorMessage: found.errorMessage || found.errorCode }
  }
  const coordinators = await inTurns(context.services, keys, async (key) => ({
    key,
    ...(await find(key, request.keyType, context)),
  }))
  return { coordinators }
})

/** The partitions that have the state of these keys, as far as they are there. */
function* placesOf(
  keys: readonly string[],
  keyType: number,
  { services: { cluster, groups, transactions } }: RequestContext,
): Iterable<PartitionImage> {
  const isOfGroups = keyType === GROUP_KEY_TYPE
  const partitions = cluster().topic(isOfGroups ? OFFSETS_TOPIC : TRANSACTIONS_TOPIC)?.partitions
  if (partitions === undefined) return
  for (const key of keys) {
    const place = partitions[(isOfGroups ? groups : transactions).partitionOf(key)]
    if (place !== undefined) yield place
  }
}

async function find(key: string, keyType: number, context: RequestContext): Promise<Coordinator> {
  const { groups, transactions } = context.services
  if (keyType === GROUP_KEY_TYPE) {
    return context.may('DESCRIBE', 'GROUP', key)
      ? leaderOf(OFFSETS_TOPIC, () => groups.partitionOf(key), context)
      : none('GROUP_AUTHORIZATION_FAILED')
  }
  if (keyType !== TRANSACTION_KEY_TYPE) {
    return none('INVALID_REQUEST', `This broker has no coordinator of type ${keyType}`)
  }
  if (!context.may('DESCRIBE', 'TRANSACTIONAL_ID', key)) {
    return none('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  }
  return leaderOf(TRANSACTIONS_TOPIC, () => transactions.partitionOf(key), context)
}

/** @param partition asked once the topic is there, for it depends on how many there are */
async function leaderOf(
  topic: string,
  partition: () => number,
  context: RequestContext,
): Promise<Coordinator> {
  const { cluster, createTopicsAutomatically } = context.services
  if (cluster().topic(topic) === undefined) {
    const reason = (await createTopicsAutomatically([topic], null)).get(topic)
    if (reason !== undefined) {
      return none('COORDINATOR_NOT_AVAILABLE', `${topic} could not be made: ${reason}.`)
    }
  }
  const found = cluster().topic(topic)?.partitions[partition()]
  return at(found === undefined ? -1 : cluster().leaderOf(found), context)
}

function at(nodeId: number, { services, connection }: RequestContext): Coordinator {
  const broker = services
    .cluster()
    .brokers(connection.listener.name)
    .find(({ id }) => id === nodeId)
  if (broker === undefined) return none('COORDINATOR_NOT_AVAILABLE')
  const { host, port } = broker
  return { errorCode: 'NONE', errorMessage: '', nodeId, host, port }
}

function none(
  errorCode: ErrorName,
  errorMessage = 'The coordinator is not available.',
): Coordinator {
  return { errorCode, errorMessage, nodeId: -1, host: '', port: -1 }
}
