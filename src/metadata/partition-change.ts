import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import type { PartitionImage } from './image.ts'

type ChangeRecord = Extract<MetadataRecord, { type: 'PartitionChangeRecord' }>

/** That the leader stays who it is, in the same epoch. */
const NO_LEADER_CHANGE = -2
const NO_RECOVERY_CHANGE = -1

/** [KIP-704] Whether the leader was elected without being in sync, and has not said yet that it is whole. */
export const RecoveryState = { RECOVERED: 0, RECOVERING: 1 } as const

/** What is to change of a partition; what isn't named stays. Each change is a new partition epoch. */
export interface PartitionChange {
  /** -1: none. The same one begins a new leader epoch. */
  readonly leader?: number
  readonly isr?: readonly number[]
  readonly replicas?: readonly number[]
  readonly directories?: readonly string[]
  readonly removingReplicas?: readonly number[]
  readonly addingReplicas?: readonly number[]
  /** As in `RecoveryState`. */
  readonly leaderRecoveryState?: number
  readonly eligibleLeaderReplicas?: readonly number[]
  readonly lastKnownElr?: readonly number[]
}

export const partitionChangeFact = (
  topicId: string,
  partitionId: number,
  change: PartitionChange,
): ChangeRecord => ({
  type: 'PartitionChangeRecord',
  version: 2,
  value: {
    partitionId,
    topicId,
    isr: copied(change.isr),
    leader: change.leader ?? NO_LEADER_CHANGE,
    replicas: copied(change.replicas),
    removingReplicas: copied(change.removingReplicas),
    addingReplicas: copied(change.addingReplicas),
    leaderRecoveryState: change.leaderRecoveryState ?? NO_RECOVERY_CHANGE,
    directories: copied(change.directories),
    eligibleLeaderReplicas: copied(change.eligibleLeaderReplicas),
    lastKnownElr: copied(change.lastKnownElr),
  },
})

function copied<Item>(list: readonly Item[] | undefined): Item[] | null {
  return list === undefined ? null : [...list]
}

/** The partition after the change that a record says. */
export function partitionAfter(
  before: PartitionImage,
  change: ChangeRecord['value'],
): PartitionImage {
  const isLed = change.leader !== NO_LEADER_CHANGE
  return {
    replicas: change.replicas ?? before.replicas,
    directories: change.directories ?? before.directories,
    isr: change.isr ?? before.isr,
    removingReplicas: change.removingReplicas ?? before.removingReplicas,
    addingReplicas: change.addingReplicas ?? before.addingReplicas,
    eligibleLeaderReplicas: change.eligibleLeaderReplicas ?? before.eligibleLeaderReplicas,
    lastKnownElr: change.lastKnownElr ?? before.lastKnownElr,
    leader: isLed ? change.leader : before.leader,
    leaderRecoveryState:
      change.leaderRecoveryState < 0 ? before.leaderRecoveryState : change.leaderRecoveryState,
    leaderEpoch: before.leaderEpoch + (isLed ? 1 : 0),
    partitionEpoch: before.partitionEpoch + 1,
  }
}
