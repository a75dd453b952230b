import {
  api,
  array,
  bool,
  errorCode,
  int16,
  int32,
  string,
  throttleTimeMs,
  uint16,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A controller that starts tells the active one where it listens and which features it knows (KIP-919). */
export const ControllerRegistration = api({
  key: 70,
  name: 'ControllerRegistration',
  versions: [0, 0],
  flexible: 0,
  listeners: ['controller'],
  request: {
    controllerId: int32,
    /** Random for each run of the process. */
    incarnationId: uuid,
    zkMigrationReady: bool,
    listeners: array({
      name: string,
      host: string,
      port: uint16,
      /** 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL. */
      securityProtocol: int16,
    }),
    features: array({ name: string, minSupportedVersion: int16, maxSupportedVersion: int16 }),
  },
  response: { throttleTimeMs, errorCode, errorMessage: string.nullable() },
})

export type ControllerRegistrationRequest = RequestOf<typeof ControllerRegistration>
export type ControllerRegistrationResponse = ResponseOf<typeof ControllerRegistration>
