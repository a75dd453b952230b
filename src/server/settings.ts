import type { BrokerConfig } from '../config/broker-config.ts'
import { addressLimits } from '../config/checks.ts'
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
