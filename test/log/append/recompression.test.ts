import {
  batchAttributes,
  batchBaseSequence,
  batchBaseTimestamp,
  batchCrc,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  buildBatch,
  compressionType,
  isControl,
  isTransactional,
  readBatches,
  readRecords,
  setBatchCrc,
  setBatchMaxTimestamp,
  timestampType,
} from '../../../protocol/records/batch.ts'
import { COMPRESSION_TYPES, type CompressionType } from '../../../protocol/records/codecs.ts'
import type { LogConfig } from '../../../src/log/base/config.ts'
import type { AppendOrigin } from '../../../src/log/base/results.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'
import { heldWorkers } from './held-workers.ts'
import { append, batchOf, codecs, openLog, readAll, realHost } from '../support.ts'

const temporaryDirectory = useTemporaryDirectories()
const host = realHost()
afterAll(() => host.workers.close())

function compressedBy(type: CompressionType, level: number | null = null): Partial<LogConfig> {
  return { compression: { type, level } }
}

/** Enough for a thread, and as random as base64 is. */
function records(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    timestamp: 1_700_000_000_000 + (index % 7),
    key: Buffer.from(`key ${index}`),
    value: host.random.bytes(90).toString('base64url'),
    headers: [{ key: 'h', value: Buffer.from([index & 255]) }],
  })).map((record) => ({ ...record, value: Buffer.from(record.value) }))
}

const plain = ({ offset, timestamp, key, value, headers }: ReturnType<typeof firstRecord>) => ({
  offset,
  timestamp,
  key,
  value,
  headers,
})

function firstRecord(batch: Buffer) {
  return readRecords(batch, codecs).next().value!
}

describe.each(COMPRESSION_TYPES)('compression.type for what is stored: %s', (stored) => {
  test.each(COMPRESSION_TYPES)('batches that arrive with %s', async (sent) => {
    for (const count of [1, 700]) {
      const { log } = await openLog(temporaryDirectory(), { host, config: compressedBy(stored) })
      const batch = buildBatch(
        {
          records: records(count),
          compression: sent,
          producerId: 7,
          producerEpoch: 3,
          baseSequence: 0,
          isTransactional: true,
        },
        codecs,
      )
      const before = Buffer.from(batch)
      expect(await append(log, batch, { epoch: 5 })).toMatchObject({ errorCode: 'NONE' })
      const { bytes } = await readAll(log, 0, { maxBytes: 1 << 24 })
      expect([...readBatches(bytes)]).toHaveLength(1)
      expect(compressionType(batchAttributes(bytes, 0))).toBe(stored)
      expect(isTransactional(batchAttributes(bytes, 0))).toBe(true)
      expect([
        batchProducerId(bytes, 0),
        batchProducerEpoch(bytes, 0),
        batchBaseSequence(bytes, 0),
        batchLeaderEpoch(bytes, 0),
        batchRecordCount(bytes, 0),
      ]).toEqual([7, 3, 0, 5, count])
      expect(batchBaseTimestamp(bytes, 0)).toBe(batchBaseTimestamp(before, 0))
      expect(batchMaxTimestamp(bytes, 0)).toBe(batchMaxTimestamp(before, 0))
      expect(batchCrc(bytes, 0)).toBe(codecs.crc32c(bytes.subarray(21)))
      expect(Array.from(readRecords(bytes, codecs), plain)).toEqual(
        Array.from(readRecords(before, codecs), plain),
      )
    }
  })
})

test('batches that have the compression already are stored as they came', async () => {
  const { log } = await openLog(temporaryDirectory(), { host, config: compressedBy('gzip', 9) })
  const batch = buildBatch({ records: records(700), compression: 'gzip' }, codecs)
  const before = Buffer.from(batch)
  await append(log, batch)
  const { bytes } = await readAll(log, 0)
  expect(bytes.subarray(16).equals(before.subarray(16))).toBe(true)
})

test.each<[CompressionType, number, number]>([
  ['gzip', 1, 9],
  ['zstd', -50, 9],
])('the level of %s is acted upon', async (type, low, high) => {
  const sizes: number[] = []
  for (const level of [low, high]) {
    const { log } = await openLog(temporaryDirectory(), {
      host,
      config: compressedBy(type, level),
    })
    const words = Array.from({ length: 700 }, (_, index) => ({
      timestamp: 1,
      key: null,
      value: Buffer.from(`line ${(index * 7919) % 1009} of ${index ** 3} and so on; `.repeat(3)),
    }))
    await append(log, buildBatch({ records: words }, codecs))
    sizes.push(log.sizeBytes)
  }
  expect(sizes[1]).toBeLessThan(sizes[0]!)
})

