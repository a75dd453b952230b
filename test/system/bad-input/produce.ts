import { Produce } from '../../../protocol/messages/produce.ts'
import type { RawClient } from '../../support/raw-client.ts'
import type { BadInput, Told, World } from './case.ts'
import { altered, batchOf } from './case.ts'

interface Wrong {
  readonly topic?: string
  readonly partition?: number
  readonly acks?: number
  readonly version?: number
  readonly topicId?: (world: World) => string
  readonly records: () => Buffer | null
}

/** One partition's answer. An offset is only told where there is none. */
const told = (partition: {
  errorCode: string
  baseOffset: number
  logAppendTimeMs: number
  recordErrors: { batchIndex: number }[]
}): Told => ({
  errorCode: partition.errorCode,
  ...(partition.errorCode === 'NONE' ? {} : { baseOffset: partition.baseOffset }),
  ...(partition.recordErrors.length === 0
    ? {}
    : { records: partition.recordErrors.map(({ batchIndex }) => batchIndex) }),
})

const produces = (name: string, wrong: Wrong): BadInput => ({
  name,
  ask: async (client, world) => {
    const { topic = 'plain', partition = 0, acks = -1, version = 9, records, topicId } = wrong
    const where = topicId === undefined ? { name: topic } : { topicId: topicId(world) }
    const request = {
      acks,
      timeoutMs: 5_000,
      topicData: [{ ...where, partitionData: [{ index: partition, records: records() }] }],
    }
    if (acks === 0) {
      client.send(Produce, version, request)
      return (await client.nextFrame()) === null ? 'closed' : 'answered'
    }
    const { responses } = await client.request(Produce, version, request)
    return responses[0]!.partitionResponses.map(told)
  },
})

const record = (value: Buffer, timestamp = Date.now()) => ({
  timestamp,
  key: Buffer.from('k'),
  value,
})

const records = (count: number) =>
  Array.from({ length: count }, (_, index) => record(Buffer.from(`v${index}`)))

const headers: BadInput[] = [
  produces('magic 3', { records: () => altered(batchOf(), (bytes) => void (bytes[16] = 3)) }),
  produces('magic 1 in a new version', {
    records: () => altered(batchOf(), (bytes) => void (bytes[16] = 1)),
  }),
  produces('magic -1', { records: () => altered(batchOf(), (bytes) => void (bytes[16] = 0xff)) }),
  produces('a wrong checksum', {
    records: () => {
      const batch = batchOf()
      batch[batch.length - 1]! ^= 1
      return batch
    },
  }),
  {
    // Kafka stumbles over it and leaves the producer waiting for ever.
    ...produces('null in place of records', { records: () => null }),
    instead: [{ errorCode: 'INVALID_RECORD', baseOffset: -1 }],
  },
  produces('no records at all', { records: () => Buffer.alloc(0) }),
  produces('five bytes in place of records', { records: () => Buffer.from('hello') }),
  produces('a batch without its last byte', { records: () => batchOf().subarray(0, -1) }),
  produces('bytes after the batch', {
    records: () => Buffer.concat([batchOf(), Buffer.from('more')]),
  }),
  produces('two batches', { records: () => Buffer.concat([batchOf(), batchOf()]) }),
  produces('a batch whose length is too small for a header', {
    records: () => altered(batchOf(), (bytes) => void bytes.writeInt32BE(20, 8)),
  }),
  produces('a batch whose length is negative', {
    records: () => altered(batchOf(), (bytes) => void bytes.writeInt32BE(-5, 8)),
  }),
  produces('an offset that does not begin at 0', { records: () => batchOf({ baseOffset: 5 }) }),
  produces('fewer records than offsets', {
    records: () => altered(batchOf(), (bytes) => void bytes.writeInt32BE(3, 23)),
  }),
  produces('more records than offsets', {
    records: () => altered(batchOf(), (bytes) => void bytes.writeInt32BE(3, 57)),
  }),
  produces('a negative number of records', {
    records: () => altered(batchOf(), (bytes) => void bytes.writeInt32BE(-1, 57)),
  }),
  produces('a batch of no records', {
    records: () => altered(batchOf(), (bytes) => void bytes.writeInt32BE(0, 57)),
  }),
  produces('an unknown compression', {
    records: () => altered(batchOf(), (bytes) => void bytes.writeInt16BE(7, 21)),
  }),
  produces('a control batch', {
    records: () => altered(batchOf(), (bytes) => void bytes.writeInt16BE(32, 21)),
  }),
]

