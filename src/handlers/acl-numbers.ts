import {
  ACL_OPERATIONS,
  ACL_PATTERN_TYPES,
  ACL_PERMISSIONS,
  ACL_RESOURCE_TYPES,
  aclName,
} from '../../protocol/acls.ts'

interface Numbers {
  readonly operation: number
  readonly permissionType: number
}

/** Whether one of the numbers of an ACL means nothing here. */
export function hasUnknown(
  acl: Numbers & ({ readonly resourceType: number } | { readonly resourceTypeFilter: number }),
  patternType: number,
): boolean {
  const resourceType = 'resourceType' in acl ? acl.resourceType : acl.resourceTypeFilter
  return [
    aclName(ACL_RESOURCE_TYPES, resourceType),
    aclName(ACL_PATTERN_TYPES, patternType),
    aclName(ACL_OPERATIONS, acl.operation),
    aclName(ACL_PERMISSIONS, acl.permissionType),
  ].includes('UNKNOWN')
}
