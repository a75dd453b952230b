import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decoderFor } from '../../bin/dump/decoders.ts'
import { dumpFile, fileKind } from '../../bin/dump/file.ts'
import type { DumpItem } from '../../bin/dump/log.ts'
import { buildBatch, buildMessages } from '../../protocol/records/batch.ts'
import { encodeControlRecord } from '../../protocol/state/control-records.ts'
import { groupRecords } from '../../protocol/state/group-records.ts'
import { encodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { systemDisk } from '../../src/host/disk.ts'
import { encodeProducerSnapshot } from '../../src/log/producers/producer-snapshot.ts'
import { ProducerEntry } from '../../src/log/producers/producer-entry.ts'

const codecs = nodeCodecs()
const base = '00000000000000000000'
let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ottla-dump-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

function dump(name: string, content: Buffer | string, partition = 'orders-0'): DumpItem[] {
  const folder = join(directory, partition)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, name)
  writeFileSync(path, content)
  return [...dumpFile(path, { disk: systemDisk(), codecs, withRecords: true })]
}

function problems(items: readonly DumpItem[]): string[] {
  return items.flatMap((item) => (item.kind === 'problem' ? item.problem : []))
}

const batchOf = (baseOffset: number, count: number): Buffer =>
  buildBatch(
    {
      baseOffset,
      leaderEpoch: 3,
      compression: 'gzip',
      producerId: 9,
      producerEpoch: 1,
      baseSequence: 5,
      records: Array.from({ length: count }, (_, index) => ({
        timestamp: 1000 + baseOffset + index,
        key: null,
        value: Buffer.from(`value ${index}`),
      })),
    },
    codecs,
  )

describe('Dumping a segment', () => {
  test('tells every fact of each batch and record', () => {
    const items = dump(`${base}.log`, Buffer.concat([batchOf(0, 2), batchOf(2, 1)]))
    expect(items).toHaveLength(2)
    expect(items[0]).toMatchObject({
      kind: 'batch',
      batch: {
        baseOffset: 0,
        lastOffset: 1,
        count: 2,
        baseSequence: 5,
        lastSequence: 6,
        producerId: 9,
        producerEpoch: 1,
        partitionLeaderEpoch: 3,
        isTransactional: false,
        isControl: false,
        deleteHorizonMs: null,
        position: 0,
        timestampType: 'CreateTime',
        timestamp: 1001n,
        magic: 2,
        compression: 'gzip',
        isValid: true,
      },
      records: [
        { offset: 0, timestamp: 1000n, keySize: -1, valueSize: 7, sequence: 5, meaning: null },
        { offset: 1, timestamp: 1001n, sequence: 6, value: Buffer.from('value 1') },
      ],
    })
  })

  test('goes on behind a batch with a wrong checksum, and says so', () => {
    const damaged = batchOf(0, 2)
    damaged[damaged.length - 1]! ^= 1
    const items = dump(`${base}.log`, Buffer.concat([damaged, batchOf(2, 1)]))
    expect(problems(items)).toEqual([
      'The batch at position 0 is not valid: its checksum or a field of it is wrong',
    ])
    expect(items.filter(({ kind }) => kind === 'batch')).toHaveLength(2)
  })

  test.each([
    ['the rest of a torn write', batchOf(1, 1).subarray(0, 50), /beginning of a batch of/],
    [
      'preallocated zeros',
      Buffer.alloc(100),
      /100 bytes from position \d+ on that begin with zeros/,
    ],
    ['noise', Buffer.alloc(100, 0x11), /no batch: magic 17/],
    ['a few bytes', Buffer.from('abc'), /less than a header/],
  ])('ends at %s', (_, tail, message) => {
    const items = dump(`${base}.log`, Buffer.concat([batchOf(0, 1), tail]))
    expect(items[0]!.kind).toBe('batch')
    expect(problems(items)).toEqual([expect.stringMatching(message)])
  })

  test('finds offsets that go back', () => {
    const items = dump(`${base}.log`, Buffer.concat([batchOf(5, 2), batchOf(6, 1)]))
    expect(problems(items)[0]).toContain('begins with offset 6, and the one before it ends with 6')
  })

  test('reads messages of magic 0 and 1', () => {
    const messages = buildMessages(
      { magic: 1, records: [{ offset: 7, timestamp: 5, key: null, value: Buffer.from('old') }] },
      codecs,
    )
    expect(dump(`${base}.log`, messages)[0]).toMatchObject({
      batch: { baseOffset: 7, lastOffset: 7, count: 1, magic: 1, isValid: true },
      records: [{ offset: 7, value: Buffer.from('old') }],
    })
  })

  test('knows the records of the metadata log, of groups, and of control batches', () => {
    const metadata = encodeMetadataRecord({
      type: 'FeatureLevelRecord',
      value: { name: 'metadata.version', featureLevel: 30 },
    })
    const control = encodeControlRecord({ type: 'COMMIT', value: { coordinatorEpoch: 4 } })
    const group = groupRecords.encode({
      type: 'OffsetCommit',
      key: { group: 'g', topic: 't', partition: 1 },
      value: null,
    })
    const meaning = (
      partition: string,
      key: Buffer | null,
      value: Buffer | null,
      isControl = false,
    ) => {
      const batch = buildBatch({ records: [{ timestamp: 1, key, value }], isControl }, codecs)
      const [item] = dump(`${base}.log`, batch, partition)
      return item?.kind === 'batch' ? item.records?.[0]?.meaning : undefined
    }
    expect(meaning('__cluster_metadata-0', null, metadata)).toEqual({
      type: 'FeatureLevelRecord',
      version: 0,
      value: { name: 'metadata.version', featureLevel: 30 },
    })
    expect(meaning('orders-0', control.key, control.value, true)).toEqual({
      type: 'COMMIT',
      value: { coordinatorEpoch: 4 },
    })
    expect(meaning('__consumer_offsets-7', group.key, group.value)).toMatchObject({
      type: 'OffsetCommit',
      key: { group: 'g', topic: 't', partition: 1 },
      value: null,
    })
    expect(meaning('__cluster_metadata-0', null, Buffer.from('x'))).toHaveProperty('problem')
  })
})

