import { settingsOfEnvironment } from './environment.ts'
import { isPlugInSetting } from './plug-ins.ts'
import { parseProperties } from './properties.ts'
import { brokerSettings, settingOf } from './registry.ts'
import { parseSetting } from './setting.ts'

/**
 * A start-up that the settings don't allow. The message names every cause, and where it stands.
 */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(
      problems.length === 1 ? problems[0] : `${problems.length} settings:\n${problems.join('\n')}`,
    )
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** Where a node's settings come from, the weakest first. */
export interface ConfigSources {
  /** A server.properties file. */
  readonly file?: { readonly path: string; readonly text: string }
  /** Environment variables; KAFKA_* are settings, CLUSTER_ID the id to format with. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** By name, from a program that starts a broker. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /** `name=value`, from the command line. */
  readonly set?: readonly string[]
}

/**
 * What makes a node without any file a cluster of its own. They apply only while nothing says that the node belongs to a
 * quorum. Data goes below the working directory, where whoever started it finds it.
 */
export const singleNodeDefaults: Readonly<Record<string, string>> = {
  'node.id': '1',
  'process.roles': 'broker,controller',
  listeners: 'PLAINTEXT://localhost:9092',
  'controller.listener.names': 'CONTROLLER',
  'log.dirs': 'data',
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
}
const QUORUM_SETTINGS = [
  'process.roles',
  'controller.quorum.voters',
  'controller.quorum.bootstrap.servers',
]

export interface StaticLayers {
  /** The settings of all sources, the strongest having won. */
  readonly entries: ReadonlyMap<string, string>
  /** Names, with their source, that no setting has. Apache Kafka hands them to plug-ins and says nothing. */
  readonly unknown: readonly string[]
}

/**
 * Joins the sources. A wrong value is an error wherever it stands; an unknown name is one where a person or
 * program has just written it.
 * @throws ConfigError
 */
