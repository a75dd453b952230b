import type { BrokerView } from './listeners.ts'

/** The only authorizer that there is, by the name of Kafka's class and by its own. */
const STANDARD = ['org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'standard']

/** What it is told beside its name; no ConfigDef of Kafka has these settings. */
export const SUPER_USERS = 'super.users'
export const ALLOW_EVERYONE = 'allow.everyone.if.no.acl.found'

/** A configured authorizer. */
export interface AuthorizerConfig {
  /** Principals as `type:name`, who may do everything. */
  readonly superUsers: ReadonlySet<string>
  /** What no ACL is about is allowed to everybody. */
  readonly allowsWithoutAcl: boolean
}

interface Settings extends BrokerView {
  readonly staticEntries: ReadonlyMap<string, string>
}

/** Null where everybody may do everything. */
export function authorizerConfig(settings: Settings): AuthorizerConfig | null {
  if (!hasAuthorizer(settings)) return null
  const { staticEntries } = settings
  return {
    superUsers: new Set(superUsers(staticEntries)),
    allowsWithoutAcl: staticEntries.get(ALLOW_EVERYONE)?.trim().toLowerCase() === 'true',
  }
}

export function hasAuthorizer(view: BrokerView): boolean {
  return view.get('authorizer.class.name').trim() !== ''
}

/** @returns one message for each rule that is broken */
export function authorizerProblems(settings: Settings): string[] {
  const problems: string[] = []
  const name = settings.get('authorizer.class.name').trim()
  if (name !== '' && !STANDARD.includes(name)) {
    problems.push(
      `authorizer.class.name asks for ${name}, but Ottla has only ${STANDARD[0]}. Set that, or remove the setting: then everybody may do everything.`,
    )
  }
  for (const user of name === '' ? [] : superUsers(settings.staticEntries)) {
    if (user.includes(':')) continue
    problems.push(
      `${SUPER_USERS}: expected a string in format principalType:principalName but got ${user}`,
    )
  }
  problems.push(...listenerProblems(settings))
  return problems
}

function listenerProblems(settings: Settings): string[] {
  const early = settings.get('early.start.listeners')
  if (early === null) return []
  const controllers = settings.get('controller.listener.names')
  const known = [...settings.get('listeners').map((each) => each.split('://')[0]!), ...controllers]
  const unknown = early.filter((name) => !has(known, name))
  if (unknown.length > 0) {
    return unknown.map(
      (name) =>
        `early.start.listeners contains listener ${name}, but this is not contained in listeners or controller.listener.names`,
    )
  }
  const late = controllers.filter((name) => !has(early, name))
  if (late.length === 0 || !hasAuthorizer(settings)) return []
  return [
    `early.start.listeners leaves out ${late.join(', ')}: controllers learn of ACLs from each other, so they would wait for them forever. Name all of controller.listener.names, or remove the setting.`,
  ]
}

const has = (names: readonly string[], name: string): boolean =>
  names.some((other) => other.toUpperCase() === name.toUpperCase())

function superUsers(entries: ReadonlyMap<string, string>): string[] {
  const users = (entries.get(SUPER_USERS) ?? '').split(';')
  return users.map((user) => user.trim()).filter((user) => user !== '')
}
