import { api, array, bool, errorCode, int32, int64, throttleTimeMs, uuid } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A broker tells the active controller that it is alive, how far it is, and what it wishes (KIP-631). */
export const BrokerHeartbeat = api({
  key: 63,
  name: 'BrokerHeartbeat',
  versions: [0, 2],
  flexible: 0,
  listeners: ['controller'],
  request: {
    brokerId: int32,
    brokerEpoch: int64.default(-1),
    /** The highest metadata offset that it has applied. */
    currentMetadataOffset: int64,
    wantFence: bool,
    /** Asks for a controlled shutdown: leaderships move away first. */
    wantShutDown: bool,
    /** Directories that failed (KIP-858). */
    offlineLogDirs: array(uuid).since(1).tagged(0),
    /** Directories that shall get no new replicas; null before the broker has recovered (KIP-1066). */
    cordonedLogDirs: array(uuid).nullable(2).default(null).since(2).tagged(1),
  },
  response: {
    throttleTimeMs,
    errorCode,
    isCaughtUp: bool.default(false),
    isFenced: bool.default(true),
    /** The controlled shutdown is done: the broker may stop. */
    shouldShutDown: bool,
  },
})

export type BrokerHeartbeatRequest = RequestOf<typeof BrokerHeartbeat>
export type BrokerHeartbeatResponse = ResponseOf<typeof BrokerHeartbeat>
