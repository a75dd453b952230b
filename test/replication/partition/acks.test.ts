import { buildBatch } from '../../../protocol/records/batch.ts'
import { DEFAULT_LOG_CONFIG } from '../../../src/log/base/config.ts'
import type { LogConfig } from '../../../src/log/base/config.ts'
import type { Log } from '../../../src/log/log.ts'
import { LogManager } from '../../../src/log/manager.ts'
import type { AppendResult } from '../../../src/log/base/results.ts'
import { Partition } from '../../../src/replication/partition/partition.ts'
import type { PartitionAssignment } from '../../../src/replication/partition/assignment.ts'
import type { RequiredAcks } from '../../../src/replication/partition/partition.ts'
import { leaderServices } from '../leader-services.ts'
import { simulatedDisk, simulatedHost } from '../../log/seeded.ts'
import { codecs } from '../../log/support.ts'
import { NOT_THROTTLED } from '../../../src/replication/quota/throttled.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

interface Timer {
  readonly delayMs: number
  readonly callback: () => void
  isCancelled: boolean
}

/** Partition 0 of `t` on broker 1, with timers that only the test lets go off. */
async function begin(isr: number[], replicas = isr, minInSyncReplicas = 1) {
  const timers: Timer[] = []
  const host = simulatedHost(simulatedDisk())
  const directories = ['/data', '/other']
  const logs = LogManager.open({ host, codecs, directories, onDirectoryFailed: () => undefined })
  const log = await logs.createLog('t', 0, TOPIC_ID, DEFAULT_LOG_CONFIG)
  const settings = {
    log: DEFAULT_LOG_CONFIG,
    minInSyncReplicas,
    deletesRecords: true,
    throttled: NOT_THROTTLED,
  }
  const assignment: PartitionAssignment = {
    leader: 1,
    leaderEpoch: 3,
    partitionEpoch: 0,
    directories: [],
    replicas,
    isr,
  }
  const partition = new Partition({
    services: leaderServices({
      ...host.clock,
      after: (delayMs, callback) => {
        const timer = { delayMs, callback, isCancelled: false }
        timers.push(timer)
        return { cancel: () => void (timer.isCancelled = true) }
      },
    }),
    topic: 't',
    topicId: TOPIC_ID,
    index: 0,
    assignment,
    log,
    settings: () => settings,
  })
  const live = (): Timer[] => timers.filter(({ isCancelled }) => !isCancelled)
  return { partition, log, logs, assignment, settings, live }
}

type Begun = Awaited<ReturnType<typeof begin>>

function batch(count = 1): Buffer {
  const record = { timestamp: Date.now(), key: null, value: Buffer.from('value') }
  return buildBatch({ records: Array.from({ length: count }, () => record) }, codecs)
}

/** Appends so many records; what it was answered, one for each answer. */
function append({ partition }: Begun, acks: RequiredAcks = -1, count = 1): AppendResult[] {
  const answers: AppendResult[] = []
  partition.append(batch(count), acks, 'client', 5000, (result) => answers.push(result))
  return answers
}

const codes = (answers: readonly AppendResult[]): string[] =>
  answers.map(({ errorCode }) => errorCode)

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

describe('an acknowledgement', () => {
  test('by the leader alone comes after its write, that of all after all have the record', async () => {
    const begun = await begin([1, 2])
    const { log, partition, assignment } = begun
    const all = append(begun, -1, 3)
    const one = append(begun, 1)
    const none = append(begun, 0)
    await until(() => none.length > 0)
    expect([codes(all), codes(one), codes(none)]).toEqual([[], ['NONE'], ['NONE']])
    expect(one[0]).toMatchObject({ baseOffset: 3, lastOffset: 3 })
    expect([log.logEndOffset, log.highWatermark]).toEqual([5, 0])
    partition.update({ ...assignment, isr: [1] })
    expect(codes(all)).toEqual(['NONE'])
    expect([log.highWatermark, begun.live()]).toEqual([5, []])
  })

  test('of a record waits for that record, not for the one before it', async () => {
    const begun = await begin([1, 2])
    const { log, partition, assignment } = begun
    const first = append(begun)
    const second = append(begun)
    await until(() => log.logEndOffset === 2 && begun.live().length === 2)
    // As the fetches of a follower will move it.
    const raise = Object.getPrototypeOf(log) as Log
    raise.setHighWatermark.call(log, 1)
    const third = append(begun)
    await until(() => log.logEndOffset === 3 && begun.live().length === 3)
    partition.update({ ...assignment, isr: [1] })
    expect([codes(first), codes(second), codes(third)]).toEqual([['NONE'], ['NONE'], ['NONE']])
  })

  test('that comes too late is told as such, once, and its record stays', async () => {
    const begun = await begin([1, 2])
    const { partition, log, assignment } = begun
    const answers = append(begun)
    await until(() => begun.live().length > 0)
    expect(begun.live()[0]!.delayMs).toBe(5000)
    begun.live()[0]!.callback()
    expect(codes(answers)).toEqual(['REQUEST_TIMED_OUT'])
    partition.update({ ...assignment, isr: [1] })
    expect([codes(answers), log.highWatermark]).toEqual([['REQUEST_TIMED_OUT'], 1])
  })

  test('waits for others to come into an ISR that has become too small meanwhile', async () => {
    const begun = await begin([1, 2], [1, 2], 2)
    const answers = append(begun)
    await until(() => begun.live().length > 0)
    begun.partition.update({ ...begun.assignment, isr: [1] })
    expect(codes(answers)).toEqual([])
    begun.live()[0]!.callback()
    expect(codes(answers)).toEqual(['REQUEST_TIMED_OUT'])
  })

  test('ends with the lead, and with the directory', async () => {
    const led = await begin([1, 2])
    const answers = append(led)
    await until(() => led.live().length > 0)
    led.partition.update({ ...led.assignment, leader: 2, leaderEpoch: 4 })
    expect([codes(answers), led.live()]).toEqual([['NOT_LEADER_OR_FOLLOWER'], []])
    const failed = await begin([1, 2])
    const others = append(failed)
    await until(() => failed.live().length > 0)
    failed.partition.takeOffline()
    expect([codes(others), failed.live()]).toEqual([['KAFKA_STORAGE_ERROR'], []])
    const later = append(failed)
    expect(codes(later)).toEqual(['KAFKA_STORAGE_ERROR'])
    expect(failed.log.logEndOffset).toBe(1)
  })
})

