import type { BrokerConfig } from '../../config/broker-config.ts'
import { ConfigError } from '../../config/layers.ts'
import type { BrokerSettingName, BrokerValue } from '../../config/registry.ts'

type Secured<Name> = Name extends `ssl.${string}` | `sasl.${string}` | `connections.max.reauth.ms`
  ? Name
  : never
export type SecurityName = Secured<BrokerSettingName>

/** The settings of TLS and SASL, as they are for one listener, or for one client. */
export interface SecurityView {
  get<Name extends SecurityName>(name: Name): BrokerValue<Name>
  /** As whoever has set it calls it: with the listener's prefix where it is set with that. */
  nameOf(name: SecurityName): string
}

/** Those of a listener: `listener.name.<name>.<setting>` where it is set, else the setting itself. */
export function listenerView(config: BrokerConfig, listener: string): SecurityView {
  const prefix = `listener.name.${listener.toLowerCase()}.`
  return {
    get: (name) => config.getForListener(listener, name),
    nameOf: (name) => (config.isSet(prefix + name) ? prefix + name : name),
  }
}

/** Those of one mechanism of a listener: `listener.name.<name>.<mechanism>.<setting>` where it is set, else those of the listener. */
export function mechanismView(
  config: BrokerConfig,
  listener: string,
  mechanism: string,
): SecurityView {
  const prefix = `listener.name.${listener.toLowerCase()}.`
  const own = `${prefix}${mechanism.toLowerCase()}.`
  const nameOf = (name: SecurityName): string =>
    [own + name, prefix + name].find((longer) => config.isSet(longer)) ?? name
  return { get: (name) => config.parsed(nameOf(name)).value as never, nameOf }
}

/** A start that settings of TLS don't allow. */
export function refuse(message: string, cause?: unknown): never {
  const error = new ConfigError([message])
  if (cause !== undefined) error.cause = cause
  throw error
}
