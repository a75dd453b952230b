import type { BrokerConfig } from './broker-config.ts'
import { brokerProblems } from './checks.ts'
import { groupConfig, topicConfig } from './inherited.ts'
import { baseName, isListenerName } from './layers.ts'
import {
  brokerSettings,
  clientMetricsSettings,
  groupSettings,
  settingOf,
  topicSettings,
  type GroupSettingName,
} from './registry.ts'
import { defaultOf, parseSetting, type Setting, type Settings } from './setting.ts'

/** What settings belong to. */
export type ResourceKind = 'topic' | 'broker' | 'group' | 'clientMetrics'

/** The one whose settings are to be changed. */
export interface AlteredResource {
  readonly kind: ResourceKind
  /** Of a broker: its id, or '' for the defaults of all brokers. */
  readonly name: string
  /** What is set for it now. */
  readonly current: ReadonlyMap<string, string>
  /** eligible.leader.replicas.version is above 0: min.insync.replicas is then fixed for brokers. */
  readonly eligibleLeaderReplicas?: boolean
}

/** One entry of IncrementalAlterConfigs. */
export interface Alteration {
  readonly name: string
  /** 0 set, 1 delete, 2 append to a list, 3 subtract from a list. */
  readonly configOperation: number
  /** Null only with delete. */
  readonly value: string | null
}

/** The entries to be written, null for those to be removed; or Kafka's error and message. */
export type AlterResult = { readonly ok: true; readonly changes: Changes } | InvalidAlteration
export type Changes = ReadonlyMap<string, string | null>
export interface InvalidAlteration {
  readonly ok: false
  readonly error: 'INVALID_CONFIG' | 'INVALID_REQUEST'
  readonly message: string
}

const invalidConfig = (message: string): InvalidAlteration => ({
  ok: false,
  error: 'INVALID_CONFIG',
  message,
})
const invalidRequest = (message: string): InvalidAlteration => ({
  ok: false,
  error: 'INVALID_REQUEST',
  message,
})

const registries: Readonly<Record<ResourceKind, Settings>> = {
  topic: topicSettings,
  broker: brokerSettings,
  group: groupSettings,
  clientMetrics: clientMetricsSettings,
}
const OPERATIONS = ['SET', 'DELETE', 'APPEND', 'SUBTRACT'] as const

/** Changes single settings of a resource and leaves the others as they are. */
export function alterIncrementally(
  config: BrokerConfig,
  resource: AlteredResource,
  alterations: readonly Alteration[],
): AlterResult {
  const withoutValue = alterations.filter(
    ({ configOperation, value }) => value === null && OPERATIONS[configOperation] !== 'DELETE',
  )
  const refusal = wrongRequest(alterations, withoutValue)
  if (refusal) return refusal
  const changes = new Map<string, string | null>()
  for (const alteration of alterations) {
    const changed = applied(resource, alteration)
    if (typeof changed === 'object' && changed !== null) return changed
    changes.set(alteration.name, changed)
  }
  return validated(config, resource, changes)
}

/** Replaces all settings of a resource: what is not named is removed. */
export function alterWhole(
  config: BrokerConfig,
  resource: AlteredResource,
  entries: readonly { readonly name: string; readonly value: string | null }[],
): AlterResult {
  const refusal = wrongRequest(
    entries,
    entries.filter(({ value }) => value === null),
  )
  if (refusal) return refusal
  const changes = new Map<string, string | null>()
  for (const { name, value } of entries) changes.set(name, value)
  for (const name of resource.current.keys()) if (!changes.has(name)) changes.set(name, null)
  return validated(config, resource, changes)
}

function wrongRequest(
  all: readonly { readonly name: string }[],
  withoutValue: readonly { readonly name: string }[],
): InvalidAlteration | null {
  if (new Set(all.map(({ name }) => name)).size < all.length) {
    return invalidRequest('Error due to duplicate config keys')
  }
  if (withoutValue.length === 0) return null
  const names = withoutValue.map(({ name }) => name).join(', ')
  return invalidRequest(`Null value not supported for : ${names}`)
}

