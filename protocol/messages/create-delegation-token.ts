import { api, array, bigInt64, bytes, errorCode, int64, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Makes a token with which a client can authenticate in place of its owner (KIP-48). v3: for another owner (KIP-373). */
export const CreateDelegationToken = api({
  key: 38,
  name: 'CreateDelegationToken',
  versions: [1, 3],
  flexible: 2,
  listeners: ['broker', 'controller'],
  request: {
    /** Null for the requester itself; so is the name. */
    ownerPrincipalType: string.nullable(3).since(3),
    ownerPrincipalName: string.nullable(3).since(3),
    /** Who besides the owner may renew it. */
    renewers: array({ principalType: string, principalName: string }),
    /** -1 for the longest that the cluster allows. */
    maxLifetimeMs: bigInt64,
  },
  response: {
    errorCode,
    principalType: string,
    principalName: string,
    tokenRequesterPrincipalType: string.since(3),
    tokenRequesterPrincipalName: string.since(3),
    issueTimestampMs: int64,
    expiryTimestampMs: int64,
    /** When it ends for good, however often it is renewed. */
    maxTimestampMs: int64,
    tokenId: string,
    /** The token's secret: it is the password. */
    hmac: bytes,
    throttleTimeMs,
  },
})

export type CreateDelegationTokenRequest = RequestOf<typeof CreateDelegationToken>
export type CreateDelegationTokenResponse = ResponseOf<typeof CreateDelegationToken>
