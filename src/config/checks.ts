import { ListenerError, resolveListeners, type BrokerView } from './listeners.ts'
import type { BrokerSettingName, BrokerValue } from './registry.ts'
import { HOUR_MS, MINUTE_MS, MiB } from './setting.ts'

/** [KIP-392] The only class that `replica.selector.class` may name: clients are sent to replicas in their rack. */
const RACK_AWARE_SELECTOR = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'

const DEFAULT_PRINCIPAL_BUILDER =
  'org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder'

/**
 * What is wrong with values that are right one by one, in Kafka's words.
 * @returns one message for each rule that is broken
 */
export function brokerProblems(view: BrokerView): string[] {
  const problems: string[] = []
  const require: Require = (holds, message) => {
    if (!holds) problems.push(`requirement failed: ${message}`)
  }
  if (view.get('node.id') !== view.get('broker.id')) {
    problems.push('You must set `node.id` to the same value as `broker.id`.')
  }
  checkLogs(view, require)
  checkRequests(view, require)
  checkQuorum(view, require)
  checkGroups(view, (holds, message) => {
    if (!holds) problems.push(message)
  })
  problems.push(...unkeptPromises(view))
  const overrides = addressLimits(view.get('max.connections.per.ip.overrides'))
  if (overrides === null) {
    problems.push(
      "Error parsing configuration property 'max.connections.per.ip.overrides': expected host:count,host:count",
    )
  }
  try {
    resolveListeners(view)
  } catch (error) {
    if (!(error instanceof ListenerError)) throw error
    problems.push(error.message)
  }
  return problems
}

/**
 * Settings that would forbid something or hide it, and that nothing here acts upon: a node that ignored them would be more
 * open than its operator believes.
 */
function unkeptPromises(view: BrokerView): string[] {
  const problems: string[] = []
  const refuse = (name: string, value: string | null, instead: string) => {
    if (value === null || value === '') return
    problems.push(
      `${name} asks for ${value}, but Ottla has ${instead}. Remove the setting to start nevertheless.`,
    )
  }
  const builder = view.get('principal.builder.class')
  refuse(
    'principal.builder.class',
    builder === DEFAULT_PRINCIPAL_BUILDER ? null : builder,
    'no such plug-ins: clients would have other names than you expect',
  )
  for (const [name, what] of [
    ['create.topic.policy.class.name', 'topics'],
    ['alter.config.policy.class.name', 'changes of settings'],
  ] as const) {
    refuse(name, view.get(name), `no such plug-ins: all ${what} would be allowed`)
  }
  refuse(
    'client.quota.callback.class',
    view.get('client.quota.callback.class'),
    'no such plug-ins: clients would have other quotas than you expect',
  )
  refuse(
    'config.providers',
    view.get('config.providers').join(','),
    'no such plug-ins: ${...} in values would be taken as it is written',
  )
  const selector = view.get('replica.selector.class')
  refuse(
    'replica.selector.class',
    selector === RACK_AWARE_SELECTOR ? null : selector,
    `no such plug-ins, and of its own only ${RACK_AWARE_SELECTOR}`,
  )
  return problems
}

type Require = (holds: boolean, message: string) => void
type NumericName = {
  [Name in BrokerSettingName]: BrokerValue<Name> extends number ? Name : never
}[BrokerSettingName]

function checkLogs(view: BrokerView, require: Require): void {
  const rollMs = view.get('log.roll.ms') ?? view.get('log.roll.hours') * HOUR_MS
  require(rollMs >= 1, 'log.roll.ms must be greater than or equal to 1')
  const jitterMs = view.get('log.roll.jitter.ms') ?? view.get('log.roll.jitter.hours') * HOUR_MS
  require(jitterMs >= 0, 'log.roll.jitter.ms must be greater than or equal to 0')
  const minutes = view.get('log.retention.minutes')
  const retentionMs =
    view.get('log.retention.ms') ??
    (minutes === null ? view.get('log.retention.hours') * HOUR_MS : minutes * MINUTE_MS)
  require(retentionMs !==
    0, 'log.retention.ms must be unlimited (-1) or, greater than or equal to 1')
  const threads = view.get('log.cleaner.threads')
  require(Math.trunc(view.get('log.cleaner.dedupe.buffer.size') / threads) >
    MiB, 'log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.')
  const directories = view.get('log.dirs') ?? view.get('log.dir')
  const cordoned = view.get('cordoned.log.dirs')
  const areAll = cordoned.includes('*')
  require(!areAll ||
    cordoned.length === 1, 'When cordoned.log.dirs is set to *, it must not contain other values')
  const foreign = areAll ? [] : cordoned.filter((directory) => !directories.includes(directory))
  require(foreign.length ===
    0, `All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : ${foreign.join(', ')}`)
}