/** The value that an operation leads to. */
function applied(
  { kind, current }: AlteredResource,
  { name, configOperation, value }: Alteration,
): string | null | InvalidAlteration {
  const operation = OPERATIONS[configOperation]
  if (operation === undefined) {
    return invalidRequest(`Unknown operations type ${configOperation}`)
  }
  if (operation === 'SET') return value
  if (operation === 'DELETE') return null
  const setting = settingOf(registries[kind], name)
  const splittable = kind === 'topic' || kind === 'broker'
  if (setting?.type !== 'LIST' || !splittable) return notAList(kind, name, operation, setting)
  const old = current.get(name) ?? defaultOf(setting).text ?? ''
  const parts = old.split(',').filter((part) => part !== '')
  const operands = javaSplit(value!)
  if (operation === 'APPEND') {
    for (const operand of operands) if (!parts.includes(operand)) parts.push(operand)
    return parts.join(',')
  }
  return parts.filter((part) => !operands.includes(part)).join(',')
}

function notAList(
  kind: ResourceKind,
  name: string,
  operation: 'APPEND' | 'SUBTRACT',
  setting: Setting | undefined,
): InvalidAlteration {
  if (kind !== 'broker') {
    return invalidConfig(`Can't ${operation} to key ${name} because its type is not LIST.`)
  }
  if (!setting) return invalidConfig(`Unknown config name: ${name}`)
  const verb = operation.toLowerCase()
  return invalidConfig(`Config value ${verb} is not allowed for config key: ${name}`)
}

/** Java's String.split by commas: without the empty parts at the end. */
function javaSplit(text: string): string[] {
  const parts = text.split(',')
  if (parts.length === 1) return parts
  while (parts.at(-1) === '') parts.pop()
  return parts
}

const MAX_VALUE_LENGTH = 32767

/** Checks all settings that the resource would have, and keeps the changes that change something. */
function validated(
  config: BrokerConfig,
  resource: AlteredResource,
  wanted: ReadonlyMap<string, string | null>,
): AlterResult {
  const after = new Map(resource.current)
  const changes = new Map<string, string | null>()
  for (const [name, value] of wanted) {
    const before = resource.current.get(name) ?? null
    if (before === value && resource.kind !== 'broker') continue
    changes.set(name, value)
    if (value === null) after.delete(name)
    else if (value.length > MAX_VALUE_LENGTH) {
      return invalidConfig(
        `The configuration value cannot be added because it exceeds the maximum value size of ${MAX_VALUE_LENGTH} bytes.`,
      )
    } else after.set(name, value)
  }
  const refusal = validators[resource.kind](config, resource, after, changes)
  return refusal ?? { ok: true, changes }
}

type Validator = (
  config: BrokerConfig,
  resource: AlteredResource,
  after: ReadonlyMap<string, string>,
  changes: Changes,
) => InvalidAlteration | null

const validators: Readonly<Record<ResourceKind, Validator>> = {
  topic: (config, { name }, after) =>
    name === ''
      ? invalidRequest('Default topic resources are not allowed.')
      : validateTopic(config, after),
  broker: validateBroker,
  group: validateGroup,
  clientMetrics: (_config, { name }, after) => validateClientMetrics(name, after),
}

/**
 * Checks the settings of a topic, existing or to be created.
 * @param own - all that would be set for the topic itself
 */
export function validateTopic(
  config: BrokerConfig,
  own: ReadonlyMap<string, string>,
): InvalidAlteration | null {
  const refusal =
    unknownName(topicSettings, own, 'topic', invalidConfig) ?? wrongValue(topicSettings, own)
  if (refusal) return refusal
  const topic = topicConfig(config, own)
  const least = 'min.compaction.lag.ms'
  const most = 'max.compaction.lag.ms'
  if (topic.get(least) > topic.get(most)) {
    return invalidConfig(
      `conflict topic config setting ${least} (${topic.text(least)}) > ${most} (${topic.text(most)})`,
    )
  }
  if (topic.get('remote.storage.enable')) {
    return invalidConfig(
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
    )
  }
  return null
}

function unknownName(
  settings: Settings,
  own: ReadonlyMap<string, string>,
  kind: string,
  refuse: (message: string) => InvalidAlteration,
): InvalidAlteration | null {
  for (const name of own.keys()) {
    if (!settingOf(settings, name)) return refuse(`Unknown ${kind} config name: ${name}`)
  }
  return null
}

function wrongValue(
  settings: Settings,
  own: ReadonlyMap<string, string>,
): InvalidAlteration | null {
  for (const [name, setting] of Object.entries(settings)) {
    const raw = own.get(name)
    if (raw === undefined) continue
    const parsed = parseSetting(name, setting, raw)
    if (!parsed.ok) return invalidConfig(parsed.message)
  }
  return null
}

/** Settings of TLS that can change at run time only for a listener each. */
const PER_LISTENER = [
  'ssl.keystore.type',
  'ssl.keystore.location',
  'ssl.keystore.password',
  'ssl.key.password',
  'ssl.truststore.type',
  'ssl.truststore.location',
  'ssl.truststore.password',
  'ssl.keystore.certificate.chain',
  'ssl.keystore.key',
  'ssl.truststore.certificates',
]

