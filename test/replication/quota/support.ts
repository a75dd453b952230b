import type { Clock } from '../../../src/host/host.ts'
import { ReplicationQuota } from '../../../src/replication/quota/replication-quota.ts'

/** A quota measured as by default. */
export function quotaOf(
  clock: Clock,
  bytesPerSecond: () => number = () => Infinity,
): ReplicationQuota {
  return new ReplicationQuota(clock, { count: 11, lengthMs: 1000 }, bytesPerSecond)
}
