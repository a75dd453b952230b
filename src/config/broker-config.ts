import { groupConfig, topicConfig, type GroupConfig, type TopicConfig } from './inherited.ts'
import { ALLOW_EVERYONE, SUPER_USERS, authorizerProblems, hasAuthorizer } from './authorizer.ts'
import { brokerProblems } from './checks.ts'
import {
  baseName,
  ConfigError,
  joinLayers,
  singleNodeDefaults,
  type ConfigSources,
} from './layers.ts'
import { isPlugInSetting } from './plug-ins.ts'
import { resolveListeners, type BrokerView, type Listeners } from './listeners.ts'
import { brokerSettings, settingOf, type BrokerSettingName, type BrokerValue } from './registry.ts'
import { defaultOf, parseSetting, type Parsed } from './setting.ts'
import { brokerSynonyms } from './synonyms.ts'

/** The sets of entries that a broker's values come from, the strongest first, with Kafka's numbers of ConfigSource. */
export interface BrokerLayer {
  readonly source: 2 | 3 | 4
  readonly entries: ReadonlyMap<string, string>
}

/** The dynamic entries of the whole cluster (the broker resource without name) and of one broker. */
export interface DynamicEntries {
  readonly cluster: ReadonlyMap<string, string>
  readonly broker: ReadonlyMap<string, string>
}

const NONE: ReadonlyMap<string, string> = new Map()

/**
 * The settings of one broker: those it was started with, and above them the dynamic ones, which the metadata log brings.
 * The values that `get` gives are always the current ones.
 */
export class BrokerConfig implements BrokerView {
  /** What the node was started with. */
  readonly staticEntries: ReadonlyMap<string, string>
  /** Names in the file or environment that no setting has; for a log line. */
  readonly unknown: readonly string[]
  /** CLUSTER_ID of the environment: the id that a new cluster gets. */
  readonly clusterId: string | null
  /** Where the node listens; dynamic settings don't change it. */
  readonly listeners: Listeners
  #clusterEntries = NONE
  #brokerEntries = NONE
  #values: Map<string, Parsed>
  #listeners = new Set<(changed: ReadonlySet<string>) => void>()
  #fileReaders = new Set<() => void>()

  /** @throws ConfigError when a value is wrong or missing. */
  constructor(sources: ConfigSources) {
    const { entries, unknown } = joinLayers(sources)
    this.staticEntries = entries
    this.unknown = unknown
    this.clusterId = sources.environment?.['CLUSTER_ID']?.trim() || null
    this.#values = resolve(entries)
    const problems = [...brokerProblems(this), ...authorizerProblems(this)]
    if (problems.length > 0) throw new ConfigError(problems)
    this.listeners = resolveListeners(this)
  }

  /** The current value of a setting. */
  get<Name extends BrokerSettingName>(name: Name): BrokerValue<Name> {
    const found = this.#values.get(name)
    return (found ? found.value : brokerSettings[name].default) as BrokerValue<Name>
  }

  /** The value for one listener: listener.name.NAME.SETTING where it is set, else the setting itself. */
  getForListener<Name extends BrokerSettingName>(listener: string, name: Name): BrokerValue<Name> {
    const own = this.#values.get(`listener.name.${listener.toLowerCase()}.${name}`)
    return (own ?? this.parsed(name)).value as BrokerValue<Name>
  }

  /** A value in both forms, by a name that may have a listener's prefix. */
  parsed(name: string): Parsed {
    const found = this.#values.get(name)
    if (found) return found
    const setting = settingOf(brokerSettings, baseName(name))
    return setting ? defaultOf(setting) : { value: null, text: null }
  }

  isSet(name: string): boolean {
    return this.#values.has(name)
  }

  /** The values as they would be with other dynamic entries. */
  preview(dynamic: DynamicEntries): BrokerView {
    const values = resolve(this.staticEntries, dynamic.cluster, dynamic.broker)
    return {
      get: (name) => (values.get(name) ?? defaultOf(brokerSettings[name])).value as never,
      isSet: (name) => values.has(name),
    }
  }

