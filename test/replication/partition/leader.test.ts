import { buildBatch } from '../../../protocol/records/batch.ts'
import type { SimDisk } from '../../../src/host/sim/disk.ts'
import { DEFAULT_LOG_CONFIG } from '../../../src/log/base/config.ts'
import type { LogConfig } from '../../../src/log/base/config.ts'
import type { AppendResult } from '../../../src/log/base/results.ts'
import type { Log } from '../../../src/log/log.ts'
import { LogManager } from '../../../src/log/manager.ts'
import type { IsrOutcome, IsrProposal } from '../../../src/replication/isr/isr-changes.ts'
import { Partition } from '../../../src/replication/partition/partition.ts'
import type { FollowerPosition } from '../../../src/replication/partition/follower-state.ts'
import type { RequiredAcks } from '../../../src/replication/partition/partition.ts'
import { simulatedDisk, simulatedHost } from '../../log/seeded.ts'
import { codecs } from '../../log/support.ts'
import { leaderServices } from '../leader-services.ts'
import { NOT_THROTTLED } from '../../../src/replication/quota/throttled.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const LEADER = 1
const MAX_LAG_MS = 1000
/** Of the registrations of brokers 2 and 3. */
const EPOCH = 7

interface Proposed {
  readonly proposal: IsrProposal
  readonly settled: (outcome: IsrOutcome) => void
}

/** Partition 0 of `t`, led by broker 1 of three in epoch 5, on a log of `records` records from before. */
async function led({
  isr = [1, 2, 3],
  minInSyncReplicas = 1,
  records = 0,
  disk = simulatedDisk(),
  config = DEFAULT_LOG_CONFIG,
}: {
  isr?: number[]
  minInSyncReplicas?: number
  records?: number
  disk?: SimDisk
  config?: LogConfig
} = {}) {
  const host = simulatedHost(disk)
  const logs = LogManager.open({
    host,
    codecs,
    directories: ['/data'],
    onDirectoryFailed: () => undefined,
  })
  const log = await logs.createLog('t', 0, TOPIC_ID, config)
  for (let count = 0; count < records; count++) await appended(log)
  const time = { ms: 0 }
  /** What is to be done later. */
  const timers: (() => void)[] = []
  const clock = {
    ...host.clock,
    monotonic: () => time.ms,
    after: (_: number, work: () => void) => {
      timers.push(work)
      return { cancel: () => void timers.splice(timers.indexOf(work), 1) }
    },
  }
  const proposed: Proposed[] = []
  const began = { count: 0 }
  const brokers = new Map(
    [2, 3].map((id) => [id, { epoch: EPOCH, fenced: false, inControlledShutdown: false }]),
  )
  const assignment = {
    leader: LEADER,
    leaderEpoch: 5,
    partitionEpoch: 10,
    directories: [],
    replicas: [1, 2, 3],
    isr,
  }
  const partition = new Partition({
    services: leaderServices(clock, LEADER, {
      broker: (id) => brokers.get(id),
      maxLagMs: () => MAX_LAG_MS,
      leadBegan: () => void began.count++,
      proposeIsr: (proposal, settled) => void proposed.push({ proposal, settled }),
    }),
    topic: 't',
    topicId: TOPIC_ID,
    index: 0,
    assignment,
    log,
    settings: () => ({
      log: DEFAULT_LOG_CONFIG,
      minInSyncReplicas,
      deletesRecords: true,
      throttled: NOT_THROTTLED,
    }),
  })
  const fetch = (brokerId: number, fetchOffset: number, more: Partial<FollowerPosition> = {}) =>
    partition.followerFetched(
      { brokerId, brokerEpoch: EPOCH },
      { fetchOffset, logStartOffset: 0, currentLeaderEpoch: 5, lastFetchedEpoch: -1, ...more },
    )
  const isrs = (): number[][] =>
    proposed.map(({ proposal }) => proposal.newIsr.map(({ brokerId }) => brokerId))
  return { partition, log, assignment, time, timers, proposed, isrs, began, brokers, fetch }
}

function batch(): Buffer {
  return buildBatch({ records: [{ timestamp: 1, key: null, value: Buffer.from('v') }] }, codecs)
}

function appended(log: Log): Promise<AppendResult> {
  return new Promise((resolve) => log.append(batch(), 4, 'client', resolve))
}

