import { array, bool, float64, int16, int32, int64, int8, message, string } from '../../schema.ts'

/** Sets the finalized level of a feature: metadata.version, transaction.version and the like. */
export const FeatureLevelRecord = message({
  key: 12,
  name: 'FeatureLevelRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    name: string,
    /** 0 switches the feature off. */
    featureLevel: int16,
  },
})

/** Sets or, with a null value, clears one dynamic setting of a resource. */
export const ConfigRecord = message({
  key: 4,
  name: 'ConfigRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    /** As in ConfigResource: 2 topic, 4 broker, 16 client metrics, 32 group. */
    resourceType: int8,
    /** Empty: the default of all brokers. */
    resourceName: string,
    name: string,
    value: string.nullable(),
  },
})

/** Sets or removes one quota of one entity (KIP-546). */
export const ClientQuotaRecord = message({
  key: 14,
  name: 'ClientQuotaRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    entity: array({
      /** 'user', 'client-id' or 'ip'. */
      entityType: string,
      /** Null: the default of that type. */
      entityName: string.nullable(),
    }),
    key: string,
    /** Without meaning when `remove` is set. */
    value: float64,
    remove: bool,
  },
})

/** A block of producer ids was handed out; everything below `nextProducerId` is taken. */
export const ProducerIdsRecord = message({
  key: 15,
  name: 'ProducerIdsRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    brokerId: int32,
    brokerEpoch: int64.default(-1),
    nextProducerId: int64,
  },
})

/** Written by an idle controller so that the log end, and with it the metadata lag of brokers, keeps moving. */
export const NoOpRecord = message({
  key: 20,
  name: 'NoOpRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {},
})

/** How far a cluster came on the way from ZooKeeper; 4.x writes 0, never migrated. */
export const ZkMigrationStateRecord = message({
  key: 21,
  name: 'ZkMigrationStateRecord',
  versions: [0, 0],
  flexible: 0,
  fields: { zkMigrationState: int8 },
})

/** KIP-868: what follows, up to the end record, takes effect as a whole, over several batches if need be. */
export const BeginTransactionRecord = message({
  key: 23,
  name: 'BeginTransactionRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    /** For people reading the log. */
    name: string.nullable().default(null).tagged(0),
  },
})

export const EndTransactionRecord = message({
  key: 24,
  name: 'EndTransactionRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {},
})

/** The open metadata transaction is void. */
export const AbortTransactionRecord = message({
  key: 25,
  name: 'AbortTransactionRecord',
  versions: [0, 0],
  flexible: 0,
  fields: {
    /** For people reading the log. */
    reason: string.nullable().default(null).tagged(0),
  },
})
