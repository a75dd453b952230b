import { api, array, errorCode, int32, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** With which SCRAM mechanisms users can authenticate; never their secrets (KIP-554). */
export const DescribeUserScramCredentials = api({
  key: 50,
  name: 'DescribeUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  listeners: ['broker', 'controller'],
  request: {
    /** Null or empty for all users. */
    users: array({ name: string }).nullable(),
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable(),
    results: array({
      user: string,
      errorCode,
      errorMessage: string.nullable(),
      credentialInfos: array({
        /** 1 SCRAM-SHA-256, 2 SCRAM-SHA-512. */
        mechanism: int8,
        iterations: int32,
      }),
    }),
  },
})

export type DescribeUserScramCredentialsRequest = RequestOf<typeof DescribeUserScramCredentials>
export type DescribeUserScramCredentialsResponse = ResponseOf<typeof DescribeUserScramCredentials>
