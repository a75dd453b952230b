import { api, bigInt64, bytes, errorCode, int64, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Puts off the expiry of a delegation token, up to its maximum lifetime (KIP-48). */
export const RenewDelegationToken = api({
  key: 39,
  name: 'RenewDelegationToken',
  versions: [1, 2],
  flexible: 2,
  listeners: ['broker', 'controller'],
  request: {
    hmac: bytes,
    /** From now on; negative for the cluster's default. */
    renewPeriodMs: bigInt64,
  },
  response: { errorCode, expiryTimestampMs: int64, throttleTimeMs },
})

export type RenewDelegationTokenRequest = RequestOf<typeof RenewDelegationToken>
export type RenewDelegationTokenResponse = ResponseOf<typeof RenewDelegationToken>
