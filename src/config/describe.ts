import { baseName } from './layers.ts'
import { overlay, type BrokerConfig } from './broker-config.ts'
import { inheritedConfig } from './inherited.ts'
import {
  brokerSettings,
  clientMetricsSettings,
  groupSettings,
  settingOf,
  topicSettings,
} from './registry.ts'
import { defaultOf, type Setting, type SettingType, type Settings } from './setting.ts'
import { brokerSynonyms } from './synonyms.ts'

/** Kafka's numbers for where a value comes from. */
export const ConfigSource = {
  DYNAMIC_TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
  DYNAMIC_BROKER_LOGGER_CONFIG: 6,
  DYNAMIC_CLIENT_METRICS_CONFIG: 7,
  DYNAMIC_GROUP_CONFIG: 8,
} as const

/** Kafka's numbers for types; 0 stands for a name that no setting has. */
const TYPE_NUMBERS: Readonly<Record<SettingType, number>> = {
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9,
}

export interface DescribedSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: number
}

/** A setting as DescribeConfigs answers it, field by field. */
export interface DescribedSetting {
  readonly name: string
  /** Null where there is none, and for secrets. */
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: number
  readonly isSensitive: boolean
  /** Where the value could come from, the source in force first. */
  readonly synonyms: readonly DescribedSynonym[]
  readonly configType: number
  readonly documentation: string | null
}

/** The names that were asked for; null or none at all: every one. */
export type AskedNames = readonly string[] | null

/** The settings of this broker. */
export function describeBroker(config: BrokerConfig, asked: AskedNames = null): DescribedSetting[] {
  const raw = overlay(...config.layers.map(({ entries }) => entries).reverse())
  const named = Object.entries(brokerSettings as Settings)
    .filter(([, setting]) => !setting.internal && !setting.onlyDynamic)
    .map(([name]) => name)
  const more = [...raw.keys()].filter((name) => {
    const setting = settingOf(brokerSettings, name)
    return !setting || setting.internal || setting.onlyDynamic
  })
  return [...named, ...more].filter(isAsked(asked)).map((name) => {
    const value = more.includes(name) ? raw.get(name)! : config.parsed(name).text
    return brokerRow(name, value, brokerSynonymRows(config, name))
  })
}

/** The dynamic settings of all brokers: those that are set, and nothing of what they would fall back to. */
export function describeBrokerDefaults(
  config: BrokerConfig,
  asked: AskedNames = null,
): DescribedSetting[] {
  const source = ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG
  const entries = config.layers.find((layer) => layer.source === source)!.entries
  return [...entries]
    .filter(([name]) => isAsked(asked)(name))
    .map(([name, value]) => {
      const rows = brokerSynonymRows(config, name).filter((row) => row.source === source)
      return brokerRow(name, value, rows)
    })
}

function brokerRow(
  name: string,
  value: string | null,
  synonyms: readonly DescribedSynonym[],
): DescribedSetting {
  const setting = settingOf(brokerSettings, baseName(name))
  const readOnly = settingOf(brokerSettings, name)?.dynamic === undefined
  return row(name, setting, value, readOnly, synonyms)
}

/**
 * The settings of a topic.
 * @param own - what is set for the topic itself
 */
export function describeTopic(
  config: BrokerConfig,
  own: ReadonlyMap<string, string>,
  asked: AskedNames = null,
): DescribedSetting[] {
  return describeInherited(topicSettings, config, own, asked, (_name, setting) => {
    const synonym = Object.keys(setting.synonyms ?? {})[0]
    return synonym === undefined ? [] : brokerSynonymRows(config, synonym)
  })
}

/**
 * The settings of a group.
 * @param own - what is set for the group itself
 */
export function describeGroup(
  config: BrokerConfig,
  own: ReadonlyMap<string, string>,
  asked: AskedNames = null,
): DescribedSetting[] {
  return describeInherited(groupSettings, config, own, asked, (name, setting) => {
    const synonym = Object.keys(setting.synonyms ?? {})[0]
    if (synonym !== undefined) return brokerSynonymRows(config, synonym)
    return [{ name, value: defaultOf(setting).text, source: ConfigSource.DEFAULT_CONFIG }]
  })
}

