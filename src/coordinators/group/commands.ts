import type { ErrorName } from '../../../protocol/errors.ts'
import type { DescribeGroupsResponse } from '../../../protocol/messages/describe-groups.ts'
import type { HeartbeatRequest } from '../../../protocol/messages/heartbeat.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../../../protocol/messages/join-group.ts'
import type {
  LeaveGroupRequest,
  LeaveGroupResponse,
} from '../../../protocol/messages/leave-group.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../../../protocol/messages/sync-group.ts'
import type { MarkerToWrite } from '../../log/base/results.ts'
import type { DecisionContext } from '../../machine/machine.ts'
import type { OperationCommand, OperationReply } from '../runtime/kind.ts'
import type { Group } from './group.ts'

/** The settings that the group coordinator decides by. */
export interface GroupSettings {
  /** group.initial.rebalance.delay.ms */
  readonly initialRebalanceDelayMs: number
  /** group.max.size */
  readonly maxGroupSize: number
  /** offset.metadata.max.bytes, which Kafka counts in UTF-16 units */
  readonly maxOffsetMetadataLength: number
  /** offsets.retention.minutes */
  readonly offsetsRetentionMs: number
  /** offsets.retention.check.interval.ms */
  readonly offsetsRetentionCheckIntervalMs: number
}

export type GroupContext = DecisionContext<GroupSettings>

/** A partition's offset, as somebody commits it. Topics are named; the id is zeros unless the client gave one. */
export interface OffsetToCommit {
  readonly partitionIndex: number
  readonly committedOffset: number | bigint
  readonly committedLeaderEpoch: number
  readonly committedMetadata: string | null
}

export interface PartitionError {
  readonly partitionIndex: number
  readonly errorCode: ErrorName
}

/** Offsets, and who commits them. */
export interface OffsetCommitCommand {
  readonly version: number
  readonly groupId: string
  readonly generation: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly topics: readonly {
    readonly name: string
    readonly topicId: string
    readonly partitions: readonly OffsetToCommit[]
  }[]
}

/** What is asked of a shard of the group coordinator, and what it replies: the protocol's own words where they fit. */
export interface GroupOperations {
  /** First of all, once the shard is rebuilt from its log. */
  Loaded: { command: object; reply: null }
  Join: {
    command: {
      readonly request: JoinGroupRequest
      readonly version: number
      readonly clientId: string
      readonly clientHost: string
      /** A random UUID, for the case that the member needs an id. */
      readonly uuid: string
    }
    reply: JoinGroupResponse
  }
  Sync: { command: { readonly request: SyncGroupRequest }; reply: SyncGroupResponse }
  Heartbeat: { command: { readonly request: HeartbeatRequest }; reply: ErrorName }
  Leave: {
    command: { readonly groupId: string; readonly members: LeaveGroupRequest['members'] }
    reply: LeaveGroupResponse
  }
  CommitOffsets: {
    command: OffsetCommitCommand & {
      /** -1 when the broker's setting decides. */
      readonly retentionTimeMs: number
    }
    /** An error of the whole request, or one for each partition, in the order of the command. */
    reply: ErrorName | readonly (readonly PartitionError[])[]
  }
  /** Offsets that count from the end of a transaction on, if it commits. */
  CommitTransactionOffsets: {
    command: OffsetCommitCommand & {
      readonly producerId: number
      readonly producerEpoch: number
      /** [KIP-890] Of the verification that the transaction's coordinator has agreed to. */
      readonly guard: number
    }
    reply: ErrorName | readonly (readonly PartitionError[])[]
  }
  /** The marker of a transaction, for the partition that is asked. */
  EndTransaction: { command: { readonly marker: MarkerToWrite }; reply: null }
  FetchOffsets: {
    command: {
      readonly groupId: string
      /** UNSTABLE_OFFSET_COMMIT for partitions whose offset an open transaction may change (KIP-447). */
      readonly requireStable: boolean
      /** Null for all that there is. */
      readonly topics:
        | readonly {
            readonly name: string
            readonly topicId: string
            readonly partitionIndexes: readonly number[]
          }[]
        | null
    }
    reply: readonly {
      readonly name: string
      readonly topicId: string
      readonly partitions: readonly FetchedOffset[]
    }[]
  }
  DeleteOffsets: {
    command: {
      readonly groupId: string
      readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[]
    }
    reply: ErrorName | readonly (readonly PartitionError[])[]
  }
  /** All groups, as they are now: who lists them goes through them at leisure. */
  List: { command: object; reply: readonly Group[] }
  /** Null for a group that isn't there. */
  Describe: { command: { readonly groupId: string }; reply: DescribedGroup | null }
  Delete: { command: { readonly groupId: string }; reply: ErrorName }
  /** Removes the offsets of deleted topics; says whether some are left, for another command. */
  DeleteTopics: { command: { readonly topics: readonly string[] }; reply: { more: boolean } }
}

export interface FetchedOffset {
  readonly partitionIndex: number
  /** -1 for none. */
  readonly committedOffset: number | bigint
  readonly committedLeaderEpoch: number
  readonly metadata: string
  readonly errorCode: ErrorName
}

export type DescribedGroup = Omit<DescribeGroupsResponse['groups'][number], 'errorCode'>

export type GroupOperation = keyof GroupOperations
export type GroupCommand = OperationCommand<GroupOperations>
export type CommandOf<Type extends GroupOperation> = OperationCommand<GroupOperations, Type>
export type ReplyTo<Type extends GroupOperation> = OperationReply<GroupOperations, Type>
export type GroupReply = ReplyTo<GroupOperation>
