import {
  batchMaxTimestamp,
  buildBatch,
  setBatchCrc,
  setBatchMaxTimestamp,
} from '../../../protocol/records/batch.ts'
import { DEFAULT_LOG_CONFIG } from '../../../src/log/base/config.ts'
import { RecordValidator, type AppendOutcome } from '../../../src/log/append/validator.ts'
import { rulesOf } from '../../../src/log/append/prepare.ts'
import { heldWorkers } from './held-workers.ts'
import { codecs, realHost } from '../support.ts'

const NOW_MS = 1_700_000_000_000
const rules = rulesOf('t-0', DEFAULT_LOG_CONFIG, 'client')
const { log } = realHost()

/** A batch with records of this time, whose header says another. */
function batchOf(timestamp: number, valueBytes = 10, claimed = 5n): Buffer {
  const value = Buffer.alloc(valueBytes, 'value')
  const batch = buildBatch({ records: [{ timestamp, key: null, value }] }, codecs)
  setBatchMaxTimestamp(batch, 0, 'CreateTime', claimed)
  setBatchCrc(batch, 0, codecs.crc32c)
  return batch
}

function begin() {
  const workers = heldWorkers()
  let countedBytes = 0
  const memory = {
    add: (bytes: number) => void (countedBytes += bytes),
    remove: (bytes: number) => void (countedBytes -= bytes),
  }
  const validator = new RecordValidator({ workers, log }, memory)
  const outcomes: (bigint | string)[] = []
  const validate = (records: Buffer, waiting = { isDropped: false }) => {
    const place = outcomes.push('waits') - 1
    const validated = validator.validate(records, rules, NOW_MS, waiting)
    void validated.then((outcome) => (outcomes[place] = told(outcome)))
    return validated
  }
  return { workers, outcomes, validate, countedBytes: () => countedBytes }
}

const told = (outcome: AppendOutcome): bigint | string =>
  'fault' in outcome ? outcome.fault.errorCode : batchMaxTimestamp(outcome.bytes, 0)

/** More than what goes into one job together with others. */
const LARGE_BYTES = 130 * 1024

test('what waits for a thread together goes there together, and each has its own outcome', async () => {
  const { workers, outcomes, validate } = begin()
  for (let each = 0; each < 3; each++) void validate(batchOf(NOW_MS + each, LARGE_BYTES))
  const rotten = batchOf(NOW_MS)
  rotten.fill(0xff, 61)
  for (const batch of [batchOf(NOW_MS + 3), rotten, batchOf(NOW_MS + 4)]) void validate(batch)
  expect(workers.waiting).toHaveLength(3)
  await workers.finish(0)
  expect(outcomes).toEqual([BigInt(NOW_MS), ...Array.from({ length: 5 }, () => 'waits')])
  expect(workers.waiting).toHaveLength(3)
  await workers.finish(2)
  expect(outcomes.slice(3)).toEqual([BigInt(NOW_MS + 3), 'INVALID_RECORD', BigInt(NOW_MS + 4)])
  for (let left = 2; left > 0; left--) await workers.finish(0)
  expect([outcomes, workers.waiting]).toEqual([
    [...[0, 1, 2, 3].map((more) => BigInt(NOW_MS + more)), 'INVALID_RECORD', BigInt(NOW_MS + 4)],
    [],
  ])
})

test('records that are as they should be stay where they are', async () => {
  const { workers, validate } = begin()
  const batch = batchOf(NOW_MS, 10, BigInt(NOW_MS))
  const validated = validate(batch)
  await workers.finish(0)
  expect(await validated).toEqual({ bytes: batch })
  expect(((await validated) as { bytes: Buffer }).bytes).toBe(batch)
})

test('who waits no longer has its records looked at by nobody', async () => {
  const { workers, outcomes, validate } = begin()
  for (let each = 0; each < 3; each++) void validate(batchOf(NOW_MS))
  const gone = { isDropped: false }
  void validate(batchOf(NOW_MS), gone)
  void validate(batchOf(NOW_MS + 9))
  gone.isDropped = true
  for (let left = 4; left > 0; left--) await workers.finish(0)
  expect(outcomes.slice(3)).toEqual(['waits', BigInt(NOW_MS + 9)])
  expect(workers.waiting).toEqual([])
})

test('a thread that ends refuses the appends that it had, and no others', async () => {
  const { workers, outcomes, validate } = begin()
  for (let each = 0; each < 8; each++) void validate(batchOf(NOW_MS))
  for (let left = 3; left > 0; left--) await workers.break(0)
  expect(workers.waiting).toHaveLength(1)
  await workers.finish(0)
  expect(outcomes).toEqual([
    ...Array.from({ length: 3 }, () => 'UNKNOWN_SERVER_ERROR'),
    ...Array.from({ length: 5 }, () => BigInt(NOW_MS)),
  ])
})

test('what threads have copies of counts as memory of requests, until they end, however they do', async () => {
  const { workers, validate, countedBytes } = begin()
  const batch = batchOf(NOW_MS, LARGE_BYTES)
  const large = Array.from({ length: 4 }, () => validate(batch))
  expect(countedBytes()).toBe(3 * batch.length)
  await workers.finish(0)
  expect(countedBytes()).toBe(3 * batch.length)
  await workers.break(0)
  expect(countedBytes()).toBe(2 * batch.length)
  for (let left = 2; left > 0; left--) await workers.finish(0)
  await Promise.all(large)
  expect(countedBytes()).toBe(0)
})