test('with LogAppendTime a batch that is compressed anew has the broker’s time', async () => {
  const { log } = await openLog(temporaryDirectory(), {
    host,
    config: { ...compressedBy('lz4'), messageTimestampType: 'LogAppendTime' },
  })
  const batch = buildBatch({ records: records(700) }, codecs)
  const { logAppendTimeMs } = await append(log, batch)
  const { bytes } = await readAll(log, 0, { maxBytes: 1 << 24 })
  expect(compressionType(batchAttributes(bytes, 0))).toBe('lz4')
  expect(timestampType(batchAttributes(bytes, 0))).toBe('LogAppendTime')
  expect(Number(firstRecord(bytes).timestamp)).toBe(logAppendTimeMs)
  expect(batchCrc(bytes, 0)).toBe(codecs.crc32c(bytes.subarray(21)))
})

test('the greatest timestamp is that of the records, whatever the header said', async () => {
  const { log } = await openLog(temporaryDirectory(), { host, config: compressedBy('lz4') })
  const batch = buildBatch({ records: records(700) }, codecs)
  setBatchMaxTimestamp(batch, 0, 'CreateTime', 1_700_000_000_001n)
  setBatchCrc(batch, 0, codecs.crc32c)
  await append(log, batch)
  const { bytes } = await readAll(log, 0, { maxBytes: 1 << 24 })
  expect(batchMaxTimestamp(bytes, 0)).toBe(1_700_000_000_006n)
})

test('markers of transactions stay as they are', async () => {
  const { log } = await openLog(temporaryDirectory(), { config: compressedBy('gzip') })
  const key = Buffer.from([0, 0, 0, 1])
  const value = Buffer.alloc(6)
  const marker = buildBatch(
    {
      records: [{ timestamp: 1, key, value }],
      producerId: 7,
      producerEpoch: 0,
      isTransactional: true,
      isControl: true,
    },
    codecs,
  )
  const result = await append(log, marker, { origin: 'coordinator' })
  expect(result.errorCode).toBe('NONE')
  const { bytes } = await readAll(log, 0)
  const attributes = batchAttributes(bytes, 0)
  expect([isControl(attributes), compressionType(attributes)]).toEqual([true, 'none'])
})

test('a coordinator’s records are compressed anew, those of the metadata log are not', async () => {
  for (const [origin, stored] of [
    ['coordinator', 'gzip'],
    ['raft', 'none'],
  ] as const) {
    const { log } = await openLog(temporaryDirectory(), { host, config: compressedBy('gzip') })
    expect(await append(log, batchOf(3), { origin })).toMatchObject({ errorCode: 'NONE' })
    const { bytes } = await readAll(log, 0)
    expect(compressionType(batchAttributes(bytes, 0))).toBe(stored)
  }
})

test('max.message.bytes counts before and after', async () => {
  const maxMessageBytes = 200_000
  const config = { ...compressedBy('none'), maxMessageBytes }
  const { log } = await openLog(temporaryDirectory(), { host, config })
  const grows = buildBatch(
    { records: [{ timestamp: 1, key: null, value: Buffer.alloc(300_000) }], compression: 'lz4' },
    codecs,
  )
  expect(grows.length).toBeLessThan(maxMessageBytes)
  expect((await append(log, grows)).errorCode).toBe('MESSAGE_TOO_LARGE')
  log.updateConfig({ ...log.config, ...compressedBy('lz4') })
  expect((await append(log, batchOf(1, 300_000))).errorCode).toBe('MESSAGE_TOO_LARGE')
  expect(log.logEndOffset).toBe(0)
})

test('records that break the format, and bombs, are refused', async () => {
  const { log } = await openLog(temporaryDirectory(), { host, config: compressedBy('lz4') })
  const bomb = batchOf(1, 10)
  // A gzip file may have many members, one after the other.
  const zeros = codecs.compress('gzip', Buffer.alloc(1 << 20))
  const members = Buffer.concat(Array.from({ length: 150 }, () => zeros))
  const hostile = Buffer.concat([bomb.subarray(0, 61), members])
  hostile.writeInt32BE(hostile.length - 12, 8)
  hostile.writeInt16BE(1, 21)
  setBatchCrc(hostile, 0, codecs.crc32c)
  const refused = await append(log, hostile)
  expect(refused.errorCode).toBe('INVALID_RECORD')
  expect(refused.errorMessage).toContain('more than 134217728 bytes')
  const rotten = batchOf(1, 10)
  rotten.fill(0xff, 61)
  setBatchCrc(rotten, 0, codecs.crc32c)
  expect((await append(log, rotten)).errorCode).toBe('INVALID_RECORD')
})

