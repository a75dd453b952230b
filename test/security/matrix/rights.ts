import {
  ACL_OPERATIONS,
  ACL_PATTERN_TYPES,
  ACL_PERMISSIONS,
  ACL_RESOURCE_TYPES,
  OPERATIONS_BY_TYPE,
  aclNumber,
} from '../../../protocol/acls.ts'
import type { AclOperationName, AclResourceTypeName } from '../../../protocol/acls.ts'
import type { Acl } from '../../../src/metadata/acls.ts'
import { CLUSTER_NAME } from '../../../src/security/authorizer.ts'

/** What one principal's requests are about: nobody else's are. */
export interface Own {
  /** All its names begin so, and no others. */
  readonly prefix: string
  readonly topic: string
  /** Nobody has made it. */
  readonly missing: string
  /** Nobody has made it before a request for its metadata does. */
  readonly automatic: string
  readonly group: string
  readonly transaction: string
  /** The principal that has a token besides the one that asks. */
  readonly holder: string
}

/** Somebody with some rights, and what there is for it to ask for. */
export interface Asker {
  /** The same in each run; its rights are told by `rights`. */
  readonly name: string
  /** In words; unique. */
  readonly rights: string
  readonly own: Own
  /** @param tokenId of the holder's token: nobody knows it before there is one */
  aclsWith(tokenId: string): Acl[]
  /** The right that this one has alone, lacks, or is denied; null where it is about all of them. */
  readonly about: Right | null
}

/** ALL: all operations. */
export interface Right {
  readonly type: ResourceType
  readonly operation: Operation
}

type ResourceType = Exclude<AclResourceTypeName, 'UNKNOWN' | 'ANY'>
type Operation = Exclude<AclOperationName, 'UNKNOWN' | 'ANY'>
type Permission = 'ALLOW' | 'DENY'

const OPERATIONS: Readonly<Record<ResourceType, readonly Operation[]>> = OPERATIONS_BY_TYPE
const TYPES = Object.keys(OPERATIONS) as ResourceType[]

/** `near`: names of which one has the other as its beginning, and which are not the same. */
type Pattern = 'literal' | 'prefixed' | 'wildcard' | 'near'

type Rule = readonly [Permission, ResourceType, Operation, Pattern]

const ownOf = (prefix: string): Own => ({
  prefix,
  topic: `${prefix}topic`,
  missing: `${prefix}missing`,
  automatic: `${prefix}automatic`,
  group: `${prefix}group`,
  transaction: `${prefix}transaction`,
  holder: `${prefix}holder`,
})

/** The resources of a type that a rule is about, by their names. */
function namesOf(type: ResourceType, own: Own, tokenId: string): string[] {
  switch (type) {
    case 'TOPIC':
      return [own.topic, own.missing, own.automatic]
    case 'GROUP':
      return [own.group]
    case 'TRANSACTIONAL_ID':
      return [own.transaction]
    case 'CLUSTER':
      return [CLUSTER_NAME]
    case 'DELEGATION_TOKEN':
      return [tokenId]
    case 'USER':
      return [`User:${own.holder}`]
  }
}

function aclsOf(
  { name, own }: Pick<Asker, 'name' | 'own'>,
  tokenId: string,
  [permission, type, operation, pattern]: Rule,
): Acl[] {
  const acl = (resourceName: string, patternType: 'LITERAL' | 'PREFIXED'): Acl => ({
    resourceType: aclNumber(ACL_RESOURCE_TYPES, type),
    resourceName,
    patternType: aclNumber(ACL_PATTERN_TYPES, patternType),
    principal: `User:${name}`,
    host: '*',
    operation: aclNumber(ACL_OPERATIONS, operation),
    permissionType: aclNumber(ACL_PERMISSIONS, permission),
  })
  const names = namesOf(type, own, tokenId)
  // Where there is one name only, a prefix may be all of it.
  const beginning = names.length === 1 && !names[0]!.startsWith(own.prefix) ? names[0]! : own.prefix
  switch (pattern) {
    case 'literal':
      return names.map((each) => acl(each, 'LITERAL'))
    case 'prefixed':
      return [acl(beginning, 'PREFIXED')]
    case 'wildcard':
      return type === 'CLUSTER' ? [acl(beginning, 'LITERAL')] : [acl('*', 'LITERAL')]
    case 'near':
      if (type === 'CLUSTER') return []
      return names.flatMap((each) => [
        acl(each.slice(0, -1), 'LITERAL'),
        acl(`${each}s`, 'LITERAL'),
        acl(`${each}s`, 'PREFIXED'),
      ])
  }
}

const allowAll = (pattern: Pattern): Rule[] =>
  TYPES.map((type): Rule => ['ALLOW', type, 'ALL', pattern])

/** Each right alone, each right missing, each right denied; all rights and none. */
function* rights(): Iterable<readonly [words: string, rules: readonly Rule[], about?: Right]> {
  const patterns = ['literal', 'prefixed', 'wildcard'] as const
  yield ['nothing', []]
  yield ['all, of names that are nearly the same', allowAll('near')]
  for (const pattern of patterns) yield [`all, ${pattern}`, allowAll(pattern)]
  for (const type of TYPES) {
    for (const operation of ['ALL', ...OPERATIONS[type]] as const) {
      for (const pattern of type === 'CLUSTER' ? (['literal'] as const) : patterns) {
        const about = { type, operation }
        const alone: Rule = ['ALLOW', type, operation, pattern]
        yield [`${operation} ${type} alone, ${pattern}`, [alone], about]
        const denied: Rule = ['DENY', type, operation, pattern]
        yield [`${operation} ${type} denied, ${pattern}`, [...allowAll('prefixed'), denied], about]
      }
    }
    for (const operation of OPERATIONS[type]) {
      const others = TYPES.flatMap((each) =>
        OPERATIONS[each]
          .filter((other) => each !== type || other !== operation)
          .map((other): Rule => ['ALLOW', each, other, 'literal']),
      )
      yield [`${operation} ${type} missing`, others, { type, operation }]
    }
  }
}

/** All of them, in the order of the captured answers. */
export const ASKERS: readonly Asker[] = Array.from(rights(), ([words, rules, about], index) => {
  const name = `p${String(index).padStart(3, '0')}`
  const own = ownOf(`${name}-`)
  const aclsWith = (tokenId: string): Acl[] =>
    rules.flatMap((rule) => aclsOf({ name, own }, tokenId, rule))
  return { name, rights: words, own, aclsWith, about: about ?? null }
})
