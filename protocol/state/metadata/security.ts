import { array, bytes, int32, int64, int8, message, string, uuid } from '../../schema.ts'

/** One ACL. The small integers are those of CreateAcls. */
export const AccessControlEntryRecord = message({
  key: 18,
  name: 'AccessControlEntryRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    id: uuid,
    resourceType: int8,
    resourceName: string,
    patternType: int8,
    /** Type and name: 'User:alice'. */
    principal: string,
    host: string,
    operation: int8,
    permissionType: int8,
  },
})

export const RemoveAccessControlEntryRecord = message({
  key: 19,
  name: 'RemoveAccessControlEntryRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { id: uuid },
})

/** A user's SCRAM verifier (KIP-554, KIP-900); never a password. */
export const UserScramCredentialRecord = message({
  key: 11,
  name: 'UserScramCredentialRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    name: string,
    /** 1 SCRAM-SHA-256, 2 SCRAM-SHA-512. */
    mechanism: int8,
    salt: bytes,
    storedKey: bytes,
    serverKey: bytes,
    iterations: int32,
  },
})

export const RemoveUserScramCredentialRecord = message({
  key: 22,
  name: 'RemoveUserScramCredentialRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { name: string, mechanism: int8 },
})

/** KIP-48. Timestamps in ms since 1970. */
export const DelegationTokenRecord = message({
  key: 10,
  name: 'DelegationTokenRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    owner: string,
    requester: string,
    renewers: array(string),
    issueTimestamp: int64,
    /** Beyond it no renewal helps. */
    maxTimestamp: int64,
    expirationTimestamp: int64,
    tokenId: string,
  },
})

export const RemoveDelegationTokenRecord = message({
  key: 26,
  name: 'RemoveDelegationTokenRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { tokenId: string },
})
