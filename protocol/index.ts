/** The Kafka language, as a library: messages, record batches, internal records, and what they are declared with. */
export * from './schema.ts'
export { codecOf, decode, encode } from './codec.ts'
export type { Codec, Int64Form } from './codec.ts'
export { DecodeError, EncodeError, Reader, Writer, recordBytesSize } from './wire.ts'
export type { RecordBytes } from './wire.ts'
export { errorName, errorNumber, errors } from './errors.ts'
export type { ErrorDefinition, ErrorName } from './errors.ts'