describe('an append whose write ends after the lead did', () => {
  test.each<RequiredAcks>([-1, 1])(
    'is not acknowledged, in a later epoch of this broker neither: others may have led meanwhile (acks=%d)',
    async (acks) => {
      const begun = await begin([1])
      const { partition, assignment, log } = begun
      const answers = append(begun, acks)
      partition.update({ ...assignment, leader: 2, leaderEpoch: 4 })
      partition.update({ ...assignment, leader: 1, leaderEpoch: 5 })
      await until(() => answers.length > 0)
      expect([codes(answers), log.logEndOffset]).toEqual([['NOT_LEADER_OR_FOLLOWER'], 1])
      const later = append(begun, acks)
      await until(() => later.length > 0)
      expect(codes(later)).toEqual(['NONE'])
    },
  )

  test('is refused at once where another broker leads still', async () => {
    const begun = await begin([1, 2])
    const answers = append(begun)
    begun.partition.update({ ...begun.assignment, leader: 2, leaderEpoch: 4 })
    await until(() => answers.length > 0)
    expect([codes(answers), begun.live()]).toEqual([['NOT_LEADER_OR_FOLLOWER'], []])
  })

  test('is acknowledged where this broker only leads in a new epoch: nobody else led', async () => {
    const begun = await begin([1])
    const answers = append(begun)
    begun.partition.update({ ...begun.assignment, leaderEpoch: 4 })
    await until(() => answers.length > 0)
    expect(codes(answers)).toEqual(['NONE'])
  })
})

describe('min.insync.replicas', () => {
  test.each<[number[], number[], number, RequiredAcks, string]>([
    [[1], [1, 2], 2, -1, 'NOT_ENOUGH_REPLICAS'],
    [[1], [1, 2], 2, 1, 'NONE'],
    [[1], [1, 2], 1, -1, 'NONE'],
    // No topic can have more in sync than it has replicas.
    [[1], [1], 2, -1, 'NONE'],
  ])(
    'with the ISR %j of %j, %d demanded and acks=%d: %s',
    async (isr, replicas, min, acks, code) => {
      const begun = await begin(isr, replicas, min)
      const answers = append(begun, acks)
      await until(() => answers.length > 0)
      expect(codes(answers)).toEqual([code])
      expect(begun.log.logEndOffset).toBe(code === 'NONE' ? 1 : 0)
    },
  )
})

test('who leads is asked with the epoch that the client takes for current', async () => {
  const { partition, assignment } = await begin([1])
  const answers = (): string[] =>
    [-1, 0, 2, 3, 4].map((epoch) => partition.checkLeader(epoch) as string)
  const [fenced, unknown] = ['FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH']
  expect(answers()).toEqual(['NONE', fenced, fenced, 'NONE', unknown])
  partition.update({ ...assignment, leaderEpoch: 4, leader: 2 })
  const elsewhere = 'NOT_LEADER_OR_FOLLOWER'
  expect(answers()).toEqual([elsewhere, fenced, fenced, fenced, elsewhere])
  expect(partition.checkLeader(5)).toBe(unknown)
  partition.takeOffline()
  expect(partition.checkLeader(0)).toBe('KAFKA_STORAGE_ERROR')
})

test('an epoch has one leader: another one, or an epoch that has passed, is a fault of the metadata', async () => {
  const { partition, assignment } = await begin([1])
  expect(() => partition.update({ ...assignment, leader: 2 })).toThrow('An epoch has one leader')
  expect(() => partition.update({ ...assignment, leaderEpoch: 2 })).toThrow('none comes again')
  expect(partition.isLeader).toBe(true)
})