/**
 * The settings of a subscription to metrics of clients.
 * @param own - what is set for it
 */
export function describeClientMetrics(
  config: BrokerConfig,
  own: ReadonlyMap<string, string>,
  asked: AskedNames = null,
): DescribedSetting[] {
  return describeInherited(clientMetricsSettings, config, own, asked, () => [])
}

const OWN_SOURCES = new Map<Settings, number>([
  [topicSettings, ConfigSource.DYNAMIC_TOPIC_CONFIG],
  [groupSettings, ConfigSource.DYNAMIC_GROUP_CONFIG],
  [clientMetricsSettings, ConfigSource.DYNAMIC_CLIENT_METRICS_CONFIG],
])

function describeInherited(
  settings: Settings,
  config: BrokerConfig,
  own: ReadonlyMap<string, string>,
  asked: AskedNames,
  inheritedRows: (name: string, setting: Setting) => readonly DescribedSynonym[],
): DescribedSetting[] {
  const values = inheritedConfig(settings, config, own)
  const source = OWN_SOURCES.get(settings)!
  const known = Object.entries(settings)
    .filter(([name, setting]) => isAsked(asked)(name) && (!setting.internal || own.has(name)))
    .map(([name, setting]) => {
      const value = values.text(name)
      const ownRows = own.has(name) ? [{ name, value, source }] : []
      return row(name, setting, value, false, [...ownRows, ...inheritedRows(name, setting)])
    })
  // A directory may have settings of another version's: what nobody is shown, nobody removes.
  const unknown = [...own.keys()].filter(
    (name) => isAsked(asked)(name) && !settingOf(settings, name),
  )
  const unknownRow = (name: string) =>
    row(name, undefined, null, false, [{ name, value: null, source }])
  return [...known, ...unknown.map(unknownRow)]
}

function row(
  name: string,
  setting: Setting | undefined,
  value: string | null,
  readOnly: boolean,
  synonyms: readonly DescribedSynonym[],
): DescribedSetting {
  const isSensitive = isSecret(setting)
  return {
    name,
    value: isSensitive ? null : value,
    readOnly,
    configSource: synonyms[0]?.source ?? ConfigSource.DEFAULT_CONFIG,
    isSensitive,
    synonyms,
    configType: setting ? TYPE_NUMBERS[setting.type] : 0,
    documentation: setting ? documentationOf(setting) : null,
  }
}

/** What is unknown may be a secret. */
const isSecret = (setting: Setting | undefined) => !setting || setting.type === 'PASSWORD'

const documentationOf = ({ doc, use }: Setting) =>
  use === 'acted' ? doc : `${doc} Ottla stores it, but does not act on it.`

const isAsked = (asked: AskedNames) => (name: string) =>
  asked === null || asked.length === 0 || asked.includes(name)

/** Kafka's order: layer by layer, in each the synonyms; what comes before the setting itself is left out. */
function brokerSynonymRows(config: BrokerConfig, name: string): readonly DescribedSynonym[] {
  const names = brokerSynonyms(name, true)
  const secret = isSecret(settingOf(brokerSettings, baseName(name)))
  const rows: DescribedSynonym[] = []
  const add = (synonym: string, value: string | null | undefined, source: number) => {
    if (value != null) rows.push({ name: synonym, value: secret ? null : value, source })
  }
  for (const { source, entries } of config.layers) {
    for (const synonym of names) add(synonym, entries.get(synonym), source)
  }
  for (const synonym of names) {
    const setting = settingOf(brokerSettings, synonym)
    if (setting && !setting.onlyDynamic) {
      add(synonym, defaultOf(setting).text, ConfigSource.DEFAULT_CONFIG)
    }
  }
  const first = rows.findIndex((candidate) => candidate.name === name)
  return first < 0 ? [] : rows.slice(first)
}
