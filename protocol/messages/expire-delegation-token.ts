import { api, bigInt64, bytes, errorCode, int64, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Brings a delegation token's expiry forward, or ends it (KIP-48). */
export const ExpireDelegationToken = api({
  key: 40,
  name: 'ExpireDelegationToken',
  versions: [1, 2],
  flexible: 2,
  listeners: ['broker', 'controller'],
  request: {
    hmac: bytes,
    /** From now on; negative deletes it at once. */
    expiryTimePeriodMs: bigInt64,
  },
  response: { errorCode, expiryTimestampMs: int64, throttleTimeMs },
})

export type ExpireDelegationTokenRequest = RequestOf<typeof ExpireDelegationToken>
export type ExpireDelegationTokenResponse = ResponseOf<typeof ExpireDelegationToken>