/** Resolves when it is written, with a way to see what it was answered with. */
async function append(partition: Partition, acks: RequiredAcks) {
  const before = partition.log!.logEndOffset
  const answers: string[] = []
  partition.append(batch(), acks, 'client', 60_000, ({ errorCode }) => answers.push(errorCode))
  while (partition.log!.logEndOffset === before && answers.length === 0) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  return answers
}

describe('The leader of several replicas', () => {
  test('acknowledges with acks of all what everybody in sync has, and nothing else', async () => {
    const { partition, log, fetch } = await led()
    const [first, second] = [await append(partition, -1), await append(partition, -1)]
    fetch(2, 2)
    expect([first, second, log.highWatermark]).toEqual([[], [], 0])
    fetch(3, 1)
    expect([first, second, log.highWatermark]).toEqual([['NONE'], [], 1])
    fetch(3, 2)
    expect([second, log.highWatermark]).toEqual([['NONE'], 2])
  })

  test('its high watermark goes neither back with a follower nor up with one who is not in sync', async () => {
    const { partition, log, fetch } = await led({ isr: [1, 2] })
    await append(partition, 1)
    fetch(3, 1)
    expect(log.highWatermark).toBe(0)
    fetch(2, 1)
    fetch(2, 0)
    expect(log.highWatermark).toBe(1)
  })

  test('says when an epoch begins, and not when another one comes into the ISR', async () => {
    const { partition, assignment, began } = await led({ isr: [1, 2] })
    expect(began.count).toBe(1)
    partition.update({ ...assignment, isr: [1, 2, 3], partitionEpoch: 11 })
    expect(began.count).toBe(1)
    partition.update({ ...assignment, leaderEpoch: 6, partitionEpoch: 12 })
    expect(began.count).toBe(2)
  })

  test('nothing counts as replicated while fewer are in sync than the topic demands', async () => {
    const { partition, log, assignment, fetch } = await led({ isr: [1], minInSyncReplicas: 2 })
    expect(await append(partition, -1)).toEqual(['NOT_ENOUGH_REPLICAS'])
    expect(await append(partition, 1)).toEqual(['NONE'])
    fetch(2, 1)
    expect(log.highWatermark).toBe(0)
    partition.update({ ...assignment, isr: [1, 2], partitionEpoch: 11 })
    expect(log.highWatermark).toBe(1)
  })

  test('refuses what is stored by all when by then fewer are in sync than the topic demands', async () => {
    const waiting: (() => void)[] = []
    let isHolding = false
    const later = (work: () => void): void => {
      if (isHolding) waiting.push(work)
      else queueMicrotask(work)
    }
    const begun = await led({
      isr: [1, 2],
      minInSyncReplicas: 2,
      disk: simulatedDisk({ later }),
      config: { ...DEFAULT_LOG_CONFIG, flushMessages: 1 },
    })
    isHolding = true
    const answers = await append(begun.partition, -1)
    begun.fetch(2, 1)
    expect(begun.log.highWatermark).toBe(1)
    begun.partition.update({ ...begun.assignment, isr: [1], partitionEpoch: 11 })
    isHolding = false
    for (const work of waiting) work()
    while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(answers).toEqual(['NOT_ENOUGH_REPLICAS_AFTER_APPEND'])
  })

  test('wakes followers by what is written, and consumers by what is replicated', async () => {
    const { partition, fetch } = await led({ isr: [1, 2] })
    const told: string[] = []
    partition.wait({ advanced: () => void told.push('follower') }, 'logEnd')
    partition.wait({ advanced: () => void told.push('consumer') })
    await append(partition, 1)
    expect(told).toEqual(['follower'])
    fetch(2, 1)
    expect(told).toEqual(['follower', 'consumer'])
  })

  test('takes in who has all that is replicated, and waits for it from then on', async () => {
    const { partition, log, proposed, isrs, brokers, fetch } = await led({ isr: [1, 2] })
    await append(partition, 1)
    fetch(2, 1)
    fetch(3, 0)
    expect(isrs()).toEqual([])
    fetch(3, 1)
    expect(isrs()).toEqual([[1, 2, 3]])
    const { leaderEpoch, partitionEpoch, newIsr } = proposed[0]!.proposal
    expect([leaderEpoch, partitionEpoch]).toEqual([5, 10])
    expect(newIsr.map(({ brokerEpoch }) => brokerEpoch)).toEqual([1, EPOCH, EPOCH])
    await append(partition, 1)
    // The controller may have decided before.
    brokers.set(3, { epoch: EPOCH, fenced: true, inControlledShutdown: false })
    fetch(2, 2)
    expect(log.highWatermark).toBe(1)
    const isr = [1, 2, 3]
    proposed[0]!.settled({ errorCode: 'NONE', leaderEpoch: 5, isr, partitionEpoch: 11 })
    expect(partition.assignment).toMatchObject({ isr, partitionEpoch: 11 })
    fetch(3, 2)
    expect([log.highWatermark, proposed.length]).toEqual([2, 1])
  })

  test('takes nobody in who lacks what came before its epoch', async () => {
    const { isrs, log, fetch } = await led({ isr: [1, 2], records: 2 })
    expect(log.highWatermark).toBe(0)
    fetch(3, 1)
    expect(isrs()).toEqual([])
    fetch(3, 2)
    expect(isrs()).toEqual([[1, 2, 3]])
  })

  test.each([
    ['is fenced', { epoch: EPOCH, fenced: true, inControlledShutdown: false }],
    ['is about to stop', { epoch: EPOCH, fenced: false, inControlledShutdown: true }],
    ['has restarted since', { epoch: EPOCH + 1, fenced: false, inControlledShutdown: false }],
  ])('takes nobody in whose broker %s', async (_, broker) => {
    const { isrs, brokers, fetch } = await led({ isr: [1, 2] })
    brokers.set(3, broker)
    fetch(3, 0)
    expect(isrs()).toEqual([])
  })

  test('gives up who has not caught up for too long, once, and waits for it until that is decided', async () => {
    const { partition, log, time, proposed, isrs, fetch } = await led()
    await append(partition, 1)
    time.ms = 600
    fetch(2, 1)
    partition.checkLag()
    expect(isrs()).toEqual([])
    time.ms = MAX_LAG_MS + 1
    partition.checkLag()
    partition.checkLag()
    expect(isrs()).toEqual([[1, 2]])
    expect(log.highWatermark).toBe(0)
    proposed[0]!.settled({ errorCode: 'NONE', leaderEpoch: 5, isr: [1, 2], partitionEpoch: 11 })
    expect(log.highWatermark).toBe(1)
  })

  test('who is always one fetch behind under load is in sync', async () => {
    const { partition, time, isrs, fetch } = await led({ isr: [1, 2] })
    for (let offset = 0; offset < 5; offset++) {
      await append(partition, 1)
      time.ms += 600
      fetch(2, offset)
      partition.checkLag()
    }
    expect(isrs()).toEqual([])
  })

  test('what the controller says of a partition that is another by now is of no account', async () => {
    const { partition, proposed, assignment, isrs, fetch } = await led({ isr: [1, 2] })
    fetch(3, 0)
    partition.update({ ...assignment, isr: [1], partitionEpoch: 12 })
    const isr = [1, 2, 3]
    proposed[0]!.settled({ errorCode: 'NONE', leaderEpoch: 5, isr, partitionEpoch: 11 })
    expect(partition.assignment.isr).toEqual([1])
    partition.update({ ...assignment, isr: [1, 2], partitionEpoch: 11 })
    expect(partition.assignment.isr).toEqual([1])
    fetch(2, 0)
    expect(isrs()).toEqual([
      [1, 2, 3],
      [1, 2],
    ])
  })

  test('what the controller says of an ISR that was asked for before does not end the next request', async () => {
    const { partition, proposed, assignment, isrs, fetch } = await led({ isr: [1, 2] })
    fetch(3, 0)
    partition.update({ ...assignment, partitionEpoch: 11 })
    fetch(3, 0)
    const none = { leaderEpoch: 0, isr: [], partitionEpoch: 0 }
    proposed[0]!.settled({ errorCode: 'INELIGIBLE_REPLICA', ...none })
    fetch(3, 0)
    expect(isrs()).toHaveLength(2)
  })

  test.each(['INELIGIBLE_REPLICA', 'OPERATION_NOT_ATTEMPTED'] as const)(
    'is as it was after %s, and asks again when the follower fetches',
    async (errorCode) => {
      const { proposed, isrs, fetch } = await led({ isr: [1, 2] })
      fetch(3, 0)
      proposed[0]!.settled({ errorCode, leaderEpoch: 0, isr: [], partitionEpoch: 0 })
      fetch(3, 0)
      expect(isrs()).toEqual([
        [1, 2, 3],
        [1, 2, 3],
      ])
    },
  )

  test('asks again for the very same, though a follower is in another life by then', async () => {
    const { proposed, timers, brokers, partition, fetch } = await led({ isr: [1, 2] })
    fetch(3, 0)
    const none = { leaderEpoch: 0, isr: [], partitionEpoch: 0 }
    proposed[0]!.settled({ errorCode: 'NOT_CONTROLLER', ...none })
    brokers.set(3, { epoch: EPOCH + 1, fenced: false, inControlledShutdown: false })
    const position = { fetchOffset: 0, logStartOffset: 0, lastFetchedEpoch: -1 }
    const follower = { brokerId: 3, brokerEpoch: EPOCH + 1 }
    partition.followerFetched(follower, { ...position, currentLeaderEpoch: 5 })
    for (const work of timers.splice(0)) work()
    expect(proposed).toHaveLength(2)
    expect(proposed[1]!.proposal).toEqual(proposed[0]!.proposal)
  })

  test('begins anew where another may have led in an epoch that it has not seen', async () => {
    const { partition, log, assignment, fetch } = await led({ isr: [1, 2] })
    const first = await append(partition, -1)
    partition.update({ ...assignment, leaderEpoch: 7, partitionEpoch: 12 })
    expect(first).toEqual(['NOT_LEADER_OR_FOLLOWER'])
    await append(partition, 1)
    fetch(2, 2)
    expect(log.highWatermark).toBe(0)
    fetch(2, 2, { currentLeaderEpoch: 7 })
    expect(log.highWatermark).toBe(2)
  })

  test('goes on with what it knows in an epoch that it has from the one before', async () => {
    const { partition, assignment, fetch } = await led({ isr: [1, 2] })
    const first = await append(partition, -1)
    partition.update({ ...assignment, leaderEpoch: 6, partitionEpoch: 11 })
    expect(first).toEqual([])
    fetch(2, 1, { currentLeaderEpoch: 6 })
    expect(first).toEqual(['NONE'])
  })

  test.each(['FENCED_LEADER_EPOCH', 'INVALID_UPDATE_VERSION', 'NEW_LEADER_ELECTED'] as const)(
    'waits for the metadata after %s',
    async (errorCode) => {
      const { partition, proposed, assignment, isrs, fetch } = await led({ isr: [1, 2] })
      fetch(3, 0)
      proposed[0]!.settled({ errorCode, leaderEpoch: 0, isr: [], partitionEpoch: 0 })
      fetch(3, 0)
      expect(isrs()).toHaveLength(1)
      partition.update({ ...assignment, partitionEpoch: 11 })
      fetch(3, 0)
      expect(isrs()).toHaveLength(2)
    },
  )

  test('tells a follower that it does not know, and one of a life that is over', async () => {
    const { partition, brokers } = await led()
    const check = (brokerId: number, epoch: number, brokerEpoch = EPOCH) =>
      partition.checkFollower({ brokerId, brokerEpoch }, epoch)
    expect([check(4, 5), check(4, -1), check(2, 5)]).toEqual([
      'UNKNOWN_LEADER_EPOCH',
      'NOT_LEADER_OR_FOLLOWER',
      'NONE',
    ])
    brokers.set(2, { epoch: EPOCH + 1, fenced: false, inControlledShutdown: false })
    expect([check(2, 5), check(2, 5, EPOCH + 1), check(2, 5, -1)]).toEqual([
      'NOT_LEADER_OR_FOLLOWER',
      'NONE',
      'NONE',
    ])
  })

  test('a fetch of another epoch, out of range or from another log says nothing of what the follower has', async () => {
    const { log, fetch } = await led({ isr: [1, 2], records: 2 })
    fetch(2, 2, { currentLeaderEpoch: 4 })
    fetch(2, 3)
    fetch(2, 2, { lastFetchedEpoch: 3 })
    expect(log.highWatermark).toBe(0)
    fetch(2, 2, { lastFetchedEpoch: 4 })
    expect(log.highWatermark).toBe(2)
  })

  test('knows less of what is replicated than consumers do, as long as its followers have not said', async () => {
    const { partition, fetch } = await led({ isr: [1, 2], records: 2 })
    expect(partition.isHighWatermarkBehind).toBe(true)
    fetch(2, 1)
    expect(partition.isHighWatermarkBehind).toBe(true)
    fetch(2, 2)
    expect(partition.isHighWatermarkBehind).toBe(false)
  })
})