const contents: BadInput[] = [
  {
    // Kafka stumbles over it.
    ...produces('gzip that is none', {
      records: () => altered(batchOf(), (bytes) => void bytes.writeInt16BE(1, 21)),
    }),
    instead: [{ errorCode: 'INVALID_RECORD', baseOffset: -1 }],
  },
  produces('a record longer than its batch', {
    records: () => altered(batchOf(), (bytes) => void (bytes[61] = 0x7e)),
  }),
  produces('a record of a negative length', {
    records: () => altered(batchOf(), (bytes) => void (bytes[61] = 0x01)),
  }),
  produces('zstd before version 7', {
    version: 6,
    records: () => batchOf({ compression: 'zstd' }),
  }),
  produces('a record larger than max.message.bytes', {
    topic: 'small',
    records: () => batchOf({ records: [record(Buffer.alloc(2000, 'x'))] }),
  }),
  produces('a batch larger than max.message.bytes of small records', {
    topic: 'small',
    records: () => batchOf({ records: records(500) }),
  }),
  produces('a record without key for a compacted topic', {
    topic: 'compacted',
    records: () =>
      batchOf({ records: [record(Buffer.from('v')), { ...record(Buffer.from('v')), key: null }] }),
  }),
  {
    // Kafka stumbles over it.
    ...produces('gzip that is none, to be compressed anew', {
      topic: 'squeezed',
      records: () => altered(batchOf(), (bytes) => void bytes.writeInt16BE(1, 21)),
    }),
    instead: [{ errorCode: 'INVALID_RECORD', baseOffset: -1 }],
  },
  produces('a record longer than its batch, to be compressed anew', {
    topic: 'squeezed',
    records: () => altered(batchOf(), (bytes) => void (bytes[61] = 0x7e)),
  }),
  produces('fewer records than the header says, to be compressed anew', {
    topic: 'squeezed',
    records: () =>
      altered(batchOf(), (bytes) => {
        bytes.writeInt32BE(1, 23)
        bytes.writeInt32BE(2, 57)
      }),
  }),
  produces('bytes after the last record, to be compressed anew', {
    topic: 'squeezed',
    records: () =>
      altered(batchOf(), (bytes) => {
        const longer = Buffer.concat([bytes, Buffer.alloc(3)])
        longer.writeInt32BE(longer.length - 12, 8)
        return longer
      }),
  }),
  produces('records that count their offsets wrong, to be compressed anew', {
    topic: 'squeezed',
    records: () => altered(batchOf(), (bytes) => void (bytes[64] = 0x0e)),
  }),
  produces('a batch that is too large when it is not compressed any more', {
    topic: 'loose',
    records: () => batchOf({ records: [record(Buffer.alloc(2000, 'x'))], compression: 'gzip' }),
  }),
  produces('the broker’s time by a producer, where it is the broker’s', {
    topic: 'stamped',
    records: () => altered(batchOf(), (bytes) => void bytes.writeInt16BE(8, 21)),
  }),
  produces('the broker’s time by a producer, where it is the producer’s', {
    records: () => altered(batchOf(), (bytes) => void bytes.writeInt16BE(8, 21)),
  }),
  produces('a record of the day after tomorrow', {
    records: () => batchOf({ records: [record(Buffer.from('v'), Date.now() + 172_800_000)] }),
  }),
]

