/** Record batches: the bytes of the log, of Produce and of Fetch. */
export * from './header.ts'
export * from './record.ts'
export { buildBatch, withCompression, type BatchToWrite } from './builder.ts'
export { controlKey, controlType, CONTROL_TYPES, type ControlType } from './control.ts'
export { CorruptRecordError } from './errors.ts'
export {
  buildMessages,
  checkMessage,
  convertMessages,
  messageTimestamp,
  type MessageFault,
  type MessagesToWrite,
} from './legacy.ts'
export {
  borrowUncompressedRecords,
  readBatches,
  readRecordRun,
  readRecords,
  uncompressedRecords,
} from './reader.ts'
export { RecordWalker, UNLIMITED, type WalkLimits } from './walk.ts'
