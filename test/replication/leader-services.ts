import type { Clock, Logger } from '../../src/host/host.ts'
import type { LeaderServices } from '../../src/replication/partition/leader.ts'

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
}

/** What a leader has that nobody else is told of: no other broker is known, and the ISR stays as it is. */
export function leaderServices(
  clock: Clock,
  brokerId = 1,
  others: Partial<LeaderServices> = {},
): LeaderServices {
  return {
    clock,
    log: silent,
    brokerId,
    brokerEpoch: () => 1,
    broker: () => undefined,
    maxLagMs: () => 30_000,
    leadBegan: () => undefined,
    proposeIsr: () => undefined,
    ...others,
  }
}