test('a batch with very many bad records names the first thousand', async () => {
  const config = { compacted: true, maxMessageBytes: 1 << 24 }
  const { log } = await openLog(temporaryDirectory(), { host, config })
  const result = await append(log, batchOf(5000, 1, { compression: 'gzip' }))
  expect(result.errorCode).toBe('INVALID_RECORD')
  expect(result.recordErrors).toHaveLength(1000)
  expect(result.errorMessage).toContain('5000 records were refused')
})

describe('an append that waits for a thread', () => {
  /** Large enough for a thread, and small when it is compressed. */
  const heavy = (more = {}) => batchOf(100, 1000, more)

  async function open(config: Partial<LogConfig> = compressedBy('lz4')) {
    const workers = heldWorkers()
    const opened = await openLog(temporaryDirectory(), { host: { ...host, workers }, config })
    const order: string[] = []
    const send = (name: string, batch: Buffer, epoch = 0, origin: AppendOrigin = 'client') =>
      append(opened.log, batch, { epoch, origin }).then((result) => {
        order.push(name)
        return result
      })
    return { ...opened, workers, order, send }
  }

  test('holds up those behind it, and threads may finish in any order', async () => {
    const { log, workers, order, send } = await open()
    const results = [
      send('first', heavy()),
      send('light', batchOf(2)),
      send('second', heavy()),
      send('refused', Buffer.from(batchOf(1).fill(0xff, 70))),
      send('last', batchOf(3, 5, { compression: 'lz4' })),
    ]
    expect(workers.waiting).toEqual(['validateInThread', 'validateInThread'])
    await workers.finish(1)
    expect([order, log.logEndOffset]).toEqual([[], 0])
    await workers.finish(0)
    expect((await Promise.all(results)).map((each) => each.baseOffset)).toEqual([
      0, 100, 102, -1, 202,
    ])
    expect([...order].sort()).toEqual(['first', 'last', 'light', 'refused', 'second'])
    expect(log.logEndOffset).toBe(205)
    const { bytes } = await readAll(log, 0, { maxBytes: 1 << 24 })
    expect(Array.from(readBatches(bytes), (batch) => batchRecordCount(batch, 0))).toEqual([
      100, 2, 100, 3,
    ])
  })

  test('holds up what needs no look at all', async () => {
    const { workers, order, send } = await open({ messageTimestampType: 'CreateTime' })
    const results = [send('first', heavy({ compression: 'zstd' })), send('light', batchOf(2))]
    expect(workers.waiting).toHaveLength(1)
    await workers.finish(0)
    expect((await Promise.all(results)).map((each) => each.baseOffset)).toEqual([0, 100])
    expect(order).toEqual(['first', 'light'])
  })

  test('does not hold up other partitions', async () => {
    const { manager, workers, send } = await open()
    const first = send('first', heavy())
    const other = await manager.createLog('u', 0, 'AAAAAAAAAAAAAAAAAAAAAg', {
      ...manager.get('t', 0)!.config,
      compression: null,
    })
    expect((await append(other, batchOf(1))).errorCode).toBe('NONE')
    await workers.finish(0)
    expect((await first).errorCode).toBe('NONE')
  })

  test('is not checked against sequence numbers before its turn, and its copy is a duplicate', async () => {
    const { workers, send } = await open()
    const sequenced = (baseSequence: number, more = {}) =>
      heavy({ producerId: 9, producerEpoch: 0, baseSequence, timestamp: 1000, ...more })
    const results = [
      send('first', sequenced(0)),
      send('copy', sequenced(0)),
      send('next', batchOf(1, 5, { producerId: 9, producerEpoch: 0, baseSequence: 100 })),
      send('gap', batchOf(1, 5, { producerId: 9, producerEpoch: 0, baseSequence: 500 })),
    ]
    await workers.finish(1)
    await workers.finish(0)
    expect((await Promise.all(results)).map((each) => [each.errorCode, each.baseOffset])).toEqual([
      ['NONE', 0],
      ['NONE', 0],
      ['NONE', 100],
      ['OUT_OF_ORDER_SEQUENCE_NUMBER', -1],
    ])
  })

  test('fails alone where its thread does', async () => {
    const { workers, send } = await open()
    const results = [send('broken', heavy()), send('whole', heavy()), send('light', batchOf(1))]
    await workers.break(0)
    await workers.finish(0)
    expect((await Promise.all(results)).map((each) => [each.errorCode, each.baseOffset])).toEqual([
      ['UNKNOWN_SERVER_ERROR', -1],
      ['NONE', 0],
      ['NONE', 100],
    ])
  })

  test('fails with the directory, whatever the thread says later', async () => {
    const { manager, workers, log, send } = await open()
    const results = [send('first', heavy()), send('light', batchOf(1))]
    manager.directories[0]!.fail('write a test', new Error('no more disk'))
    for (const result of await Promise.all(results)) {
      expect(result.errorCode).toBe('KAFKA_STORAGE_ERROR')
    }
    await workers.finish(0)
    expect(log.logEndOffset).toBe(0)
  })

  test('is written before the log closes', async () => {
    const path = temporaryDirectory()
    const { manager, log } = await openLog(path, { host, config: compressedBy('lz4') })
    const result = append(log, heavy())
    await manager.close()
    expect((await result).errorCode).toBe('NONE')
    expect((await openLog(path)).log.logEndOffset).toBe(100)
  })

  test('is refused when leadership ends, and so are those behind it', async () => {
    const { workers, log, send } = await open()
    const results = [send('first', heavy()), send('light', batchOf(1))]
    log.endLeadership()
    for (const result of await Promise.all(results)) {
      expect(result.errorCode).toBe('NOT_LEADER_OR_FOLLOWER')
    }
    await workers.finish(0)
    expect(log.logEndOffset).toBe(0)
  })

  test('is not looked at any more once it is refused', async () => {
    const { workers, log, send } = await open()
    const results = Array.from({ length: 5 }, (_, index) => send(`${index}`, heavy()))
    expect(workers.waiting).toHaveLength(3)
    log.endLeadership()
    await workers.finish(0)
    expect(workers.waiting).toHaveLength(2)
    for (const result of await Promise.all(results)) {
      expect(result.errorCode).toBe('NOT_LEADER_OR_FOLLOWER')
    }
  })

  test('is of the epoch that has begun when its turn comes', async () => {
    const { workers, log, send } = await open()
    const result = send('first', heavy(), 5)
    log.beginEpoch(6)
    await workers.finish(0)
    expect((await result).errorCode).toBe('NONE')
    const { bytes } = await readAll(log, 0, { maxBytes: 1 << 24 })
    expect([batchLeaderEpoch(bytes, 0), log.latestEpoch, log.epochAt(0)]).toEqual([6, 6, 6])
  })

  test('is refused where it is a coordinator’s and another epoch has begun: what it says was decided in its own', async () => {
    const { workers, log, send } = await open()
    const results = [
      send('first', heavy(), 5, 'coordinator'),
      send('behind it', batchOf(1), 5, 'coordinator'),
      send('client', batchOf(2), 5),
    ]
    log.beginEpoch(6)
    await workers.finish(0)
    expect((await Promise.all(results)).map(({ errorCode }) => errorCode)).toEqual([
      'NOT_LEADER_OR_FOLLOWER',
      'NOT_LEADER_OR_FOLLOWER',
      'NONE',
    ])
    expect(log.logEndOffset).toBe(2)
    const same = send('same epoch', heavy(), 6, 'coordinator')
    await workers.finish(0)
    expect((await same).errorCode).toBe('NONE')
  })

  test('a truncation waits for it', async () => {
    const { workers, log, send } = await open()
    const result = send('first', heavy())
    const truncated = log.truncateTo(0)
    await workers.finish(0)
    await truncated
    expect((await result).errorCode).toBe('NONE')
    expect(log.logEndOffset).toBe(0)
  })
})

