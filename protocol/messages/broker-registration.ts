import {
  api,
  array,
  bool,
  errorCode,
  int16,
  int32,
  int64,
  string,
  throttleTimeMs,
  uint16,
  uuid,
} from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A broker that starts joins the cluster, fenced; the answer's epoch is its identity until it stops (KIP-631). */
export const BrokerRegistration = api({
  key: 62,
  name: 'BrokerRegistration',
  versions: [0, 4],
  flexible: 0,
  listeners: ['controller'],
  request: {
    brokerId: int32,
    clusterId: string,
    /** Random for each run of the process. */
    incarnationId: uuid,
    listeners: array({
      name: string,
      host: string,
      port: uint16,
      /** 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL. */
      securityProtocol: int16,
    }),
    /** Before v4 those whose lowest level is 0 must be left out (KAFKA-17011). */
    features: array({ name: string, minSupportedVersion: int16, maxSupportedVersion: int16 }),
    rack: string.nullable(),
    isMigratingZkBroker: bool.default(false).since(1),
    /** Ids of the directories that are online (KIP-858). */
    logDirs: array(uuid).since(2),
    /** The epoch before a clean shutdown, else -1 (KIP-966). */
    previousBrokerEpoch: int64.default(-1).since(3),
    /**
     * Ottla's own, which Kafka's controllers pass over: nothing keeps another process from using its directories, as locks
     * do everywhere else.
     */
    lacksLock: bool.default(false).tagged(9400),
  },
  response: {
    throttleTimeMs,
    errorCode,
    /** The offset of the registration's record in the metadata log; -1 with an error. */
    brokerEpoch: int64.default(-1),
  },
})

export type BrokerRegistrationRequest = RequestOf<typeof BrokerRegistration>
export type BrokerRegistrationResponse = ResponseOf<typeof BrokerRegistration>
