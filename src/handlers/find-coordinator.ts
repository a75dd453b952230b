import type { ErrorName } from '../../protocol/errors.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { OFFSETS_TOPIC } from '../coordinators/group/coordinator.ts'
import { handle } from './handler.ts'
import type { RequestContext } from './handler.ts'

const FIRST_VERSION_WITH_KEYS = 4
const GROUP_KEY_TYPE = 0
const KEY_TYPES = ['groups', 'transactions', 'share groups']

interface Coordinator {
  readonly errorCode: ErrorName
  readonly errorMessage: string
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

/** FindCoordinator: one key up to v3, several of one type from v4 on. The topic of the groups is made when it is missing. */
export const findCoordinator = handle(FindCoordinator).by(async (request, context) => {
  const { version } = context
  if (version < FIRST_VERSION_WITH_KEYS) {
    const found = await find(request.key, request.keyType, context)
    // The old form of the answer has the error's text, and for none its name.
    return { ...found, errorMessage: found.errorMessage || found.errorCode }
  }
  const coordinators = []
  for (const key of request.coordinatorKeys) {
    coordinators.push({ key, ...(await find(key, request.keyType, context)) })
  }
  return { coordinators }
})

async function find(key: string, keyType: number, context: RequestContext): Promise<Coordinator> {
  if (keyType === GROUP_KEY_TYPE) return coordinatorOf(key, context)
  // An error that clients retry would keep a transactional producer waiting until it gives up, without a reason.
  const kind = KEY_TYPES[keyType] ?? `keys of type ${keyType}`
  return none('INVALID_REQUEST', `This broker has no coordinator for ${kind}`)
}

async function coordinatorOf(groupId: string, context: RequestContext): Promise<Coordinator> {
  const { cluster, groups, connection } = context
  if (cluster().topic(OFFSETS_TOPIC) === undefined) {
    const refused = await context.createTopicsAutomatically([OFFSETS_TOPIC])
    const reason = refused.get(OFFSETS_TOPIC)
    if (reason !== undefined) {
      return none('COORDINATOR_NOT_AVAILABLE', `${OFFSETS_TOPIC} could not be made: ${reason}.`)
    }
  }
  const view = cluster()
  const leader = view.topic(OFFSETS_TOPIC)?.partitions[groups.partitionOf(groupId)]?.leader ?? -1
  const broker = view.brokers(connection.listenerName).find(({ id }) => id === leader)
  if (broker === undefined) return none('COORDINATOR_NOT_AVAILABLE')
  const { id, host, port } = broker
  return { errorCode: 'NONE', errorMessage: '', nodeId: id, host, port }
}

function none(
  errorCode: ErrorName,
  errorMessage = 'The coordinator is not available.',
): Coordinator {
  return { errorCode, errorMessage, nodeId: -1, host: '', port: -1 }
}