describe('little work is done at once, much in a thread', () => {
  const STAMPED = { messageTimestampType: 'LogAppendTime' } as const
  const GZIP = { compression: 'gzip' } as const
  test.each<[string, Partial<LogConfig>, () => Buffer, number]>([
    ['much that is compressed', {}, () => batchOf(100, 10_000, { compression: 'gzip' }), 1],
    ['much that is not compressed', {}, () => batchOf(900, 1000), 0],
    ['very many records that are not compressed', {}, () => batchOf(30_000, 1), 1],
    ['much whose own times do not count', STAMPED, () => batchOf(100, 10_000, GZIP), 1],
    ['few records of a compacted topic', { compacted: true }, () => keyed(10, 'gzip'), 0],
    ['many records of a compacted topic', { compacted: true }, () => keyed(2000, 'none'), 0],
    ['many of them to another compression', compressedBy('lz4'), () => keyed(2000, 'none'), 1],
    ['compressed bytes that are more than a few', {}, () => random(8000, 'gzip'), 1],
    ['few bytes that are many', {}, () => keyed(1, 'gzip', 100_000), 1],
    ['as much for a fast compression', {}, () => random(60_000, 'snappy'), 0],
    ['few bytes that are as many, by a fast one', {}, () => keyed(1, 'lz4', 200_000), 0],
    ['much even for a fast compression', {}, () => random(70_000, 'snappy'), 1],
    ['few bytes that are many even for a fast one', {}, () => keyed(1, 'lz4', 300_000), 1],
    ['a little in sixteen blocks', {}, () => inBlocks(16), 0],
    ['a little in more blocks than any client makes', {}, () => inBlocks(17), 1],
    ['a little to lz4', compressedBy('lz4'), () => keyed(10, 'gzip'), 0],
    ['a little to gzip', compressedBy('gzip'), () => keyed(10, 'lz4'), 1],
  ])('%s', async (_, config, build, jobs) => {
    const workers = heldWorkers()
    const { log } = await openLog(temporaryDirectory(), { host: { ...host, workers }, config })
    const result = append(log, build())
    expect(workers.waiting).toHaveLength(jobs)
    if (jobs > 0) await workers.finish(0)
    expect((await result).errorCode).toBe('NONE')
  })

  function random(valueBytes: number, compression: CompressionType): Buffer {
    const record = {
      timestamp: Date.now(),
      key: Buffer.from('key'),
      value: host.random.bytes(valueBytes),
    }
    return buildBatch({ records: [record], compression }, codecs)
  }

  /** In Java's framing of snappy, which begins with a header of 16 bytes. */
  function inBlocks(count: number): Buffer {
    const compress = (type: CompressionType, bytes: Uint8Array): Buffer => {
      const size = Math.ceil(bytes.length / count)
      const blocks = Array.from({ length: count }, (_, index) =>
        codecs.compress(type, bytes.subarray(index * size, (index + 1) * size)),
      )
      return Buffer.concat([
        blocks[0]!.subarray(0, 16),
        ...blocks.map((block) => block.subarray(16)),
      ])
    }
    const timestamp = Date.now()
    const records = [{ timestamp, key: Buffer.from('key'), value: Buffer.alloc(1000) }]
    return buildBatch({ records, compression: 'snappy' }, { ...codecs, compress })
  }

  function keyed(count: number, compression: CompressionType, valueBytes = 40): Buffer {
    const key = Buffer.from('key')
    const timestamp = Date.now()
    const value = Buffer.alloc(valueBytes)
    return buildBatch(
      { records: Array.from({ length: count }, () => ({ timestamp, key, value })), compression },
      codecs,
    )
  }
})

