import { api, array, bytes, errorCode, int32, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Sets and removes SCRAM credentials; the client salts and hashes, no password travels (KIP-554). */
export const AlterUserScramCredentials = api({
  key: 51,
  name: 'AlterUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  listeners: ['broker', 'controller'],
  request: {
    deletions: array({
      name: string,
      /** 1 SCRAM-SHA-256, 2 SCRAM-SHA-512. */
      mechanism: int8,
    }),
    upsertions: array({
      name: string,
      mechanism: int8,
      iterations: int32,
      salt: bytes,
      saltedPassword: bytes,
    }),
  },
  response: {
    throttleTimeMs,
    /** One for each user, even if several of its credentials were named. */
    results: array({ user: string, errorCode, errorMessage: string.nullable() }),
  },
})

export type AlterUserScramCredentialsRequest = RequestOf<typeof AlterUserScramCredentials>
export type AlterUserScramCredentialsResponse = ResponseOf<typeof AlterUserScramCredentials>