/**
 * Kafka answers a wrong dynamic setting of a broker with INVALID_REQUEST. A name that no setting has is taken: plug-ins have
 * settings of their own, and one that stands in a directory already must not keep the others from being changed.
 */
function validateBroker(
  config: BrokerConfig,
  { name: resourceName, eligibleLeaderReplicas = false }: AlteredResource,
  after: ReadonlyMap<string, string>,
  changes: Changes,
): InvalidAlteration | null {
  const wrongName = wrongBrokerName(resourceName)
  if (wrongName) return wrongName
  const names = [...after.keys()]
  const refusal = refuseNames(
    'Cannot update these configs dynamically',
    names.filter((name) => {
      const setting = settingOf(brokerSettings, name)
      return setting !== undefined && setting.dynamic === undefined
    }),
  )
  const security = names.filter((name) => PER_LISTENER.includes(name))
  return (
    refusal ??
    refuseNames(
      'These security configs can be dynamically updated only per-listener using the listener prefix',
      security,
    ) ??
    wrongBrokerValue(after) ??
    (resourceName === '' ? refusePerBroker(names) : null) ??
    refuseTogether(config, resourceName, after) ??
    (eligibleLeaderReplicas ? refuseMinInsyncReplicas(resourceName, changes) : null)
  )
}

function wrongBrokerName(name: string): InvalidAlteration | null {
  if (name === '') return null
  if (!/^[+-]?\d+$/.test(name)) {
    return invalidRequest('Unable to parse broker name as a base 10 number.')
  }
  return Number(name) < 0 ? invalidRequest('Invalid negative broker ID.') : null
}

function refuseNames(message: string, names: readonly string[]): InvalidAlteration | null {
  return names.length === 0 ? null : invalidRequest(`${message}: [${names.join(', ')}]`)
}

function wrongBrokerValue(after: ReadonlyMap<string, string>): InvalidAlteration | null {
  for (const [name, raw] of after) {
    const base = baseName(name)
    const setting = settingOf(brokerSettings, base)
    if (setting === undefined) continue
    const parsed = parseSetting(base, setting, raw)
    if (!parsed.ok) return invalidRequest(parsed.message)
  }
  return null
}

function refusePerBroker(names: readonly string[]): InvalidAlteration | null {
  const perBroker = names.filter((name) =>
    isListenerName(name)
      ? settingOf(brokerSettings, baseName(name))?.dynamic !== 'cluster'
      : settingOf(brokerSettings, name)?.dynamic === 'broker',
  )
  return refuseNames(
    'Cannot update these configs at default cluster level, broker id must be specified',
    perBroker,
  )
}

/** Checks what the broker's settings would be together. Those of another broker are not known here. */
function refuseTogether(
  config: BrokerConfig,
  resourceName: string,
  after: ReadonlyMap<string, string>,
): InvalidAlteration | null {
  if (resourceName !== '' && Number(resourceName) !== config.get('node.id')) return null
  const dynamic = resourceName === '' ? { cluster: after } : { broker: after }
  const [problem] = brokerProblems(config.preview({ ...config.dynamic, ...dynamic }))
  return problem === undefined ? null : invalidRequest(problem)
}

function refuseMinInsyncReplicas(resourceName: string, changes: Changes): InvalidAlteration | null {
  const change = changes.get('min.insync.replicas')
  if (change === undefined) return null
  if (resourceName !== '') {
    return invalidConfig('Broker-level min.insync.replicas cannot be altered while ELR is enabled.')
  }
  if (change !== null) return null
  return invalidConfig('Cluster-level min.insync.replicas cannot be removed while ELR is enabled.')
}

/** Settings of a group that must lie between two of the broker, or above or below one, as Kafka goes through them. */
const GROUP_LIMITS: readonly GroupSettingName[] = [
  'consumer.heartbeat.interval.ms',
  'consumer.session.timeout.ms',
  'consumer.assignment.interval.ms',
  'share.heartbeat.interval.ms',
  'share.session.timeout.ms',
  'share.record.lock.duration.ms',
  'share.delivery.count.limit',
  'share.partition.max.record.locks',
  'share.assignment.interval.ms',
  'streams.heartbeat.interval.ms',
  'streams.session.timeout.ms',
  'streams.num.standby.replicas',
  'streams.assignment.interval.ms',
  'streams.task.offset.interval.ms',
  'streams.num.warmup.replicas',
]
const ASSIGNOR = 'streams.assignor.name'
const DEAD_LETTERS = 'errors.deadletterqueue.topic.name'
/** What internal topics begin with. */
const INTERNAL_PREFIX = '__'

