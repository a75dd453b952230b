import { codecOf } from '../codec.ts'
import type { Decoded, Encoded, Message, Shape } from '../schema.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'

/** A kind of record in a coordinator's topic: the messages of its key and its value, which share a number. */
export interface CoordinatorRecordKind<Key extends Shape, Value extends Shape> {
  readonly key: Message<Key>
  readonly value: Message<Value>
}

type Kinds = Readonly<Record<string, CoordinatorRecordKind<Shape, Shape>>>
type KeyOf<K> = K extends CoordinatorRecordKind<infer S, Shape> ? S : never
type ValueOf<K> = K extends CoordinatorRecordKind<Shape, infer S> ? S : never

/** A record as read. A tombstone has null for its value and -1 for its version. */
export type CoordinatorRecord<K extends Kinds> = {
  [Type in keyof K]: {
    readonly type: Type
    readonly key: Decoded<KeyOf<K[Type]>>
    readonly version: number
    readonly value: Decoded<ValueOf<K[Type]>> | null
  }
}[keyof K]

/** A record to write. A null value is a tombstone; without a version the value is written in the latest. */
export type CoordinatorRecordToWrite<K extends Kinds> = {
  [Type in keyof K]: {
    readonly type: Type
    readonly key: Encoded<KeyOf<K[Type]>>
    readonly version?: number
    readonly value: Encoded<ValueOf<K[Type]>> | null
  }
}[keyof K]

/** The records of one internal topic, to and from their bytes. */
export interface CoordinatorRecords<K extends Kinds> {
  readonly kinds: K
  /** Throws EncodeError. */
  encode(record: CoordinatorRecordToWrite<K>): { key: Buffer; value: Buffer | null }
  /**
   * Null where the key is of a type that is not known, to be skipped: a later Kafka may have written it. Throws
   * DecodeError where a record of a known type can't be read, be it for a later version of its value.
   */
  decode(key: Buffer, value: Buffer | null): CoordinatorRecord<K> | null
}

/** Keys are an int16 type and a body that never changes (compaction compares bytes); values an int16 version and a body. */
export function coordinatorRecords<const K extends Kinds>(kinds: K): CoordinatorRecords<K> {
  const byType = new Map(
    Object.entries(kinds).map(([type, kind]) => [kind.key.key, { type, kind }]),
  )
  return {
    kinds,
    encode(record) {
      const kind = kinds[record.type]!
      const key = new Writer()
      key.int16(kind.key.key!)
      codecOf(kind.key, 0).write(key, record.key)
      if (record.value === null) return { key: key.toBuffer(), value: null }
      const version = record.version ?? kind.value.versions[1]
      const value = new Writer()
      value.int16(version)
      codecOf(kind.value, version).write(value, record.value)
      return { key: key.toBuffer(), value: value.toBuffer() }
    },
    decode(key, value) {
      const reader = new Reader(key)
      const known = byType.get(reader.int16())
      if (known === undefined) return null
      const { type, kind } = known
      const record = {
        type,
        key: wholeBody(kind.key, 0, reader),
        version: -1,
        value: null as unknown,
      }
      if (value !== null) {
        const valueReader = new Reader(value)
        record.version = valueReader.int16()
        record.value = wholeBody(kind.value, record.version, valueReader)
      }
      return record as unknown as CoordinatorRecord<K>
    },
  }
}

function wholeBody(message: Message<Shape>, version: number, reader: Reader): unknown {
  const [first, last] = message.versions
  if (version < first || version > last) {
    reader.fail(`version ${version} of ${message.name} is unknown`)
  }
  const body = codecOf(message, version).read(reader)
  if (reader.remaining > 0) reader.fail(`${reader.remaining} bytes too many after ${message.name}`)
  return body
}