function checkRequests(view: BrokerView, require: Require): void {
  const waitMs = view.get('replica.fetch.wait.max.ms')
  require(waitMs <=
    view.get(
      'replica.socket.timeout.ms',
    ), 'replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary socket timeouts')
  require(waitMs <=
    view.get(
      'replica.lag.time.max.ms',
    ), 'replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent changes in ISR')
  const queuedBytes = view.get('queued.max.request.bytes')
  require(queuedBytes <= 0 ||
    queuedBytes >=
      view.get(
        'socket.request.max.bytes',
      ), 'queued.max.request.bytes must be larger or equal to socket.request.max.bytes')
  require(view.get('max.connections.per.ip') !== 0 ||
    view.get('max.connections.per.ip.overrides') !==
      '', 'max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.')
  const idleMs = view.get('connections.max.idle.ms')
  const delayMs = view.get('connection.failed.authentication.delay.ms')
  require(idleMs < 0 ||
    delayMs <
      idleMs, `connection.failed.authentication.delay.ms=${delayMs} should always be less than connections.max.idle.ms=${idleMs} to prevent failed authentication responses from timing out`)
}

function checkQuorum(view: BrokerView, require: Require): void {
  const voters = view.get('controller.quorum.voters')
  if (voters.length === 0) return
  const ids = voters.map((voter) => Number(voter.split('@')[0]))
  const nodeId = view.get('node.id')
  const shown = `controller.quorum.voters=Set(${ids.join(', ')})`
  if (view.get('process.roles').includes('controller')) {
    require(ids.includes(
      nodeId,
    ), `If process.roles contains the 'controller' role, the node id ${nodeId} must be included in the set of voters ${shown}`)
  } else {
    require(!ids.includes(
      nodeId,
    ), `If process.roles contains just the 'broker' role, the node id ${nodeId} must not be included in the set of voters ${shown}`)
  }
}

function checkGroups(view: BrokerView, require: Require): void {
  const atLeast = (left: NumericName, right: NumericName) =>
    require(view.get(left) >= view.get(right), `${left} must be greater than or equal to ${right}`)
  const atMost = (left: NumericName, right: NumericName) =>
    require(view.get(left) <= view.get(right), `${left} must be less than or equal to ${right}`)
  for (const kind of ['consumer', 'share', 'streams'] as const) {
    const limits = [
      'heartbeat.interval.ms',
      'session.timeout.ms',
      'assignment.interval.ms',
    ] as const
    for (const limit of limits) {
      atLeast(`group.${kind}.max.${limit}`, `group.${kind}.min.${limit}`)
      atLeast(`group.${kind}.${limit}`, `group.${kind}.min.${limit}`)
      atMost(`group.${kind}.${limit}`, `group.${kind}.max.${limit}`)
    }
    const heartbeat = `group.${kind}.heartbeat.interval.ms` as const
    const session = `group.${kind}.session.timeout.ms` as const
    require(view.get(heartbeat) < view.get(session), `${heartbeat} must be less than ${session}`)
  }
  atMost('group.streams.num.standby.replicas', 'group.streams.max.standby.replicas')
  const shares = [
    'delivery.count.limit',
    'partition.max.record.locks',
    'record.lock.duration.ms',
  ] as const
  for (const limit of shares) {
    atLeast(`group.share.max.${limit}`, `group.share.${limit}`)
    atLeast(`group.share.${limit}`, `group.share.min.${limit}`)
  }
  atLeast('group.share.max.share.sessions', 'group.share.max.size')
}

/**
 * Reads max.connections.per.ip.overrides.
 * @returns limits by host name or address; null if it has another form
 */
export function addressLimits(text: string): ReadonlyMap<string, number> | null {
  const limits = new Map<string, number>()
  for (const pair of text.split(',')) {
    if (pair.trim() === '') continue
    const parts = /^\s*(.+?)\s*:\s*(\d+)\s*$/.exec(pair)
    if (!parts) return null
    limits.set(parts[1]!, Number(parts[2]))
  }
  return limits
}