describe('Dumping an index', () => {
  const first = batchOf(0, 2)

  test('holds it against the segment', () => {
    const entry = (relative: number, position: number): Buffer => {
      const bytes = Buffer.alloc(8)
      bytes.writeInt32BE(relative, 0)
      bytes.writeInt32BE(position, 4)
      return bytes
    }
    dump(`${base}.log`, Buffer.concat([first, batchOf(2, 1), batchOf(3, 1)]))
    const right = entry(2, first.length)
    expect(dump(`${base}.index`, Buffer.concat([right, Buffer.alloc(80)]))).toEqual([
      { kind: 'entry', entry: { offset: 2, position: first.length } },
    ])
    const wrong = dump(
      `${base}.index`,
      Buffer.concat([entry(1, first.length), entry(3, first.length + 1)]),
    )
    expect(problems(wrong)).toEqual([
      `Offset 1 has position ${first.length}, and the batch there ends with offset 2`,
      `Offset 3 has position ${first.length + 1}, where no batch begins`,
    ])
  })

  test('of times, too', () => {
    const entry = Buffer.alloc(12)
    entry.writeBigInt64BE(1001n, 0)
    entry.writeInt32BE(1, 8)
    dump(`${base}.log`, first)
    expect(dump(`${base}.timeindex`, entry)).toEqual([
      { kind: 'entry', entry: { timestamp: 1001n, offset: 1 } },
    ])
    entry.writeBigInt64BE(1002n, 0)
    expect(problems(dump(`${base}.timeindex`, entry))).toEqual([
      'The batch that ends with offset 1 has the timestamp 1001, not 1002',
    ])
  })
})

describe('Dumping other files', () => {
  test('producers of a snapshot', () => {
    const producer = new ProducerEntry(7)
    producer.epoch = 2
    producer.lastTimestamp = 5n
    producer.batches.push({ lastSequence: 9, lastOffset: 20, offsetDelta: 3, timestamp: 5n })
    const content = encodeProducerSnapshot([producer], (bytes) => codecs.crc32c(bytes))
    expect(dump(`${base}.snapshot`, content)).toMatchObject([
      {
        entry: {
          producerId: 7,
          producerEpoch: 2,
          firstSequence: 6,
          lastSequence: 9,
          lastOffset: 20,
        },
      },
    ])
    content[12]! ^= 1
    expect(problems(dump(`${base}.snapshot`, content))).toHaveLength(1)
  })

  test('checkpoints, properties and what else is text', () => {
    expect(dump('leader-epoch-checkpoint', '0\n1\n4 100\n')).toEqual([
      { kind: 'entry', entry: { epoch: 4, startOffset: 100 } },
    ])
    expect(dump('recovery-point-offset-checkpoint', '0\n1\nmy-topic 3 42\n')).toEqual([
      { kind: 'entry', entry: { partition: 'my-topic-3', offset: 42 } },
    ])
    expect(dump('meta.properties', '#x\nnode.id=1\n')).toEqual([
      { kind: 'entry', entry: { 'node.id': '1' } },
    ])
    expect(problems(dump('quorum-state', '{'))).toHaveLength(1)
  })

  test('go by their names', () => {
    expect(fileKind('a/00.log.deleted')).toBe('log')
    expect(fileKind('a/00-01.checkpoint')).toBe('log')
    expect(fileKind('a/replication-offset-checkpoint')).toBe('text')
    expect(fileKind('a/notes.txt')).toBeNull()
    expect(decoderFor('__consumer_offsets-12')).toBe('groups')
    expect(decoderFor(`__transaction_state-0.${'0'.repeat(32)}-delete`)).toBe('transactions')
    expect(decoderFor('__consumer_offsets')).toBe('groups')
    expect(decoderFor('orders-0')).toBe('none')
    expect(() => dump('notes.txt', '')).toThrow('is not a file that log directories have')
  })
})