export function joinLayers(sources: ConfigSources): StaticLayers {
  const problems: string[] = []
  const { file } = sources
  const entries = new Map<string, string>()
  const origins = new Map<string, string>()
  for (const layer of readLayers(sources, problems)) {
    for (const [name, value] of layer.entries) {
      entries.set(name, value)
      origins.set(name, layer.origin)
    }
  }
  if (!file && !QUORUM_SETTINGS.some((name) => entries.has(name))) addSingleNodeDefaults(entries)
  addNodeIdSynonym(entries)
  const unknown: string[] = []
  for (const [name, value] of entries) {
    const origin = origins.get(name) ?? 'the defaults'
    const setting = settingOf(brokerSettings, baseName(name))
    if (!setting && isPlugInSetting(name, entries)) continue
    if (!setting || setting.onlyDynamic) {
      if (STRICT.includes(origin)) {
        problems.push(`Unknown setting ${name} in ${origin}.${suggest(name)}`)
      } else unknown.push(`${name} (from ${origin})`)
      continue
    }
    const parsed = parseSetting(name, setting, value)
    if (!parsed.ok) problems.push(`${parsed.message} (from ${origin})`)
  }
  addMissing(entries, file?.path, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return { entries, unknown }
}

/** A setting may be given for one listener: listener.name.NAME.SETTING. */
const LISTENER_PREFIX = /^listener\.name\.[^.]*\.(.*)$/
/** Settings of one mechanism of one listener have the mechanism before their name. */
const OF_MECHANISM = [
  'sasl.jaas.config',
  'sasl.login.callback.handler.class',
  'sasl.login.class',
  'sasl.server.callback.handler.class',
  'connections.max.reauth.ms',
]
/** Those of OAUTHBEARER may have its name before theirs, too. */
const OAUTHBEARER_PREFIX = /^oauthbearer\.(sasl\.oauthbearer\..*)$/

const COMMAND_LINE = '--set'
const CALLER = "the caller's settings"
/** Where an unknown name is a mistake: nobody keeps settings of other programs there. */
const STRICT = [COMMAND_LINE, CALLER]

interface Layer {
  readonly origin: string
  readonly entries: ReadonlyMap<string, string>
}

function readLayers(sources: ConfigSources, problems: string[]): Layer[] {
  const { file, environment, settings = {}, set = [] } = sources
  const layers: Layer[] = []
  if (file) layers.push({ origin: file.path, entries: readFile(file, problems) })
  if (environment) {
    layers.push({ origin: 'the environment', entries: settingsOfEnvironment(environment) })
  }
  const given = Object.entries(settings).map(([name, value]) => [name, String(value)] as const)
  layers.push({ origin: CALLER, entries: new Map(given) })
  layers.push({ origin: COMMAND_LINE, entries: readAssignments(set, problems) })
  return layers
}

/** Whether a name has the prefix of a listener. */
export const isListenerName = (name: string): boolean => LISTENER_PREFIX.test(name)

/** The name without the prefix of a listener and its mechanism. */
export function baseName(name: string): string {
  const base = LISTENER_PREFIX.exec(name)?.[1]
  if (base === undefined) return name
  const ofMechanism = OAUTHBEARER_PREFIX.exec(base)?.[1]
  return ofMechanism ?? OF_MECHANISM.find((setting) => base.endsWith(setting)) ?? base
}

function readFile({ path, text }: { path: string; text: string }, problems: string[]) {
  try {
    return parseProperties(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    problems.push(`${path} is not a properties file: ${error.message}`)
    return new Map<string, string>()
  }
}

function readAssignments(assignments: readonly string[], problems: string[]) {
  const entries = new Map<string, string>()
  for (const [index, assignment] of assignments.entries()) {
    const equals = assignment.indexOf('=')
    if (equals < 1) problems.push(`--set ${named(assignment, index)}: expected name=value.`)
    else entries.set(assignment.slice(0, equals).trim(), assignment.slice(equals + 1))
  }
  return entries
}

/** What has no equals sign may be a secret, whole or behind a colon, say: only the name of a setting is told of it. */
function named(text: string, index: number): string {
  const name = /^[\w.-]*/.exec(text)![0]
  if (settingOf(brokerSettings, name) !== undefined) return name
  return `number ${index + 1}, which may have a secret in it`
}

function addSingleNodeDefaults(entries: Map<string, string>): void {
  const named = entries.has('broker.id') ? 'node.id' : entries.has('log.dir') ? 'log.dirs' : ''
  for (const [name, value] of Object.entries(singleNodeDefaults)) {
    if (!entries.has(name) && name !== named) entries.set(name, value)
  }
}

function addNodeIdSynonym(entries: Map<string, string>): void {
  const nodeId = entries.get('node.id')
  const brokerId = entries.get('broker.id')
  if (brokerId === undefined && nodeId !== undefined) entries.set('broker.id', nodeId)
  if (nodeId === undefined && brokerId !== undefined) entries.set('node.id', brokerId)
}

function addMissing(
  entries: ReadonlyMap<string, string>,
  path: string | undefined,
  problems: string[],
): void {
  for (const [name, setting] of Object.entries(brokerSettings)) {
    if (!setting.required || entries.has(name)) continue
    const where = path ? `Add it to ${path} or give it` : 'Give it'
    problems.push(
      `Missing required configuration "${name}" which has no default value. ${where} with --set ${name}=VALUE.`,
    )
  }
}

/** A known name that differs in few characters, for people who mistyped. */
function suggest(name: string): string {
  let best = ''
  let bestDistance = 4
  for (const known of Object.keys(brokerSettings)) {
    const distance = editDistance(name, known, bestDistance)
    if (distance < bestDistance) {
      best = known
      bestDistance = distance
    }
  }
  return best === '' ? '' : ` Did you mean ${best}?`
}

/** Levenshtein's distance, or `limit` when it is at least that. */
function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) >= limit) return limit
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1] ? 0 : 1
      current.push(
        Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + same),
      )
    }
    previous = current
  }
  return previous[right.length]!
}
