import { checkBatch } from '../../../protocol/records/batch.ts'
import type { CompressionType } from '../../../protocol/records/codecs.ts'
import type { Random } from '../../../src/host/host.ts'
import type { Log } from '../../../src/log/log.ts'
import { batchesOf, clean, committed, compacted, keyed, marker, type Seen } from './support.ts'
import { seeded, simulatedDisk, simulatedHost } from '../seeded.ts'
import { append, codecs, openLog, openManager } from '../support.ts'

const ROOT = '/data'
const PRODUCERS = 4
const COMPRESSIONS: readonly CompressionType[] = ['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd']

interface Producer {
  sequence: number
  /** Offsets of the records of the transaction under way. */
  open: Seen[] | null
}

/** A topic's users, and what they should find. */
class Model {
  readonly #log: () => Log
  readonly #random: Random
  readonly #producers: Producer[] = Array.from({ length: PRODUCERS }, () => ({
    sequence: 0,
    open: null,
  }))
  /** Not aborted, in order of offsets once all transactions have ended. */
  readonly committed: Seen[] = []

  constructor(log: () => Log, random: Random) {
    this.#log = log
    this.#random = random
  }

  async act(): Promise<void> {
    const id = this.#random.below(PRODUCERS)
    const producer = this.#producers[id]!
    const choice = this.#random.below(6)
    if (producer.open !== null && choice < 2) return this.end(id, choice === 0 ? 'ABORT' : 'COMMIT')
    await this.#produce(id, producer, producer.open !== null || choice === 5)
  }

  async #produce(id: number, producer: Producer, isTransactional: boolean): Promise<void> {
    const random = this.#random
    const timestamp = 1_700_000_000_000 + random.below(1000)
    const entries = Array.from({ length: 1 + random.below(5) }, () => {
      const value =
        random.below(6) === 0 ? null : `v${random.below(1e9)}`.repeat(1 + random.below(4))
      return [`k${random.below(25)}`, value] as const
    })
    const hasProducer = isTransactional || random.below(2) === 0
    const batch = keyed(entries, {
      timestamp,
      compression: COMPRESSIONS[random.below(COMPRESSIONS.length)]!,
      isTransactional,
      ...(hasProducer ? { producerId: id, producerEpoch: 0, baseSequence: producer.sequence } : {}),
    })
    if (hasProducer) producer.sequence += entries.length
    const { errorCode, baseOffset } = await append(this.#log(), batch)
    expect(errorCode).toBe('NONE')
    const seen = entries.map(([key, value], index) => ({
      offset: baseOffset + index,
      key,
      value,
      timestamp: BigInt(timestamp + index),
    }))
    if (isTransactional) (producer.open ??= []).push(...seen)
    else this.committed.push(...seen)
    this.#log().setHighWatermark(this.#log().logEndOffset)
  }

  async end(id: number, type: 'ABORT' | 'COMMIT'): Promise<void> {
    const producer = this.#producers[id]!
    if (producer.open === null) return
    const { errorCode } = await append(this.#log(), marker(id, type), { origin: 'coordinator' })
    expect(errorCode).toBe('NONE')
    if (type === 'COMMIT') this.committed.push(...producer.open)
    producer.open = null
    this.#log().setHighWatermark(this.#log().logEndOffset)
  }

  async endAll(): Promise<void> {
    for (let id = 0; id < PRODUCERS; id++) await this.end(id, 'COMMIT')
  }

  /** The next sequence number of each is still the one that is taken. */
  async expectSequences(): Promise<void> {
    for (const [id, { sequence }] of this.#producers.entries()) {
      if (sequence === 0) continue
      const producer = { producerId: id, producerEpoch: 0, baseSequence: sequence + 1 }
      const wrong = await append(this.#log(), keyed([['k', 'wrong']], producer))
      expect(wrong.errorCode).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    }
  }
}

/** What a reader must find, and must not, where everything below `cleanTo` was cleaned. */
function expectCompacted(found: readonly Seen[], all: readonly Seen[], cleanTo: number): void {
  const byOffset = new Map(all.map((record) => [record.offset, record]))
  expect(found).toEqual(found.map(({ offset }) => byOffset.get(offset)))
  const lastOf = new Map<string | null, number>()
  const sorted = [...all].sort((one, other) => one.offset - other.offset)
  for (const { key, offset } of sorted) if (offset < cleanTo) lastOf.set(key, offset)
  const foundOffsets = new Set(found.map(({ offset }) => offset))
  const isLast = ({ offset, key }: Seen): boolean => offset >= cleanTo || lastOf.get(key) === offset
  const missing = sorted.filter((each) => isLast(each) && !foundOffsets.has(each.offset))
  // Tombstones may have gone, but of the others none that isn't the last of its key is there.
  expect(missing.filter(({ value }) => value !== null)).toEqual([])
  expect(found.filter((each) => !isLast(each))).toEqual([])
}

test.each(Array.from({ length: 25 }, (_, seed) => seed))(
  'of each key the last committed record stays, whatever is appended and cleaned (seed %d)',
  async (seed) => {
    const random = seeded(seed)
    const disk = simulatedDisk({ random })
    const deleteRetentionMs = random.below(2) === 0 ? 0 : 1e9
    const config = { ...compacted, deleteRetentionMs, producerIdExpirationMs: Infinity }
    const host = simulatedHost(disk, random)
    let { manager, log } = await openLog(ROOT, { host, config })
    const model = new Model(() => log, random)
    let cleanTo = 0
    for (let round = 0; round < 6; round++) {
      for (let step = 0; step < 40; step++) await model.act()
      if (round === 5) await model.endAll()
      const mapBytes = 24 * (3 + random.below(100))
      for (let times = random.below(4); times >= 0; times--) {
        const result = await clean(log, Date.now() + round * 10, { mapBytes })
        if (result === null) break
        expect(result.kind).toBe('done')
        if (result.kind === 'done') cleanTo = result.report.endOffset
      }
      if (random.below(2) === 0) {
        await manager.close()
        manager = openManager(ROOT, { host, config })
        log = manager.get('t', 0)!
        log.setHighWatermark(log.logEndOffset)
      }
    }
    while ((await clean(log)) !== null) cleanTo = (await log.cleaner.find(0)).firstDirtyOffset
    expect(cleanTo).toBeGreaterThan(100)
    const { batches } = await batchesOf(log)
    for (const batch of batches)
      expect(checkBatch(batch, 0, batch.length, codecs.crc32c)).toBeNull()
    expectCompacted(await committed(log), model.committed, cleanTo)
    await model.expectSequences()
    manager.abandon()
  },
)
