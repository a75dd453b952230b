import type { BrokerConfig } from '../config/broker-config.ts'
import type { QuotaWindows } from './client-quotas.ts'
import type { RateWindows } from './sampled-rate.ts'

const SECOND_MS = 1000

/** How a node measures what its clients use. */
export function quotaWindows(config: BrokerConfig): QuotaWindows {
  return {
    rates: rateWindows(config),
    mutations: {
      count: config.get('controller.quota.window.num'),
      lengthMs: config.get('controller.quota.window.size.seconds') * SECOND_MS,
    },
  }
}

/** How it measures rates: of bytes, of its time, and of connections. */
function rateWindows(config: BrokerConfig): RateWindows {
  return {
    count: config.get('quota.window.num'),
    lengthMs: config.get('quota.window.size.seconds') * SECOND_MS,
  }
}
