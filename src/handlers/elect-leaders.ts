import type { ErrorName } from '../../protocol/errors.ts'
import { ElectLeaders } from '../../protocol/messages/elect-leaders.ts'
import type { ElectLeadersRequest } from '../../protocol/messages/elect-leaders.ts'
import { ElectionType } from '../metadata/controller/commands.ts'
import { cluster } from './access.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'

/**
 * ElectLeaders: v0-2. The preferred leader (KIP-183), or where none in sync is left any replica (KIP-460, v1). With null all
 * partitions are looked at, and those that need no election aren't told.
 */
export const electLeaders = handle(ElectLeaders, {
  access: cluster('ALTER', (request, { errorCode, errorMessage }) =>
    refused(request, errorCode, errorMessage),
  ),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async (request, context) => {
  const { electionType, topicPartitions, timeoutMs } = request
  if (electionType !== ElectionType.PREFERRED && electionType !== ElectionType.UNCLEAN) {
    return refused(request, 'INVALID_REQUEST', `Unknown election type ${electionType}`)
  }
  const asked = await askController(
    context,
    { type: 'electLeaders', electionType, topicPartitions },
    timeoutMs,
  )
  if (asked.failed !== null) {
    return refused(request, asked.failed.errorCode, asked.failed.errorMessage)
  }
  return { errorCode: 'NONE', replicaElectionResults: asked.reply }
})

/** The same error for the request and for each partition that it names. */
function refused(
  { topicPartitions }: ElectLeadersRequest,
  errorCode: ErrorName,
  errorMessage: string | null,
) {
  const replicaElectionResults = (topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage })),
  }))
  return { errorCode, replicaElectionResults }
}
