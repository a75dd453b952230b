import { api, errorCode, int32, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Forgets a broker that is gone for good (KIP-500). */
export const UnregisterBroker = api({
  key: 64,
  name: 'UnregisterBroker',
  versions: [0, 0],
  flexible: 0,
  listeners: ['broker', 'controller'],
  request: { brokerId: int32 },
  response: { throttleTimeMs, errorCode, errorMessage: string.nullable() },
})

export type UnregisterBrokerRequest = RequestOf<typeof UnregisterBroker>
export type UnregisterBrokerResponse = ResponseOf<typeof UnregisterBroker>
