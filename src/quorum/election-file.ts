import type { Host } from '../host/host.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { ElectionState, Voter } from './types.ts'

const FILE_NAME = 'quorum-state'

/** The node's memory of elections can't be read: to go on without it could elect two leaders. */
class ElectionFileError extends Error {
  override readonly name = 'ElectionFileError'
  readonly code = 'ERR_QUORUM_STATE'
}

/**
 * Reads `quorum-state`, in the form of kraft.version 0 or 1.
 * @returns null when there is none
 * @throws ElectionFileError
 */
export function readElection(host: Host, directory: string): ElectionState | null {
  const path = `${directory}/${FILE_NAME}`
  if (!host.disk.exists(path)) return null
  const content = host.disk.readFile(path).toString('utf8')
  let state: Record<string, unknown>
  try {
    state = JSON.parse(content) as Record<string, unknown>
  } catch (cause) {
    throw new ElectionFileError(`${path} is damaged`, { cause })
  }
  const { leaderId, leaderEpoch, votedId, votedDirectoryId = ZERO_UUID } = state
  const version = state['data_version']
  if (
    (version !== 0 && version !== 1) ||
    !Number.isInteger(leaderId) ||
    !Number.isInteger(leaderEpoch) ||
    !Number.isInteger(votedId) ||
    typeof votedDirectoryId !== 'string'
  ) {
    throw new ElectionFileError(`${path} is not a quorum-state of version 0 or 1: ${content}`)
  }
  const voted = votedId as number
  return {
    epoch: leaderEpoch as number,
    leaderId: leaderId as number,
    votedFor: voted < 0 ? null : { id: voted, directoryId: votedDirectoryId },
  }
}

/**
 * Writes `quorum-state` durably, in the form of kraft.version 0 or 1.
 * @param staticVoters those of kraft.version 0, which knows nothing of their disks; else null
 */
export function writeElection(
  host: Host,
  directory: string,
  { leaderId, epoch, votedFor }: ElectionState,
  staticVoters: readonly Voter[] | null,
): void {
  const votedId = votedFor?.id ?? -1
  const content =
    staticVoters === null
      ? {
          leaderId,
          leaderEpoch: epoch,
          votedId,
          votedDirectoryId: votedFor?.directoryId ?? ZERO_UUID,
          data_version: 1,
        }
      : {
          clusterId: '',
          leaderId,
          leaderEpoch: epoch,
          votedId,
          appliedOffset: 0,
          currentVoters: staticVoters.map(({ id }) => ({ voterId: id })),
          data_version: 0,
        }
  host.disk.replaceFile(`${directory}/${FILE_NAME}`, JSON.stringify(content))
}