test('look-ups by time read large compressed batches in a thread', async () => {
  const workers = heldWorkers()
  const { log } = await openLog(temporaryDirectory(), { host: { ...host, workers } })
  const timestamp = 1_700_000_000_000
  const appended = append(log, batchOf(3000, 20, { timestamp, compression: 'gzip' }))
  await workers.finish(0)
  await appended
  const lookUp = async (look: () => Promise<unknown>) => {
    const found = look()
    while (workers.waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(workers.waiting).toEqual(['findRecordInThread'])
    await workers.finish(0)
    return found
  }
  const expected = (index: number) => ({
    offset: index,
    timestamp: BigInt(timestamp + index),
    leaderEpoch: 0,
  })
  const wanted = BigInt(timestamp + 1234)
  expect(await lookUp(() => log.offsetForTimestamp(wanted))).toEqual(expected(1234))
  expect(await lookUp(() => log.latestTimestamp())).toEqual(expected(2999))
})

test('a look-up whose thread ends fails alone: nothing is wrong with the disk', async () => {
  const workers = heldWorkers()
  const { log } = await openLog(temporaryDirectory(), { host: { ...host, workers } })
  const appended = append(log, batchOf(3000, 20, { timestamp: 1000, compression: 'gzip' }))
  await workers.finish(0)
  await appended
  const found = log.offsetForTimestamp(2000n)
  const failed = expect(found).rejects.toMatchObject({ code: 'CORRUPT_RECORD' })
  while (workers.waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await workers.break(0)
  await failed
  expect((await append(log, batchOf(1))).errorCode).toBe('NONE')
})
