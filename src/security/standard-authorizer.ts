import { ACL_PATTERN_TYPES, ACL_OPERATIONS, ACL_PERMISSIONS, aclName } from '../../protocol/acls.ts'
import { authorizerConfig } from '../config/authorizer.ts'
import type { AuthorizerConfig } from '../config/authorizer.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import type { Host } from '../host/host.ts'
import { aclOf, aclsOf } from '../metadata/acls.ts'
import type { Acl } from '../metadata/acls.ts'
import type { MetadataDelta, MetadataImage } from '../metadata/image.ts'
import { AclIndex } from './acl-index.ts'
import type { Found } from './acl-index.ts'
import { ClientHost } from './acl-rules.ts'
import { AuditLog } from './audit-log.ts'
import type { Principal } from './authentication.ts'
import { AuthorizerNotReadyError, OPERATION_NUMBERS, RESOURCE_NUMBERS } from './authorizer.ts'
import type { Authorizer, Question } from './authorizer.ts'

/** A resource of this name nobody has: who may write to it may write to all. */
const ANY_NAME = 'hardcode'

/** Kafka's StandardAuthorizer: decides by the ACLs in the metadata log. */
export class StandardAuthorizer implements Authorizer {
  readonly #settings: AuthorizerConfig
  readonly #audit: AuditLog
  #index = new AclIndex()
  #isLoaded = false
  /** Of the last request: many questions come by one. */
  #principal: Principal | null = null
  #principalText = ''
  #host = new ClientHost('')

  constructor(settings: AuthorizerConfig, audit: AuditLog) {
    this.#settings = settings
    this.#audit = audit
  }

  /** Takes the ACLs of an image that has all that was committed when the node came to its quorum. */
  load(image: MetadataImage): void {
    this.#index = new AclIndex()
    for (const { id, ...acl } of aclsOf(image)) this.#index.set(id, acl)
    this.#isLoaded = true
  }

  /** What changed from one image to the next. */
  follow({ changedAcls }: Pick<MetadataDelta, 'changedAcls'>, image: MetadataImage): void {
    for (const id of changedAcls) this.#index.set(id, aclOf(image, id))
  }

  /** Tells of what the log has left out. */
  close(): void {
    this.#audit.close()
  }

  acls(): Iterable<Acl> {
    return this.#index.acls()
  }

  /** @throws AuthorizerNotReadyError */
  authorize(question: Question): boolean {
    const principal = this.#textOf(question.principal)
    const isSuper = this.#settings.superUsers.has(principal)
    const rule = isSuper ? 'super user' : this.#find(principal, question)
    const isAllowed = this.#allows(rule)
    if (this.#audit.wants(isAllowed, question.isQuiet)) {
      this.#audit.tell(isAllowed, question, principal, inWords(rule))
    }
    return isAllowed
  }

  #allows(rule: Found | 'super user' | 'any'): boolean {
    if (typeof rule === 'object') return rule.allows
    return (
      rule === 'super user' ||
      rule === 'any' ||
      (rule === 'no ACL' && this.#settings.allowsWithoutAcl)
    )
  }

  #find(principal: string, { host: from, operation, resource }: Question): Found | 'any' {
    if (!this.#isLoaded) {
      throw new AuthorizerNotReadyError('The ACLs are not known yet')
    }
    if (this.#host.text !== from) this.#host = new ClientHost(from)
    const host = this.#host
    const number = OPERATION_NUMBERS[operation]
    const type = RESOURCE_NUMBERS[resource.type]
    if (resource.name !== null)
      return this.#index.find(principal, host, number, type, resource.name)
    const ofAll = this.#index.find(principal, host, number, type, ANY_NAME)
    if (this.#allows(ofAll)) return ofAll
    return this.#index.allowsAny(principal, host, number, type) ? 'any' : 'no rule'
  }

  #textOf(principal: Principal): string {
    if (this.#principal !== principal) {
      this.#principal = principal
      this.#principalText = `${principal.type}:${principal.name}`
    }
    return this.#principalText
  }
}

/** The authorizer that the settings name; null for none: everybody may do everything then. */
export function configuredAuthorizer(
  config: BrokerConfig,
  { log, clock }: Pick<Host, 'log' | 'clock'>,
): StandardAuthorizer | null {
  const settings = authorizerConfig(config)
  return settings === null ? null : new StandardAuthorizer(settings, new AuditLog(log, clock))
}

/** Why it was decided so; for a log line. */
function inWords(rule: Found | 'super user' | 'any'): string {
  if (rule === 'any') return 'an ACL on some resource'
  if (typeof rule === 'string') return rule
  const { resourceName, patternType, principal, host, operation, permissionType } = rule.acl
  const who = `${principal} from ${host}`
  const what = `${aclName(ACL_OPERATIONS, operation)} on ${aclName(ACL_PATTERN_TYPES, patternType)}:${resourceName}`
  return `${aclName(ACL_PERMISSIONS, permissionType)} ${who} ${what}`
}