/** The broker gives such a batch its own time, and looks at its records all the same. */
const stamped: BadInput[] = [
  produces('fewer records than the header says, where the time is the broker’s', {
    topic: 'stamped',
    records: () =>
      altered(batchOf(), (bytes) => {
        bytes.writeInt32BE(1, 23)
        bytes.writeInt32BE(2, 57)
      }),
  }),
  produces('a record longer than its batch, where the time is the broker’s', {
    topic: 'stamped',
    records: () => altered(batchOf(), (bytes) => void (bytes[61] = 0x7e)),
  }),
  produces('bytes after the last record, where the time is the broker’s', {
    topic: 'stamped',
    records: () =>
      altered(batchOf(), (bytes) => {
        const longer = Buffer.concat([bytes, Buffer.alloc(3)])
        longer.writeInt32BE(longer.length - 12, 8)
        return longer
      }),
  }),
  produces('records that count their offsets wrong, where the time is the broker’s', {
    topic: 'stamped',
    records: () => altered(batchOf(), (bytes) => void (bytes[64] = 0x0e)),
  }),
  produces('lz4 with fewer records than the header says, where the time is the broker’s', {
    topic: 'stamped',
    records: () =>
      altered(batchOf({ compression: 'lz4', records: records(3) }), (bytes) => {
        bytes.writeInt32BE(3, 23)
        bytes.writeInt32BE(4, 57)
      }),
  }),
]

const producers: BadInput[] = [
  produces('a producer id without a sequence', {
    records: () => batchOf({ producerId: 4000, producerEpoch: 0, baseSequence: -1 }),
  }),
  produces('a producer that nobody knows and that begins in the middle', {
    records: () => batchOf({ producerId: 4001, producerEpoch: 0, baseSequence: 7 }),
  }),
  {
    name: 'a gap in a producer’s sequence, then an older epoch, then a batch again',
    ask: async (client) => {
      const send = async (producerEpoch: number, baseSequence: number): Promise<Told> => {
        const batch = batchOf({ producerId: 4002, producerEpoch, baseSequence })
        const { responses } = await client.request(Produce, 9, {
          acks: -1,
          timeoutMs: 5_000,
          topicData: [{ name: 'plain', partitionData: [{ index: 0, records: batch }] }],
        })
        return told(responses[0]!.partitionResponses[0]!)
      }
      return [await send(1, 0), await send(1, 5), await send(0, 1), await send(1, 0)]
    },
  },
  produces('a transactional batch outside any transaction', {
    records: () =>
      batchOf({ isTransactional: true, producerId: 4003, producerEpoch: 0, baseSequence: 0 }),
  }),
]

const ZERO = 'A'.repeat(22)
const places: BadInput[] = [
  produces('an unknown topic', { topic: 'nowhere', records: batchOf }),
  produces('an unknown partition', { partition: 77, records: batchOf }),
  produces('a negative partition', { partition: -1, records: batchOf }),
  produces('a topic name that can’t be', { topic: 'a/b', records: batchOf }),
  produces('an empty topic name', { topic: '', records: batchOf }),
  produces('an unknown topic id', {
    version: 13,
    topicId: () => 'qqqqqqqqqqqqqqqqqqqqqg',
    records: batchOf,
  }),
  produces('no topic id', { version: 13, topicId: () => ZERO, records: batchOf }),
  produces('an unknown partition of a topic id', {
    version: 13,
    topicId: ({ topicId }) => topicId,
    partition: 5,
    records: batchOf,
  }),
  produces('a topic of the coordinators', { topic: '__consumer_offsets', records: batchOf }),
  produces('acks=2', { acks: 2, records: batchOf }),
  produces('acks=-2', { acks: -2, records: batchOf }),
  produces('an unknown topic with acks=0', { topic: 'nowhere', acks: 0, records: batchOf }),
  produces('a wrong magic with acks=0', {
    acks: 0,
    records: () => altered(batchOf(), (bytes) => void (bytes[16] = 3)),
  }),
]

const several: BadInput = {
  name: 'a wrong batch between two right ones',
  ask: async (client: RawClient) => {
    const wrong = altered(batchOf(), (bytes) => void (bytes[16] = 3))
    const { responses } = await client.request(Produce, 9, {
      acks: -1,
      timeoutMs: 5_000,
      topicData: [
        { name: 'plain', partitionData: [{ index: 0, records: batchOf() }] },
        { name: 'nowhere', partitionData: [{ index: 0, records: batchOf() }] },
        { name: 'small', partitionData: [{ index: 0, records: wrong }] },
        { name: 'compacted', partitionData: [{ index: 0, records: batchOf() }] },
      ],
    })
    return responses
      .map(({ name, partitionResponses }) => ({ name, told: partitionResponses.map(told) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  },
}

export const producing: readonly BadInput[] = [
  ...headers,
  ...contents,
  ...stamped,
  ...producers,
  ...places,
  several,
]
