import { defaultOf, parseSetting, textOf, type Parsed, type Settings } from './setting.ts'
import {
  groupSettings,
  settingOf,
  topicSettings,
  type GroupSettingName,
  type GroupValue,
  type TopicSettingName,
  type TopicValue,
} from './registry.ts'

/** The broker's values, as far as topics and groups need them. */
export interface BrokerValues {
  /** A value by name, in both forms. */
  parsed(name: string): Parsed
}

/** The settings of one topic or group: its own, and beneath them those of the broker. A snapshot: it never changes. */
export interface InheritedConfig<Name extends string, Values> {
  get<N extends Name>(name: N): N extends keyof Values ? Values[N] : never
  /** As Kafka shows it. */
  text(name: Name): string | null
  /** What was set for the topic or group itself, by name; only what is valid. */
  readonly own: ReadonlyMap<string, Parsed>
  /** Why settings of its own don't count: unknown names and wrong values. */
  readonly ignored: readonly string[]
}

export type TopicConfig = InheritedConfig<
  TopicSettingName,
  { [N in TopicSettingName]: TopicValue<N> }
>
export type GroupConfig = InheritedConfig<
  GroupSettingName,
  { [N in GroupSettingName]: GroupValue<N> }
>

/** The settings of a topic with these settings of its own. */
export function topicConfig(
  broker: BrokerValues,
  own: ReadonlyMap<string, string> = new Map(),
): TopicConfig {
  return inheritedConfig(topicSettings, broker, own)
}

/** The settings of a group with these settings of its own. */
export function groupConfig(
  broker: BrokerValues,
  own: ReadonlyMap<string, string> = new Map(),
): GroupConfig {
  return inheritedConfig(groupSettings, broker, own)
}

export function inheritedConfig<Name extends string, Values>(
  settings: Settings,
  broker: BrokerValues,
  given: ReadonlyMap<string, string>,
): InheritedConfig<Name, Values> {
  const own = new Map<string, Parsed>()
  const ignored: string[] = []
  for (const [name, raw] of given) {
    const setting = settingOf(settings, name)
    const result = setting ? parseSetting(name, setting, raw) : null
    if (result?.ok) own.set(name, result)
    else ignored.push(result?.message ?? `Unknown config name: ${name}`)
  }
  const parsed = (name: string) => own.get(name) ?? inheritedValue(settings, name, broker)
  return {
    get: (name) => parsed(name).value as never,
    text: (name) => parsed(name).text,
    own,
    ignored,
  }
}

/** What a topic or group gets where it sets nothing itself: the first of the broker's synonyms that has a value. */
function inheritedValue(settings: Settings, name: string, broker: BrokerValues): Parsed {
  const setting = settings[name]!
  for (const [synonym, factor] of Object.entries(setting.synonyms ?? {})) {
    const found = broker.parsed(synonym)
    if (found.value === null) continue
    if (name === 'retention.ms' && (found.value as number) < 0) return { value: -1, text: '-1' }
    if (setting.type === 'STRING' && Array.isArray(found.value)) {
      // A group has one of the broker's assignors: the first, where it names none.
      const first = (found.value as readonly string[])[0] ?? null
      return { value: first, text: first }
    }
    if (factor === 1) return found
    const value = (found.value as number) * factor
    return { value, text: textOf(setting.type, value) }
  }
  return defaultOf(setting)
}
