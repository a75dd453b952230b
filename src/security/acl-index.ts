import { ACL_RESOURCE_TYPES } from '../../protocol/acls.ts'
import type { Acl } from '../metadata/acls.ts'
import { PatternType, WILDCARD } from '../metadata/acls.ts'
import { EVERY_OPERATION, isFrom, ruleOf } from './acl-rules.ts'
import type { ClientHost, Rule } from './acl-rules.ts'
import { Decisions } from './decisions.ts'
import { Prefixes } from './prefixes.ts'

/** All users, in the principals of ACLs. */
const ALL_USERS = 'User:*'

/** The rules of one pattern, by principal: hardly any request is by one that has many. */
type PatternRules = Map<string, Rule[]>

/** The ACLs on resources of one type. */
interface RulesOfType {
  readonly literal: Map<string, PatternRules>
  readonly prefixes: Prefixes<PatternRules>
  /** By principal, for who asks whether anything is allowed. */
  readonly byPrincipal: Map<string, Set<Rule>>
}

/** What is decided by an ACL, or where none is found. */
export type Found = Rule | 'no rule' | 'no ACL'

/**
 * ACLs by the resources that they are about (KIP-290), as Kafka's StandardAuthorizer decides by them: a rule that denies
 * counts before all that allow, wherever they are found.
 */
export class AclIndex {
  readonly #rules = new Map<string, Rule>()
  readonly #decisions = new Decisions<Found>()
  readonly #types: readonly RulesOfType[] = ACL_RESOURCE_TYPES.map(() => ({
    literal: new Map<string, PatternRules>(),
    prefixes: new Prefixes<PatternRules>(),
    byPrincipal: new Map<string, Set<Rule>>(),
  }))

  get size(): number {
    return this.#rules.size
  }

  /** In no particular order. */
  *acls(): IterableIterator<Acl> {
    for (const { acl } of this.#rules.values()) yield acl
  }

  /** Adds or replaces the ACL of an id; undefined removes it. */
  set(id: string, acl: Acl | undefined): void {
    this.#decisions.forget()
    const before = this.#rules.get(id)
    if (before !== undefined) this.#remove(before)
    if (acl === undefined) this.#rules.delete(id)
    else {
      const rule = ruleOf(acl)
      this.#rules.set(id, rule)
      this.#add(rule)
    }
  }

  /**
   * Finds the rule that decides: one that denies, else one that allows. Without one, `no ACL` where there is none on the
   * resource at all, else `no rule`.
   * @param operation its number; so with the type
   */
  find(
    principal: string,
    host: ClientHost,
    operation: number,
    resourceType: number,
    name: string,
  ): Found {
    const decisions = this.#decisions.of(principal, host.text, resourceType, name)
    return (decisions[operation] ??= this.#decide(principal, host, operation, resourceType, name))
  }

  #decide(
    principal: string,
    host: ClientHost,
    operation: number,
    resourceType: number,
    name: string,
  ): Found {
    const ofType = this.#types[resourceType]!
    let found: Found = 'no ACL'
    const bit = 1 << operation
    /** Whether it is decided: nothing outweighs a rule that denies. */
    const look = (rules: Rule[] | undefined): boolean => {
      if (rules === undefined) return false
      for (const rule of rules) {
        if ((rule.operations & bit) === 0 || !isFrom(rule, host)) continue
        if (rule.allows && typeof found === 'object') continue
        found = rule
        if (!rule.allows) return true
      }
      return false
    }
    const lookAt = (rules: PatternRules): boolean => {
      if (found === 'no ACL') found = 'no rule'
      return look(rules.get(principal)) || look(rules.get(ALL_USERS))
    }
    const own = ofType.literal.get(name)
    if (own !== undefined && lookAt(own)) return found
    if (ofType.prefixes.some(name, lookAt)) return found
    const all = name === WILDCARD ? undefined : ofType.literal.get(WILDCARD)
    if (all !== undefined) lookAt(all)
    return found
  }

  /**
   * [KIP-679] Whether the operation is allowed on any resource of the type: by a pattern that is not denied as a whole. Rules
   * that only imply the operation don't count, as in Kafka.
   */
  allowsAny(principal: string, host: ClientHost, operation: number, resourceType: number): boolean {
    const { byPrincipal } = this.#types[resourceType]!
    const allowed: Acl[] = []
    const deniedNames = new Set<string>()
    const deniedPrefixes = new Set<string>()
    for (const who of new Set([principal, ALL_USERS])) {
      for (const rule of byPrincipal.get(who) ?? []) {
        const { acl, allows, operations } = rule
        if (acl.operation !== operation && operations !== EVERY_OPERATION) continue
        if (!isFrom(rule, host)) continue
        if (allows) allowed.push(acl)
        else if (isWildcard(acl)) return false
        else if (acl.patternType === PatternType.LITERAL) deniedNames.add(acl.resourceName)
        else deniedPrefixes.add(acl.resourceName)
      }
    }
    return allowed.some((acl) => {
      if (isWildcard(acl)) return true
      const { resourceName: name, patternType } = acl
      if (patternType === PatternType.LITERAL && deniedNames.has(name)) return false
      for (let length = 1; length <= name.length; length++) {
        if (deniedPrefixes.has(name.slice(0, length))) return false
      }
      return true
    })
  }

  #add(rule: Rule): void {
    const { resourceType, resourceName, patternType, principal } = rule.acl
    const ofType = this.#types[resourceType]
    // Of a type that is not known here, and asked for by nobody.
    if (ofType === undefined) return
    let pattern = patternOf(ofType, patternType, resourceName)
    if (pattern === undefined) {
      pattern = new Map()
      if (patternType === PatternType.PREFIXED) ofType.prefixes.add(resourceName, pattern)
      else ofType.literal.set(resourceName, pattern)
    }
    const rules = pattern.get(principal)
    if (rules === undefined) pattern.set(principal, [rule])
    else rules.push(rule)
    const ofPrincipal = ofType.byPrincipal.get(principal)
    if (ofPrincipal === undefined) ofType.byPrincipal.set(principal, new Set([rule]))
    else ofPrincipal.add(rule)
  }

  #remove(rule: Rule): void {
    const { resourceType, resourceName, patternType, principal } = rule.acl
    const ofType = this.#types[resourceType]
    if (ofType === undefined) return
    const pattern = patternOf(ofType, patternType, resourceName)!
    const left = pattern.get(principal)!.filter((other) => other !== rule)
    if (left.length > 0) pattern.set(principal, left)
    else pattern.delete(principal)
    if (pattern.size === 0) {
      if (patternType === PatternType.PREFIXED) ofType.prefixes.delete(resourceName)
      else ofType.literal.delete(resourceName)
    }
    const ofPrincipal = ofType.byPrincipal.get(principal)!
    ofPrincipal.delete(rule)
    if (ofPrincipal.size === 0) ofType.byPrincipal.delete(principal)
  }
}

function patternOf(
  { literal, prefixes }: RulesOfType,
  patternType: number,
  name: string,
): PatternRules | undefined {
  return patternType === PatternType.PREFIXED ? prefixes.get(name) : literal.get(name)
}

const isWildcard = ({ resourceName, patternType }: Acl): boolean =>
  resourceName === WILDCARD && patternType === PatternType.LITERAL
