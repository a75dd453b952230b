import { api, errorCode, int32, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** Forgets a controller that is gone for good (KIP-1312). */
export const UnregisterController = api({
  key: 94,
  name: 'UnregisterController',
  versions: [0, 0],
  flexible: 0,
  listeners: ['broker', 'controller'],
  request: { controllerId: int32 },
  response: { throttleTimeMs, errorCode, errorMessage: string.nullable() },
})

export type UnregisterControllerRequest = RequestOf<typeof UnregisterController>
export type UnregisterControllerResponse = ResponseOf<typeof UnregisterController>
