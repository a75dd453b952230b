import type { BrokerConfig } from '../config/broker-config.ts'
import { addressLimits } from '../config/checks.ts'
import type { Clock } from '../host/host.ts'
import type { ClientQuotas } from '../quota/client-quotas.ts'
import { quotaWindows } from '../quota/settings.ts'
import { ConnectionRates } from './connection-rates.ts'
import type { ServerSettings } from './server.ts'

/** @param maxSockets how many connections the process's limit of open files has room for */
export function serverSettings(config: BrokerConfig, maxSockets: number): ServerSettings {
  const perAddress = config.get('max.connections.per.ip')
  const overrides = addressLimits(config.get('max.connections.per.ip.overrides'))
  return {
    maxRequestBytes: config.get('socket.request.max.bytes'),
    maxConnections: config.get('max.connections'),
    maxSockets,
    maxConnectionsOf: (address) => overrides?.get(address) ?? perAddress,
    maxIdleMs: config.get('connections.max.idle.ms'),
  }
}

/** How fast connections may come. */
export function connectionRates(
  config: BrokerConfig,
  clock: Clock,
  quotas: ClientQuotas,
): ConnectionRates {
  const { broker, interBroker } = config.listeners
  return new ConnectionRates({
    clock,
    windows: quotaWindows(config).rates,
    rateOf: (listener) => config.getForListener(listener, 'max.connection.creation.rate'),
    rateOfAll: () => config.get('max.connection.creation.rate'),
    isApart: (listener) => broker.length > 1 && listener === interBroker,
    quota: quotas.connections,
  })
}
