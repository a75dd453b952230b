import { batchRecordCount } from '../../../protocol/records/batch.ts'
import type { ShardSettings } from '../../../src/coordinators/runtime/kind.ts'
import { PartitionLog } from '../../../src/coordinators/runtime/partition-log.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import type { Partition } from '../../../src/replication/partition/partition.ts'

/** A log whose batches have so many bytes; what is appended to it, and how often the value of a record was looked at. */
function logOf(maxBytes: number) {
  const batches: Buffer[] = []
  const looks = { count: 0 }
  let endOffset = 0
  const partition = {
    log: { config: { maxMessageBytes: maxBytes, segmentBytes: 1 << 30 }, highWatermark: Infinity },
    checkLeader: () => 'NONE',
    append: (
      batch: Buffer,
      _acks: number,
      _origin: string,
      _ms: number,
      done: (of: object) => void,
    ) => {
      batches.push(batch)
      const baseOffset = endOffset
      endOffset += batchRecordCount(batch, 0)
      done({ errorCode: 'NONE', baseOffset, lastOffset: endOffset - 1 })
    },
  } as unknown as Partition
  const log = new PartitionLog<number>({
    partition,
    leaderEpoch: 0,
    nextOffset: 0,
    clock: systemClock(),
    codecs: nodeCodecs(),
    encode: (fact) => ({
      key: Buffer.from([fact]),
      get value() {
        looks.count++
        return Buffer.alloc(10, fact)
      },
    }),
    settings: { commitTimeoutMs: 1000, compression: 'none' } as ShardSettings,
  })
  const prepare = (count: number) => {
    const prepared = log.prepare(Array.from({ length: count }, (_, index) => index))
    if (prepared instanceof Error) throw prepared
    return prepared
  }
  return { log, prepare, batches, looks }
}

describe('PartitionLog', () => {
  test('sizes the records of a decision once, and copies them once', () => {
    const { log, prepare, looks } = logOf(1 << 20)
    log.append([prepare(1000)], () => undefined)
    expect(looks.count).toBe(2 * 1000)
  })

  test('counts how much larger records are behind others in their batch', () => {
    // 100 records take 17 bytes each, and from the 64th on 18.
    const bytesOf = (count: number): number => {
      const { log, prepare, batches } = logOf(1 << 20)
      log.append([prepare(count)], () => undefined)
      return batches[0]!.length
    }
    const exact = bytesOf(100)
    for (const [most, count] of [
      [exact, 1],
      [exact - 1, 2],
    ] as const) {
      const { log, prepare, batches } = logOf(most)
      log.append([prepare(50), prepare(50)], () => undefined)
      expect(batches).toHaveLength(count)
      for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(most)
    }
  })
})
