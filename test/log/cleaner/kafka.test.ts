import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import {
  BATCH_HEADER_BYTES,
  checkBatch,
  readBatches,
  uncompressedRecords,
} from '../../../protocol/records/batch.ts'
import { inlineWorkers } from '../../../src/host/sim/workers.ts'
import type { Host } from '../../../src/host/host.ts'
import type { Log } from '../../../src/log/log.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'
import { budget } from './support.ts'
import { packedFiles } from '../packed-files.ts'
import { codecs, openManager, realHost } from '../support.ts'

const temporaryDirectory = useTemporaryDirectories()

/** As in test/fixtures/log/KafkaCompaction.java. */
const START_MS = 1_700_000_000_000
const config = {
  compacted: true,
  segmentBytes: 6000,
  indexIntervalBytes: 400,
  segmentIndexBytes: 2000,
  deleteRetentionMs: 1000,
  fileDeleteDelayMs: 0,
  producerIdExpirationMs: Infinity,
}

/** [first dirty offset, milliseconds after START_MS, slots of the table, where Apache Kafka said that it was clean] */
type Round = readonly [number, number, number, number]

const cases: Record<string, { readonly rounds: readonly Round[]; readonly isPlain: boolean }> = {
  'compaction-plain': {
    rounds: [
      [0, 1_000_000, 5000, 1605],
      [0, 1_000_500, 5000, 1605],
      [0, 1_002_000, 5000, 1605],
      [0, 1_004_000, 5000, 1605],
    ],
    isPlain: true,
  },
  'compaction-small-table': {
    rounds: [
      [0, 1_000_000, 60, 63],
      [100, 1_000_500, 60, 165],
      [300, 1_001_200, 400, 1049],
    ],
    isPlain: true,
  },
  'compaction-compressed': {
    rounds: [
      [0, 1_000_000, 5000, 1472],
      [0, 1_000_500, 5000, 1472],
      [0, 1_002_000, 5000, 1472],
    ],
    isPlain: false,
  },
  'compaction-append-time': {
    rounds: [
      [0, 1_000_000, 5000, 628],
      [0, 1_002_000, 5000, 628],
    ],
    isPlain: false,
  },
}

function filesOf(packed: ReadonlyMap<string, Buffer>, round: number): Map<string, Buffer> {
  const prefix = `${round}/`
  const files = [...packed].filter(([name]) => name.startsWith(prefix))
  return new Map(files.map(([name, content]) => [name.slice(prefix.length), content]))
}

/** Bytes that libraries compress differently say the same where this says the same. */
function uncompressed(log: Buffer): string[] {
  return [...readBatches(log)].map((batch) => {
    expect(checkBatch(batch, 0, batch.length, codecs.crc32c)).toBeNull()
    const header = Buffer.from(batch.subarray(0, BATCH_HEADER_BYTES))
    header.fill(0, 8, 12)
    header.fill(0, 17, 21)
    return `${header.toString('hex')} ${uncompressedRecords(batch, codecs).toString('hex')}`
  })
}

describe.each(Object.entries(cases))(
  '%s: the same directory is compacted to what Apache Kafka makes of it',
  (fixture, { rounds, isPlain }) => {
    const packed = packedFiles(fixture)
    let path = ''
    let log: Log
    let nowMs = 0

    beforeAll(() => {
      const root = temporaryDirectory()
      path = `${root}/t-0`
      mkdirSync(path)
      for (const [name, content] of filesOf(packed, 0)) writeFileSync(`${path}/${name}`, content)
      const real = realHost()
      const clock = { ...real.clock, now: () => nowMs }
      const host: Host = {
        ...real,
        clock,
        workers: inlineWorkers({ disk: real.disk, codecs, clock }),
      }
      log = openManager(root, { host, config }).get('t', 0)!
      log.setHighWatermark(log.logEndOffset)
    })

    test.each(rounds.map((round, index) => [index + 1, ...round] as const))(
      'time %d, dirty from %d on, after %d ms, with %d slots: clean up to %d',
      async (index, firstDirtyOffset, afterMs, slots, endOffset) => {
        nowMs = START_MS + afterMs
        const cleanable = { ...(await log.cleaner.find(nowMs)), firstDirtyOffset }
        const result = await log.cleaner.clean(cleanable, {
          ...budget,
          mapBytes: 24 * slots,
          loadFactor: 0.75,
        })
        expect(result).toMatchObject({ kind: 'done', report: { endOffset } })
        const expected = filesOf(packed, index)
        const active = readdirSync(path)
          .filter((name) => name.endsWith('.log'))
          .sort()
          .at(-1)!
          .slice(0, 20)
        const found = readdirSync(path).filter((name) => name < active || !/^\d/.test(name))
        expect(found.filter((name) => !name.endsWith('.deleted')).sort()).toEqual(
          [...expected.keys()].sort(),
        )
        for (const [name, content] of expected) {
          const actual = readFileSync(`${path}/${name}`)
          if (isPlain)
            expect([name, actual.toString('hex')]).toEqual([name, content.toString('hex')])
          else if (name.endsWith('.log'))
            expect(uncompressed(actual)).toEqual(uncompressed(content))
        }
      },
    )
  },
)
