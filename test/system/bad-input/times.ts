import { ListOffsets } from '../../../protocol/messages/list-offsets.ts'
import { Produce } from '../../../protocol/messages/produce.ts'
import { setBatchMaxTimestamp } from '../../../protocol/records/batch.ts'
import type { CompressionType } from '../../../protocol/records/codecs.ts'
import type { RawClient } from '../../support/raw-client.ts'
import type { BadInput, Told } from './case.ts'
import { altered, batchOf } from './case.ts'

const MINUTE_MS = 60_000
const DAY_MS = 1440 * MINUTE_MS
/** ListOffsets: the record with the greatest timestamp. */
const LATEST_IN_TIME = -3n

const record = (timestamp: number, valueBytes = 1) => ({
  timestamp,
  key: Buffer.from('k'),
  value: Buffer.alloc(valueBytes, 'v'),
})

/** A batch whose header claims another greatest timestamp than that of its records. */
const claiming = (
  claimed: number,
  timestamps: readonly number[],
  compression: CompressionType = 'none',
): Buffer =>
  altered(batchOf({ records: timestamps.map((each) => record(each)), compression }), (bytes) =>
    setBatchMaxTimestamp(bytes, 0, 'CreateTime', BigInt(claimed)),
  )

async function append(client: RawClient, topic: string, records: Buffer): Promise<Told> {
  const { responses } = await client.request(Produce, 9, {
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  })
  const { errorCode, recordErrors } = responses[0]!.partitionResponses[0]!
  if (recordErrors.length === 0) return errorCode
  return { errorCode, records: recordErrors.map(({ batchIndex }) => batchIndex) }
}

/** Offsets by time, and how long before `nowMs` the record was that was found. */
async function find(client: RawClient, topic: string, timestamp: bigint, nowMs = 0): Promise<Told> {
  const { topics } = await client.request(ListOffsets, 7, {
    replicaId: -1,
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }],
  })
  const { errorCode, offset, timestamp: found } = topics[0]!.partitions[0]!
  return [errorCode, Number(offset), found < 0n ? Number(found) : nowMs - Number(found)]
}

const lookingUp: BadInput[] = [
  {
    name: 'look-ups by time in a log without timestamps',
    ask: async (client) => {
      const topic = 'timeless'
      const told = [await find(client, topic, LATEST_IN_TIME)]
      // As librdkafka writes them: no times, and a greatest one of 0.
      for (const compression of ['none', 'gzip'] as const) {
        told.push(await append(client, topic, claiming(0, [-1, -1], compression)))
      }
      for (const timestamp of [LATEST_IN_TIME, 0n, BigInt(Date.now())]) {
        told.push(await find(client, topic, timestamp))
      }
      return told
    },
  },
  {
    name: 'look-ups by time where headers tell other times than records',
    ask: async (client) => {
      const topic = 'claimed'
      const now = Date.now()
      const told: Told[] = []
      for (const compression of ['none', 'lz4', 'zstd'] as const) {
        // As kafkajs writes them, then as those do that take the last record's time for the greatest.
        const batches = [
          claiming(now - 8 * DAY_MS, [now - 8 * DAY_MS, now - 50], compression),
          claiming(now - 90, [now - 40, now - 90], compression),
        ]
        for (const batch of batches) told.push(await append(client, topic, batch))
      }
      const asked = [now - 9 * DAY_MS, now - 50, now - 45, now - 40, now - 30].map(BigInt)
      for (const timestamp of [LATEST_IN_TIME, ...asked]) {
        told.push(await find(client, topic, timestamp, now))
      }
      return told
    },
  },
]

const bounds: BadInput[] = [
  {
    name: 'one record of a batch before message.timestamp.before.max.ms',
    ask: async (client) => {
      const told: Told[] = []
      for (const compression of ['none', 'snappy', 'gzip'] as const) {
        for (const wrong of [0, 1, 2]) {
          const [now, old] = [Date.now(), Date.now() - 10 * MINUTE_MS]
          const times = [0, 1, 2].map((index) => (index === wrong ? old : now))
          told.push(await append(client, 'recent', claiming(now, times, compression)))
        }
      }
      return told
    },
  },
  {
    name: 'records of exactly max.decompressed.message.bytes, and of a byte more',
    ask: async (client) => {
      const told: Told[] = []
      for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
        for (const bodyBytes of [1000, 1001]) {
          // A record with a key of one byte has eight bytes beside a value of so many.
          const records = [record(Date.now(), bodyBytes - 8)]
          told.push([
            compression,
            bodyBytes,
            await append(client, 'decompressed', batchOf({ records, compression })),
          ])
        }
      }
      return told
    },
  },
  {
    name: 'batches of exactly max.message.bytes, and of a byte more',
    ask: async (client) => {
      const told: Told[] = []
      for (const batchBytes of [1000, 1001]) {
        const least = batchOf({ records: [record(Date.now(), 500)] }).length
        const records = [record(Date.now(), 500 + batchBytes - least)]
        const batch = batchOf({ records })
        told.push([batch.length, await append(client, 'small', batch)])
      }
      return told
    },
  },
]

export const times: readonly BadInput[] = [...lookingUp, ...bounds]
