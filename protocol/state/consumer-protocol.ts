import { codecOf } from '../codec.ts'
import { array, bytes, int32, message, string } from '../schema.ts'
import type { DecodedOf, EncodedOf, Message, Shape } from '../schema.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'

const topicPartitions = { topic: string, partitions: array(int32) }

/**
 * What a consumer tells the leader of its classic group, through a coordinator that need not understand it. v1 adds
 * owned partitions (KIP-429, cooperative), v2 their generation (KIP-792), v3 the rack (KIP-881).
 */
export const ConsumerProtocolSubscription = message({
  name: 'ConsumerProtocolSubscription',
  versions: [0, 3],
  fields: {
    topics: array(string),
    userData: bytes.nullable().default(null),
    ownedPartitions: array(topicPartitions).since(1),
    generationId: int32.default(-1).since(2),
    rackId: string.nullable(3).default(null).since(3),
  },
})

/** What the leader of a classic group gives one consumer. */
export const ConsumerProtocolAssignment = message({
  name: 'ConsumerProtocolAssignment',
  versions: [0, 3],
  fields: {
    assignedPartitions: array(topicPartitions),
    userData: bytes.nullable().default(null),
  },
})

/** Reads an int16 version and a body; a later version as the latest known, since versions only append fields. */
function decodeVersioned<S extends Shape>(
  declaration: Message<S>,
  value: Buffer,
): DecodedOf<Message<S>> & { version: number } {
  const reader: Reader = new Reader(value)
  const version = reader.int16()
  if (version < 0) reader.fail(`version ${version} of ${declaration.name}`)
  const body = codecOf(declaration, Math.min(version, declaration.versions[1])).read(reader)
  return { version, ...(body as DecodedOf<Message<S>>) }
}

function encodeVersioned<S extends Shape>(
  declaration: Message<S>,
  version: number,
  value: EncodedOf<Message<S>>,
): Buffer {
  const writer = new Writer()
  writer.int16(version)
  codecOf(declaration, version).write(writer, value as never)
  return writer.toBuffer()
}

/** Reads the metadata of a member with protocol type 'consumer'; throws DecodeError. */
export function decodeSubscription(
  metadata: Buffer,
): DecodedOf<typeof ConsumerProtocolSubscription> & { version: number } {
  return decodeVersioned(ConsumerProtocolSubscription, metadata)
}

export function encodeSubscription(
  version: number,
  subscription: EncodedOf<typeof ConsumerProtocolSubscription>,
): Buffer {
  return encodeVersioned(ConsumerProtocolSubscription, version, subscription)
}

/** Reads the assignment of a member with protocol type 'consumer'; throws DecodeError. */
export function decodeAssignment(
  assignment: Buffer,
): DecodedOf<typeof ConsumerProtocolAssignment> & { version: number } {
  return decodeVersioned(ConsumerProtocolAssignment, assignment)
}

export function encodeAssignment(
  version: number,
  assignment: EncodedOf<typeof ConsumerProtocolAssignment>,
): Buffer {
  return encodeVersioned(ConsumerProtocolAssignment, version, assignment)
}
