import {
  array,
  bool,
  int16,
  int32,
  int64,
  int8,
  message,
  string,
  uint16,
  uuid,
} from '../../schema.ts'

const endPoint = {
  /** The listener's name. */
  name: string,
  host: string,
  port: uint16,
  /** 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL. */
  securityProtocol: int16,
}
const supportedFeature = { name: string, minSupportedVersion: int16, maxSupportedVersion: int16 }

/** A broker process registered; replaces all that was known of its id. */
export const RegisterBrokerRecord = message({
  key: 0,
  name: 'RegisterBrokerRecord',
  versions: [0, 4],
  flexible: 0,
  fields: {
    brokerId: int32,
    isMigratingZkBroker: bool.since(2),
    /** New with every start of the process. */
    incarnationId: uuid,
    /** The offset of this record, as a rule: it fences the broker's former lives. */
    brokerEpoch: int64,
    endPoints: array(endPoint),
    features: array(supportedFeature),
    rack: string.nullable(),
    fenced: bool.default(true),
    inControlledShutdown: bool.since(1),
    /** KIP-858: ids of the log directories that are online. */
    logDirs: array(uuid).since(3).tagged(0),
    /** Null until the broker told in a heartbeat. */
    cordonedLogDirs: array(uuid).nullable(4).default(null).since(4).tagged(1),
  },
})

export const UnregisterBrokerRecord = message({
  key: 1,
  name: 'UnregisterBrokerRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { brokerId: int32, brokerEpoch: int64 },
})

/** Superseded by BrokerRegistrationChangeRecord, still read. */
export const FenceBrokerRecord = message({
  key: 7,
  name: 'FenceBrokerRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { id: int32, epoch: int64 },
})

/** Superseded by BrokerRegistrationChangeRecord, still read. */
export const UnfenceBrokerRecord = message({
  key: 8,
  name: 'UnfenceBrokerRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { id: int32, epoch: int64 },
})

/** What changed about a registered broker; a field at its default changes nothing. */
export const BrokerRegistrationChangeRecord = message({
  key: 17,
  name: 'BrokerRegistrationChangeRecord',
  versions: [0, 3],
  flexible: 0,
  fields: {
    brokerId: int32,
    brokerEpoch: int64,
    /** 1 fences, -1 unfences. */
    fenced: int8.tagged(0),
    /** 1: the broker is on its way out. */
    inControlledShutdown: int8.since(1).tagged(1),
    logDirs: array(uuid).since(2).tagged(2),
    cordonedLogDirs: array(uuid).nullable(3).default(null).since(3).tagged(3),
  },
})

/** KIP-919: a controller told its listeners and the features that it supports. */
export const RegisterControllerRecord = message({
  key: 27,
  name: 'RegisterControllerRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    controllerId: int32,
    incarnationId: uuid,
    zkMigrationReady: bool,
    endPoints: array(endPoint),
    features: array(supportedFeature),
  },
})

/** KIP-1312: a controller is gone for good. One that lives registers again. */
export const UnregisterControllerRecord = message({
  key: 29,
  name: 'UnregisterControllerRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { controllerId: int32 },
})
