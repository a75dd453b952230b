import { api, array, bytes, errorCode, int64, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

const principal = { principalType: string, principalName: string }

/** Delegation tokens by owner, as far as the requester may see them (KIP-48). */
export const DescribeDelegationToken = api({
  key: 41,
  name: 'DescribeDelegationToken',
  versions: [1, 3],
  flexible: 2,
  listeners: ['broker', 'controller'],
  request: {
    /** Null for all owners. */
    owners: array(principal).nullable(),
  },
  response: {
    errorCode,
    tokens: array({
      ...principal,
      tokenRequesterPrincipalType: string.since(3),
      tokenRequesterPrincipalName: string.since(3),
      /** Timestamps are in ms. */
      issueTimestamp: int64,
      expiryTimestamp: int64,
      /** When it ends for good, however often it is renewed. */
      maxTimestamp: int64,
      tokenId: string,
      /** The token's secret: it is the password. */
      hmac: bytes,
      renewers: array(principal),
    }),
    throttleTimeMs,
  },
})

export type DescribeDelegationTokenRequest = RequestOf<typeof DescribeDelegationToken>
export type DescribeDelegationTokenResponse = ResponseOf<typeof DescribeDelegationToken>
