import {
  ACL_OPERATIONS,
  ACL_PATTERN_TYPES,
  ACL_PERMISSIONS,
  ACL_RESOURCE_TYPES,
} from '../../protocol/acls.ts'
import type { Acl } from '../../src/metadata/acls.ts'

/**
 * An ACL in words: `ALLOW User:alice READ TOPIC:orders`; a name that ends in `...` is a prefix, and who is left out is
 * everybody.
 */
export function acl(text: string, host = '*'): Acl {
  const [permission, principal, operation, resource] = text.split(' ') as [
    string,
    string,
    string,
    string,
  ]
  const colon = resource.indexOf(':')
  const name = resource.slice(colon + 1)
  const isPrefix = name.endsWith('...')
  return {
    resourceType: numberOf(ACL_RESOURCE_TYPES, resource.slice(0, colon)),
    resourceName: isPrefix ? name.slice(0, -3) : name,
    patternType: numberOf(ACL_PATTERN_TYPES, isPrefix ? 'PREFIXED' : 'LITERAL'),
    principal,
    host,
    operation: numberOf(ACL_OPERATIONS, operation),
    permissionType: numberOf(ACL_PERMISSIONS, permission),
  }
}

function numberOf(names: readonly string[], name: string): number {
  const number = names.indexOf(name)
  if (number < 0) throw new Error(`${name} is none of ${names.join()}`)
  return number
}
