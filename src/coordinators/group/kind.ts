import { COMPRESSION_TYPES } from '../../../protocol/records/codecs.ts'
import type { BrokerConfig } from '../../config/broker-config.ts'
import type { Alarm } from '../../machine/machine.ts'
import type { CoordinatorKind, ShardSettings } from '../runtime/kind.ts'
import { parseAlarm } from './alarms.ts'
import type { GroupCommand, GroupOperations, GroupSettings } from './commands.ts'
import type { DurableFact, GroupFact } from './facts.ts'
import { GroupMachine } from './machine.ts'
import { decodeFact, encodeFact } from './records.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'

const MINUTE_MS = 60_000

export type GroupShardSettings = GroupSettings & ShardSettings

/** The group coordinator, as the runtime runs it. */
export const groupKind: CoordinatorKind<GroupOperations, GroupFact, GroupShardSettings> = {
  topic: OFFSETS_TOPIC,
  machine: () => new GroupMachine(),
  encode: (fact) => encodeFact(fact as DurableFact),
  decode: decodeFact,
  settings: groupSettings,
  subject: (command) => ({ groupId: groupOf(command) }),
}

/** Null where it is about more groups than one. */
function groupOf(command: GroupCommand | Alarm): string | null {
  const about = 'alarm' in command ? parseAlarm(command.alarm) : command
  if ('request' in about) return about.request.groupId
  return 'groupId' in about ? about.groupId : null
}

/** Reads the settings when they are needed: they may change. */
function groupSettings(config: BrokerConfig): GroupShardSettings {
  return {
    get initialRebalanceDelayMs() {
      return config.get('group.initial.rebalance.delay.ms')
    },
    get maxGroupSize() {
      return config.get('group.max.size')
    },
    get maxOffsetMetadataLength() {
      return config.get('offset.metadata.max.bytes')
    },
    get offsetsRetentionMs() {
      return config.get('offsets.retention.minutes') * MINUTE_MS
    },
    get offsetsRetentionCheckIntervalMs() {
      return config.get('offsets.retention.check.interval.ms')
    },
    get partitionCount() {
      return config.get('offsets.topic.num.partitions')
    },
    get commitTimeoutMs() {
      return config.get('offsets.commit.timeout.ms')
    },
    get compression() {
      return COMPRESSION_TYPES[config.get('offsets.topic.compression.codec')] ?? 'none'
    },
    get loadBufferBytes() {
      return config.get('offsets.load.buffer.size')
    },
  }
}
