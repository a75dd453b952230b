import type { LogConfig } from '../../log/base/config.ts'
import type { ThrottledReplicas } from '../quota/throttled.ts'

/** What a topic's settings come to. */
export interface TopicSettings {
  readonly log: LogConfig
  /** `min.insync.replicas` */
  readonly minInSyncReplicas: number
  /** `cleanup.policy` has `delete`. */
  readonly deletesRecords: boolean
  readonly throttled: ThrottledReplicas
}
