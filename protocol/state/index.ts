import type { Message, Shape } from '../schema.ts'
import { AbortedTxn } from './aborted-txn.ts'
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from './consumer-protocol.ts'
import {
  ControlRecordTypeSchema,
  EndTxnMarker,
  KRaftVersionRecord,
  LeaderChangeMessage,
  SnapshotFooterRecord,
  SnapshotHeaderRecord,
  VotersRecord,
} from './control-records.ts'
import { groupMessages } from './group-records.ts'
import { metadataRecords } from './metadata-records.ts'
import { DefaultPrincipalData } from './principal.ts'
import { shareMessages } from './share-records.ts'
import { transactionMessages } from './transaction-records.ts'

/** Every message that is stored, or sent as an opaque part of another. */
export const stateMessages: readonly Message<Shape>[] = [
  AbortedTxn,
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  ControlRecordTypeSchema,
  DefaultPrincipalData,
  EndTxnMarker,
  KRaftVersionRecord,
  LeaderChangeMessage,
  SnapshotFooterRecord,
  SnapshotHeaderRecord,
  VotersRecord,
  ...Object.values(metadataRecords),
  ...Object.values(groupMessages),
  ...Object.values(transactionMessages),
  ...Object.values(shareMessages),
]