  /** The dynamic entries that are in force. */
  get dynamic(): DynamicEntries {
    return { cluster: this.#clusterEntries, broker: this.#brokerEntries }
  }

  /** The entries, the strongest first. */
  get layers(): readonly BrokerLayer[] {
    return [
      { source: 2, entries: this.#brokerEntries },
      { source: 3, entries: this.#clusterEntries },
      { source: 4, entries: this.staticEntries },
    ]
  }

  /**
   * Replaces the dynamic entries.
   * @returns why entries were left out; for a log line.
   */
  updateDynamic(dynamic: DynamicEntries): readonly string[] {
    const ignored: string[] = []
    this.#clusterEntries = usable(dynamic.cluster, 'cluster', ignored)
    this.#brokerEntries = usable(dynamic.broker, 'broker', ignored)
    const before = this.#values
    const values = resolve(this.staticEntries, this.#clusterEntries, this.#brokerEntries)
    this.#values = values
    const changed = new Set<string>()
    for (const name of new Set([...before.keys(), ...values.keys()])) {
      const old = before.get(name)?.text ?? this.#defaultText(name)
      if (old !== this.parsed(name).text) changed.add(name)
    }
    if (changed.size > 0) for (const listener of this.#listeners) listener(changed)
    return ignored
  }

  /** Calls back with the names of the settings whose values a dynamic update changed. Returns how to end it. */
  onChange(listener: (changed: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Calls back when the files that settings name may have been replaced under their names. */
  onFilesReplaced(reader: () => void): void {
    this.#fileReaders.add(reader)
  }

  /** Has those who read files by the settings look whether these are still the same. */
  filesReplaced(): void {
    for (const reader of this.#fileReaders) reader()
  }

  /** The settings of a topic with these settings of its own, as of now. */
  topic(own?: ReadonlyMap<string, string>): TopicConfig {
    return topicConfig(this, own)
  }

  /** The settings of a group with these settings of its own, as of now. */
  group(own?: ReadonlyMap<string, string>): GroupConfig {
    return groupConfig(this, own)
  }

  /** The directories of the logs: log.dirs, else log.dir. */
  get logDirectories(): readonly string[] {
    return this.get('log.dirs') ?? this.get('log.dir')
  }

  /** [KIP-1066] Those of them that are to get no new replicas. */
  get cordonedDirectories(): readonly string[] {
    const named = this.get('cordoned.log.dirs')
    return named.includes('*') ? this.logDirectories : named
  }

  /** Settings that were given at the start, differ from their default, and change nothing; for a log line. */
  get notActedUpon(): string[] {
    return Array.from(this.staticEntries).flatMap(([name, text]) => {
      // What we set ourselves for a node of its own is nobody's wish.
      if (singleNodeDefaults[name] === text) return []
      const setting = settingOf(brokerSettings, baseName(name))
      const isIgnored = setting
        ? setting.use === 'stored' && this.parsed(name).text !== defaultOf(setting).text
        : isPlugInSetting(name, this.staticEntries) && !this.#isActedUpon(name)
      return isIgnored ? [name] : []
    })
  }

  #isActedUpon(name: string): boolean {
    return (name === SUPER_USERS || name === ALLOW_EVERYONE) && hasAuthorizer(this)
  }

  #defaultText(name: string): string | null {
    const setting = settingOf(brokerSettings, baseName(name))
    return setting ? defaultOf(setting).text : null
  }
}

/**
 * Lays entries over each other, the strongest last. A setting replaces its synonyms too: a dynamic log.retention.ms takes
 * the place of log.retention.hours in the file.
 */
export function overlay(...layers: readonly ReadonlyMap<string, string>[]): Map<string, string> {
  const entries = new Map(layers[0])
  for (const layer of layers.slice(1)) {
    for (const [name, value] of layer) {
      for (const synonym of brokerSynonyms(name, false)) entries.delete(synonym)
      entries.set(name, value)
    }
  }
  return entries
}

function resolve(...layers: readonly ReadonlyMap<string, string>[]): Map<string, Parsed> {
  const values = new Map<string, Parsed>()
  for (const [name, raw] of overlay(...layers)) {
    const setting = settingOf(brokerSettings, baseName(name))
    const result = setting ? parseSetting(name, setting, raw) : null
    if (result?.ok) values.set(name, result)
  }
  return values
}

/** The entries that can be used, and why the others can't. */
function usable(
  entries: ReadonlyMap<string, string>,
  scope: 'cluster' | 'broker',
  ignored: string[],
): ReadonlyMap<string, string> {
  const result = new Map<string, string>()
  for (const [name, value] of entries) {
    const setting = settingOf(brokerSettings, baseName(name))
    const parsed = setting ? parseSetting(name, setting, value) : null
    // It is a plug-in's, for all that is known: it is kept and described, and changes nothing.
    if (!setting) result.set(name, value)
    else if (!parsed?.ok) ignored.push(parsed!.message)
    else if (!setting.dynamic && baseName(name) === name) ignored.push(`${name} is not dynamic`)
    else if (scope === 'cluster' && setting.dynamic === 'broker') {
      ignored.push(`${name} can be set only for one broker`)
    } else result.set(name, value)
  }
  return result
}