describe('who waits for records', () => {
  function waiting({ partition }: Begun): number[] {
    const told: number[] = []
    partition.wait({ advanced: (sizeBytes) => told.push(sizeBytes) })
    return told
  }

  test('is told of the bytes that became readable, all of them when they do so together', async () => {
    const begun = await begin([1, 2])
    const { partition, assignment } = begun
    const told = waiting(begun)
    append(begun, 1, 2)
    const second = append(begun, 1)
    await until(() => second.length > 0)
    expect(told).toEqual([])
    partition.update({ ...assignment, isr: [1] })
    expect(told).toEqual([batch(2).length + batch().length])
    const third = append(begun, 1)
    await until(() => third.length > 0)
    expect(told.slice(1)).toEqual([batch().length])
  })

  test('looks again when another leads, in a new epoch of the same one too, and not otherwise', async () => {
    const begun = await begin([1, 2])
    const { partition, assignment } = begun
    const told = waiting(begun)
    partition.update({ ...assignment, partitionEpoch: 1, directories: ['d', 'e'] })
    expect(told).toEqual([])
    partition.update({ ...assignment, leaderEpoch: 4 })
    partition.update({ ...assignment, leaderEpoch: 5, leader: 2 })
    partition.takeOffline()
    expect(told).toEqual([Infinity, Infinity, Infinity])
  })

  test('looks again when more replicas are in sync', async () => {
    const begun = await begin([1], [1, 2])
    const { partition, assignment } = begun
    const told = waiting(begun)
    partition.update({ ...assignment, isr: [1, 2] })
    expect(told).toEqual([Infinity])
    partition.update({ ...assignment, isr: [1] })
    expect(told).toEqual([Infinity])
  })
})

test('where a fetcher’s history leaves the log’s it is told so', async () => {
  const begun = await begin([1])
  const { partition, assignment } = begun
  const first = append(begun, 1, 4)
  await until(() => first.length > 0)
  partition.update({ ...assignment, leaderEpoch: 6 })
  const second = append(begun, 1, 2)
  await until(() => second.length > 0)
  // Epoch 3 is up to 4, epoch 6 up to 6.
  expect(partition.divergence(6, 6)).toBeNull()
  expect(partition.divergence(4, 3)).toBeNull()
  expect(partition.divergence(2, -1)).toBeNull()
  expect(partition.divergence(7, 6)).toEqual({ leaderEpoch: 6, endOffset: 6 })
  expect(partition.divergence(5, 3)).toEqual({ leaderEpoch: 3, endOffset: 4 })
  expect(partition.divergence(2, 5)).toEqual({ leaderEpoch: 3, endOffset: 4 })
  expect(partition.divergence(2, 9)).toBe('unknown')
})

test('a log that takes the place of another goes on where that one was', async () => {
  const begun = await begin([1])
  const { partition, log } = begun
  const answers = append(begun, 1, 5)
  await until(() => answers.length > 0)
  log.deleteRecordsBefore(2)
  const other = await begin([1])
  const copied = append(other, 1, 5)
  await until(() => copied.length > 0)
  const told: unknown[] = []
  const copy = other.log
  const updated: LogConfig[] = []
  const updateConfig = copy.updateConfig.bind(copy)
  copy.updateConfig = (config) => {
    updated.push(config)
    updateConfig(config)
  }
  copy.beginEpoch = (epoch) => told.push(epoch)
  copy.setHighWatermark = (offset) => void told.push(`high watermark ${offset}`)
  partition.replaceLog(copy)
  expect(partition.log).toBe(copy)
  expect(updated).toEqual([begun.settings.log])
  expect(told.slice(0, 2)).toEqual(['high watermark 5', 3])
  expect(copy.logStartOffset).toBe(2)
})

test('what is meant for one leader epoch is appended in no other one, also where it was held', async () => {
  const begun = await begin([1])
  const { partition, assignment, log } = begun
  const answers: string[] = []
  const send = (leaderEpoch: number): void =>
    partition.append(
      batch(),
      1,
      'coordinator',
      0,
      ({ errorCode }) => answers.push(errorCode),
      leaderEpoch,
    )
  send(2)
  send(4)
  expect(answers.splice(0)).toEqual(['FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH'])
  const release = partition.holdAppends()
  send(3)
  partition.update({ ...assignment, leaderEpoch: 4 })
  send(4)
  release()
  await until(() => answers.length > 1)
  expect([answers, log.logEndOffset]).toEqual([['FENCED_LEADER_EPOCH', 'NONE'], 1])
})

test('appends that are held go on in their order when they may', async () => {
  const begun = await begin([1])
  const release = begun.partition.holdAppends()
  const first = append(begun, 1, 2)
  const second = append(begun, 1)
  await new Promise((resolve) => setImmediate(resolve))
  expect([first, second, begun.log.logEndOffset]).toEqual([[], [], 0])
  release()
  await until(() => second.length > 0)
  expect([first[0]!.baseOffset, second[0]!.baseOffset]).toEqual([0, 2])
  const third = append(begun, 1)
  await until(() => third.length > 0)
  expect(third[0]!.baseOffset).toBe(3)
})
