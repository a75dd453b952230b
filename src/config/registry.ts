import type { Setting, Settings, ValueOf } from './setting.ts'
import { clientMetrics } from './settings/client-metrics.ts'
import { group } from './settings/group.ts'
import { groups } from './settings/groups.ts'
import { log } from './settings/log.ts'
import { network } from './settings/network.ts'
import { operations } from './settings/operations.ts'
import { own } from './settings/own.ts'
import { quorum } from './settings/quorum.ts'
import { replication } from './settings/replication.ts'
import { sasl } from './settings/sasl.ts'
import { security } from './settings/security.ts'
import { share } from './settings/share.ts'
import { tiered } from './settings/tiered.ts'
import { topic } from './settings/topic.ts'
import { transactions } from './settings/transactions.ts'

/** The settings of a broker by area, for documents. */
export const brokerAreas = {
  'Node and quorum': quorum,
  'Listeners and requests': network,
  Logs: log,
  'Topics and replication': replication,
  Groups: groups,
  Transactions: transactions,
  'Share groups': share,
  Security: security,
  SASL: sasl,
  'Metrics and quotas': operations,
  'Tiered storage': tiered,
  "Ottla's own": own,
} as const satisfies Record<string, Settings>

/** Every setting of a broker. */
export const brokerSettings = {
  ...quorum,
  ...network,
  ...log,
  ...replication,
  ...groups,
  ...transactions,
  ...share,
  ...security,
  ...sasl,
  ...operations,
  ...tiered,
  ...own,
}
/** Every setting of a topic. */
export const topicSettings = topic
/** Every setting of a group. */
export const groupSettings = group
/** Every setting of a subscription to metrics of clients. */
export const clientMetricsSettings = clientMetrics

export type BrokerSettings = typeof brokerSettings
export type BrokerSettingName = keyof BrokerSettings
export type BrokerValue<Name extends BrokerSettingName> = ValueOf<BrokerSettings[Name]>

export type TopicSettings = typeof topicSettings
export type TopicSettingName = keyof TopicSettings
export type TopicValue<Name extends TopicSettingName> = ValueOf<TopicSettings[Name]>

export type GroupSettings = typeof groupSettings
export type GroupSettingName = keyof GroupSettings
export type GroupValue<Name extends GroupSettingName> = ValueOf<GroupSettings[Name]>

/** The declaration of that name; undefined when there is none. */
export function settingOf(settings: Settings, name: string): Setting | undefined {
  return Object.hasOwn(settings, name) ? settings[name] : undefined
}