/** Only what is set for the group itself is held against the broker's limits, which may have changed since. */
function validateGroup(
  config: BrokerConfig,
  { name: groupId }: AlteredResource,
  own: ReadonlyMap<string, string>,
): InvalidAlteration | null {
  if (groupId === '') return invalidRequest('Default group resources are not allowed.')
  const refusal =
    unknownName(groupSettings, own, 'group', invalidConfig) ?? wrongValue(groupSettings, own)
  if (refusal) return refusal
  const group = groupConfig(config, own)
  for (const name of GROUP_LIMITS) {
    const problem = own.has(name) ? outsideLimits(config, name, group.get(name) as number) : null
    if (problem !== null) return invalidConfig(problem)
  }
  const assignor = group.get(ASSIGNOR)
  const assignors = config.get('group.streams.assignors')
  if (own.has(ASSIGNOR) && !assignors.includes(assignor!)) {
    return invalidConfig(
      `${ASSIGNOR} '${assignor}' is not a registered task assignor. Registered assignors are: [${assignors.join(', ')}].`,
    )
  }
  for (const kind of ['consumer', 'share', 'streams'] as const) {
    const session = `${kind}.session.timeout.ms` as const
    const heartbeat = `${kind}.heartbeat.interval.ms` as const
    if (!own.has(session) && !own.has(heartbeat)) continue
    if (group.get(session) <= group.get(heartbeat)) {
      return invalidConfig(`${session} must be greater than ${heartbeat}`)
    }
  }
  if (!group.get(DEAD_LETTERS).startsWith(INTERNAL_PREFIX)) return null
  return invalidConfig(`${DEAD_LETTERS}: DLQ topic name must not start with '${INTERNAL_PREFIX}'`)
}

/** What is wrong with a value that isn't within the limits that the broker has for a setting of groups. */
function outsideLimits(config: BrokerConfig, name: string, value: number): string | null {
  const least = limitOf(config, name, 'min')
  const most = limitOf(config, name, 'max')
  if (value >= (least ?? -Infinity) && value <= (most ?? Infinity)) return null
  if (least === undefined) return `${name} must be less than or equal to ${most}`
  if (most === undefined) return `${name} must be greater than or equal to ${least}`
  return `${name} must be in the range ${least} to ${most} inclusive.`
}

/** group.consumer.min.session.timeout.ms for consumer.session.timeout.ms; undefined where there is no such setting. */
function limitOf(config: BrokerConfig, name: string, limit: 'min' | 'max'): number | undefined {
  const [kind, ...rest] = name.replace(/num\.(?=standby|warmup)/, '').split('.')
  const setting = ['group', kind, limit, ...rest].join('.')
  return setting in brokerSettings ? (config.parsed(setting).value as number) : undefined
}

const MATCHED = [
  'client_instance_id',
  'client_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
]

function validateClientMetrics(
  name: string,
  own: ReadonlyMap<string, string>,
): InvalidAlteration | null {
  if (name === '') return invalidRequest("Subscription name can't be empty")
  const unknown = [...own.keys()].find((key) => !settingOf(clientMetricsSettings, key))
  if (unknown !== undefined) {
    return invalidRequest(`Unknown client metrics configuration: ${unknown}`)
  }
  const refusal = wrongValue(clientMetricsSettings, own)
  if (refusal) return refusal
  const intervalMs = Number(own.get('interval.ms') ?? clientMetricsSettings['interval.ms'].default)
  if (intervalMs < 100 || intervalMs > 3_600_000) {
    return invalidRequest(
      `Invalid value ${intervalMs} for interval.ms, interval must be between 100 and 3600000 (1 hour)`,
    )
  }
  const match = parseSetting('match', clientMetricsSettings.match, own.get('match') ?? '')
  const patterns = match.ok ? (match.value as readonly string[]) : []
  const wrong = patterns.find((pattern) => !isMatchPattern(pattern))
  return wrong === undefined ? null : invalidConfig(`Illegal client matching pattern: ${wrong}`)
}

function isMatchPattern(pattern: string): boolean {
  const parts = pattern.split('=')
  if (parts.length !== 2 || parts[1] === '' || !MATCHED.includes(parts[0]!.trim())) return false
  try {
    new RegExp(parts[1]!.trim(), 'u')
    return true
  } catch {
    return false
  }
}
