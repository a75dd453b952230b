import { buildBatch } from '../../../protocol/records/batch.ts'
import type { ErrorName } from '../../../protocol/errors.ts'
import { BufferPool } from '../../../src/host/buffer-pool.ts'
import type { Clock } from '../../../src/host/host.ts'
import { DEFAULT_LOG_CONFIG } from '../../../src/log/base/config.ts'
import { StorageError } from '../../../src/log/base/errors.ts'
import type { AppendResult } from '../../../src/log/base/results.ts'
import type { Log } from '../../../src/log/log.ts'
import { LogManager } from '../../../src/log/manager.ts'
import type { AnswerMemory } from '../../../src/peer/answer-memory.ts'
import { BrokerLinkError } from '../../../src/peer/broker-links.ts'
import { FollowedPartition } from '../../../src/replication/follower/followed-partition.ts'
import { ReplicaFetchers } from '../../../src/replication/follower/fetchers.ts'
import type {
  FetchAnswer,
  FetchBody,
  FetchedPartition,
  LeaderApi,
} from '../../../src/replication/follower/leader-api.ts'
import { Partition } from '../../../src/replication/partition/partition.ts'
import { simulatedDisk, simulatedHost } from '../../log/seeded.ts'
import { codecs } from '../../log/support.ts'
import { leaderServices } from '../leader-services.ts'
import { NOT_THROTTLED } from '../../../src/replication/quota/throttled.ts'
import type { ThrottledPartitions } from '../../../src/replication/quota/throttled.ts'
import { quotaOf } from '../quota/support.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const BACKOFF_MS = 1000

/** A fetch that waits for what the test has the leader answer. */
interface Asked {
  readonly body: FetchBody
  readonly memory: AnswerMemory
  answer(data?: Partial<FetchedPartition>, more?: Partial<FetchAnswer>): void
  fail(): void
}

const NOT_LIMITED: { bytesPerSecond: number; partitions: ThrottledPartitions } = {
  bytesPerSecond: Infinity,
  partitions: null,
}

function batch(baseOffset: number, leaderEpoch: number, value = `${baseOffset}`): Buffer {
  const records = [{ timestamp: 1, key: null, value: Buffer.from(value) }]
  const bytes = buildBatch({ records }, codecs)
  bytes.writeBigInt64BE(BigInt(baseOffset), 0)
  bytes.writeInt32BE(leaderEpoch, 12)
  return bytes
}

/**
 * Broker 1, which follows broker 2 in epoch 5 with a log of these epochs, one record each.
 * @param replicated its high watermark
 */
async function following(epochs: readonly number[], replicated = epochs.length) {
  const host = simulatedHost(simulatedDisk())
  const logs = LogManager.open({
    host,
    codecs,
    directories: ['/data'],
    onDirectoryFailed: () => undefined,
  })
  const log = await logs.createLog('t', 0, TOPIC_ID, DEFAULT_LOG_CONFIG)
  for (const [offset, epoch] of epochs.entries()) await taken(log, batch(offset, epoch))
  log.setHighWatermark(replicated)
  const time = { ms: 0 }
  const timers = new Set<{ readonly atMs: number; readonly ring: () => void }>()
  const clock: Clock = {
    ...host.clock,
    monotonic: () => time.ms,
    after: (delayMs, ring) => {
      const timer = { atMs: time.ms + delayMs, ring }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
  }
  const asked: Asked[] = []
  const offsets: { readonly end: [ErrorName, number]; readonly start: [ErrorName, number] } = {
    end: ['NONE', 0],
    start: ['NONE', 0],
  }
  const leader: LeaderApi = {
    fetch: (body, memory) =>
      new Promise((resolve, reject) =>
        asked.push({
          body,
          memory,
          answer: (data, more) => resolve(answerOf(data, more)),
          fail: () => reject(new BrokerLinkError('NO_ANSWER', 'gone')),
        }),
      ),
    endOffset: () => Promise.resolve({ errorCode: offsets.end[0], offset: offsets.end[1] }),
    startOffset: () => Promise.resolve({ errorCode: offsets.start[0], offset: offsets.start[1] }),
  }
  const leaders: string[] = []
  const buffers = new BufferPool(1 << 20)
  const throttle = { ...NOT_LIMITED }
  const fetchers = new ReplicaFetchers({
    clock,
    log: leaderServices(clock).log,
    identity: () => ({ brokerId: 1, brokerEpoch: 77 }),
    settings: () => ({
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 10_000,
      partitionMaxBytes: 1000,
      backoffMs: BACKOFF_MS,
    }),
    quota: quotaOf(clock, () => throttle.bytesPerSecond),
    count: () => 1,
    buffers,
    leader: (leaderId) => {
      leaders.push(String(leaderId))
      return leader
    },
  })
  const assignment = {
    leader: 2,
    leaderEpoch: 5,
    partitionEpoch: 0,
    directories: [],
    replicas: [1, 2],
    isr: [1, 2],
  }
  const partition: Partition = new Partition({
    services: leaderServices(clock),
    topic: 't',
    topicId: TOPIC_ID,
    index: 0,
    assignment,
    log,
    settings: () => ({
      log: DEFAULT_LOG_CONFIG,
      minInSyncReplicas: 1,
      deletesRecords: true,
      throttled: { asLeader: null, asFollower: throttle.partitions },
    }),
    updated: () => fetchers.follow(partition),
  })
  fetchers.follow(partition)
  /** The next fetch. */
  const next = async (): Promise<Asked> => {
    for (let turn = 0; asked.length === 0; turn++) {
      if (turn === 1000) throw new Error('Nothing was fetched')
      await new Promise((resolve) => setImmediate(resolve))
    }
    return asked.shift()!
  }
  const idle = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(asked).toEqual([])
  }
  const pass = (ms: number): void => {
    time.ms += ms
    for (const timer of [...timers]) {
      if (timer.atMs > time.ms) continue
      timers.delete(timer)
      timer.ring()
    }
  }
  return {
    partition,
    log,
    logs,
    assignment,
    fetchers,
    next,
    idle,
    pass,
    offsets,
    leaders,
    clock,
    leader,
    throttle,
    buffers,
  }
}

function taken(log: Log, records: Buffer): Promise<AppendResult> {
  return new Promise((resolve) => log.appendAsFollower(records, resolve))
}

function answerOf(data: Partial<FetchedPartition> = {}, more: Partial<FetchAnswer> = {}) {
  const partition: FetchedPartition = {
    partitionIndex: 0,
    errorCode: 'NONE',
    highWatermark: 0,
    lastStableOffset: 0,
    logStartOffset: 0,
    divergingEpoch: { epoch: -1, endOffset: -1 },
    currentLeader: { leaderId: -1, leaderEpoch: -1 },
    snapshotId: { endOffset: -1, epoch: -1 },
    abortedTransactions: null,
    preferredReadReplica: -1,
    records: null,
    ...data,
  }
  return {
    throttleTimeMs: 0,
    errorCode: 'NONE' as const,
    sessionId: 33,
    responses: [{ topic: '', topicId: TOPIC_ID, partitions: [partition] }],
    nodeEndpoints: [],
    ...more,
  }
}

/** What a fetch asks of the partition. */
function asksFor({ body }: Asked) {
  const partition = body.topics?.[0]?.partitions?.[0]
  return partition === undefined ? null : [partition.fetchOffset, partition.lastFetchedEpoch]
}

describe('A follower', () => {
  test('says who it is and what it has, and in a session only what has changed', async () => {
    const { next } = await following([3, 4])
    const first = await next()
    expect(first.body).toMatchObject({
      replicaState: { replicaId: 1, replicaEpoch: 77 },
      sessionId: 0,
      sessionEpoch: 0,
      topics: [
        {
          topicId: TOPIC_ID,
          partitions: [
            {
              partition: 0,
              currentLeaderEpoch: 5,
              fetchOffset: 2,
              lastFetchedEpoch: 4,
              logStartOffset: 0,
              partitionMaxBytes: 1000,
            },
          ],
        },
      ],
    })
    first.answer({ highWatermark: 2 })
    const second = await next()
    expect(second.body).toMatchObject({ sessionId: 33, sessionEpoch: 1, topics: [] })
    second.answer({ records: batch(2, 5), highWatermark: 2 })
    const third = await next()
    expect(third.body).toMatchObject({ sessionId: 33, sessionEpoch: 2 })
    expect(asksFor(third)).toEqual([3, 5])
  })

  test('takes over batches as they are, and of high watermark and log start what it has', async () => {
    const { next, log } = await following([])
    const records = Buffer.concat([batch(0, 4), batch(1, 5)])
    ;(await next()).answer({ records: Buffer.from(records), highWatermark: 7, logStartOffset: 1 })
    await next()
    const read = await log.read(1, 1000, 'logEnd', true)
    expect(Buffer.concat(read.chunks)).toEqual(batch(1, 5))
    expect([log.logEndOffset, log.highWatermark, log.logStartOffset]).toEqual([2, 2, 1])
  })

  test('has the next answer where the last one was, once that is written', async () => {
    const { next, idle, log, partition, buffers } = await following([])
    const first = await next()
    const records = first.memory.take(batch(0, 5).length)
    batch(0, 5).copy(records)
    const goOn = partition.holdAppends()
    first.answer({ records, highWatermark: 1 })
    await idle()
    expect(buffers.take(1).buffer === records.buffer).toBe(false)
    goOn()
    const second = await next()
    expect(log.logEndOffset).toBe(1)
    expect(second.memory.take(1).buffer === records.buffer).toBe(true)
  })

  test('where a fetch has failed, leaves its memory to who may still look at it', async () => {
    const { next, idle, pass } = await following([])
    const first = await next()
    const { buffer } = first.memory.take(100)
    first.fail()
    await idle()
    pass(BACKOFF_MS)
    const second = await next()
    expect(second.memory.take(100).buffer === buffer).toBe(false)
    second.answer()
    expect((await next()).memory.take(100).buffer === buffer).toBe(false)
  })

  describe('to whom nothing comes', () => {
    const QUIET = { responses: [] }
    const quiet = async () => {
      const follower = await following([3, 4, 5])
      ;(await follower.next()).answer({ highWatermark: 3 })
      ;(await follower.next()).answer({}, QUIET)
      return follower
    }

    test('says all the same after some requests where its log begins by then', async () => {
      const { next, log } = await quiet()
      log.advanceLogStart(2)
      let asked = await next()
      let requests = 0
      for (; asksFor(asked) === null; requests++) {
        asked.answer({}, QUIET)
        asked = await next()
        expect(requests).toBeLessThan(10)
      }
      expect(requests).toBeGreaterThan(1)
      expect(asked.body.topics![0]!.partitions![0]).toMatchObject({ logStartOffset: 2 })
    })

    test('looks before each request where a rate limits it', async () => {
      const { next, log, throttle } = await quiet()
      const asked = await next()
      throttle.bytesPerSecond = 1e9
      log.advanceLogStart(2)
      asked.answer({}, QUIET)
      const { body } = await next()
      expect(body.topics![0]!.partitions![0]).toMatchObject({ logStartOffset: 2 })
    })

    test('asks at once for what has come with a new epoch, or besides', async () => {
      const { next, partition, assignment, fetchers, logs, clock } = await quiet()
      const waiting = await next()
      expect(asksFor(waiting)).toBeNull()
      partition.update({ ...assignment, leaderEpoch: 6, partitionEpoch: 1 })
      waiting.answer({}, QUIET)
      const second = await next()
      expect(second.body.topics![0]!.partitions![0]).toMatchObject({ currentLeaderEpoch: 6 })
      second.answer({}, QUIET)
      const waitingAgain = await next()
      const other = new Partition({
        services: leaderServices(clock),
        topic: 't',
        topicId: TOPIC_ID,
        index: 1,
        assignment,
        log: await logs.createLog('t', 1, TOPIC_ID, DEFAULT_LOG_CONFIG),
        settings: () => ({
          log: DEFAULT_LOG_CONFIG,
          minInSyncReplicas: 1,
          deletesRecords: true,
          throttled: NOT_THROTTLED,
        }),
      })
      fetchers.follow(other)
      await new Promise((resolve) => setImmediate(resolve))
      waitingAgain.answer({}, QUIET)
      expect((await next()).body.topics![0]!.partitions![0]).toMatchObject({ partition: 1 })
    })
  })

  test('its high watermark does not go back with a leader that knows less', async () => {
    const { next, log } = await following([4, 4], 2)
    ;(await next()).answer({ highWatermark: 1 })
    await next()
    expect(log.highWatermark).toBe(2)
  })

  test('does not take over what was damaged on the way, and fetches it again a little later', async () => {
    const { next, idle, pass, log } = await following([])
    const damaged = batch(0, 5)
    damaged[damaged.length - 1]! ^= 1
    ;(await next()).answer({ records: damaged })
    await idle()
    expect(log.logEndOffset).toBe(0)
    pass(BACKOFF_MS)
    const again = await next()
    expect(again.body).toMatchObject({ sessionEpoch: 1, topics: [], forgottenTopicsData: [] })
    again.answer({ records: batch(0, 5) })
    expect(asksFor(await next())).toEqual([1, 5])
  })

  test('cuts off what its leader does not have, epoch by epoch', async () => {
    const { next, log } = await following([1, 2, 2, 4, 4], 1)
    ;(await next()).answer({ divergingEpoch: { epoch: 3, endOffset: 2 } })
    const again = await next()
    expect(asksFor(again)).toEqual([3, 2])
    again.answer({ divergingEpoch: { epoch: 1, endOffset: 1 } })
    expect(asksFor(await next())).toEqual([1, 1])
    expect(log.logEndOffset).toBe(1)
  })

  test('forgets an epoch in which it has led without a record', async () => {
    const { next, log } = await following([1, 1], 1)
    const first = await next()
    log.beginEpoch(4)
    first.answer()
    const second = await next()
    expect(asksFor(second)).toEqual([2, 4])
    second.answer({ divergingEpoch: { epoch: 1, endOffset: 2 } })
    expect(asksFor(await next())).toEqual([2, 1])
  })

  test('where its leader ends earlier, it does too', async () => {
    const { next, log, offsets } = await following([4, 4, 4], 1)
    offsets.end[1] = 1
    ;(await next()).answer({ errorCode: 'OFFSET_OUT_OF_RANGE' })
    expect(asksFor(await next())).toEqual([1, 4])
    expect(log.logEndOffset).toBe(1)
  })

  test('where its leader begins later, it begins anew there', async () => {
    const { next, log, offsets } = await following([4], 1)
    offsets.end[1] = 90
    offsets.start[1] = 50
    ;(await next()).answer({ errorCode: 'OFFSET_OUT_OF_RANGE' })
    expect(asksFor(await next())).toEqual([50, -1])
    expect(log.logStartOffset).toBe(50)
  })

  test('a log start within a batch has the batch taken over whole', async () => {
    const { next, log, offsets } = await following([4], 1)
    offsets.end[1] = 90
    offsets.start[1] = 51
    ;(await next()).answer({ errorCode: 'OFFSET_OUT_OF_RANGE' })
    ;(await next()).answer({ records: batch(50, 5), highWatermark: 51, logStartOffset: 51 })
    await next()
    expect([log.logStartOffset, log.logEndOffset]).toEqual([51, 51])
  })

  test.each(['UNKNOWN_LEADER_EPOCH', 'NOT_LEADER_OR_FOLLOWER', 'UNKNOWN_TOPIC_ID'] as const)(
    'asks again after %s, later each time up to replica.fetch.backoff.ms',
    async (errorCode) => {
      const { next, idle, pass } = await following([])
      ;(await next()).answer({ errorCode })
      await idle()
      for (const ms of [20, 40, 80, 160, 320, 640, 1000, 1000]) {
        pass(ms - 1)
        await idle()
        pass(1)
        ;(await next()).answer({ errorCode })
        await idle()
      }
    },
  )

  test('waits for the metadata where it is behind its leader', async () => {
    const { next, idle, pass, partition, assignment } = await following([])
    ;(await next()).answer({ errorCode: 'FENCED_LEADER_EPOCH' })
    await idle()
    pass(60_000)
    await idle()
    partition.update({ ...assignment, leaderEpoch: 6, partitionEpoch: 1 })
    const { body } = await next()
    expect(body.topics![0]!.partitions![0]!.currentLeaderEpoch).toBe(6)
  })

  test('tells all again when its leader was lost, and the leader to let go of the session', async () => {
    const { next, idle, pass } = await following([4])
    ;(await next()).answer()
    ;(await next()).fail()
    await idle()
    pass(20)
    const again = await next()
    expect(again.body).toMatchObject({ sessionId: 33, sessionEpoch: 0 })
    expect(asksFor(again)).toEqual([1, 4])
  })

  test('tells all again at once when its leader has let go of the session', async () => {
    const { next } = await following([4])
    ;(await next()).answer()
    const refused: Partial<FetchAnswer> = {
      errorCode: 'FETCH_SESSION_ID_NOT_FOUND',
      responses: [],
      sessionId: 0,
    }
    ;(await next()).answer({}, refused)
    const again = await next()
    expect(again.body).toMatchObject({ sessionId: 0, sessionEpoch: 0 })
    expect(asksFor(again)).toEqual([1, 4])
  })

  test('appends nothing that comes after another leader was elected', async () => {
    const { next, log, partition, assignment, leaders } = await following([4])
    const late = await next()
    partition.update({ ...assignment, leader: 3, leaderEpoch: 6, partitionEpoch: 1 })
    await next()
    late.answer({ records: batch(1, 5), highWatermark: 2 })
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(log.logEndOffset).toBe(1)
    expect(leaders.at(-1)).toBe('3')
  })

  test('leads no log that is being cut: the election counts when that is done', async () => {
    const { next, log, partition, assignment } = await following([1, 4, 4], 1)
    const begun: number[] = []
    const beginEpoch = log.beginEpoch.bind(log)
    log.beginEpoch = (epoch) => {
      begun.push(log.logEndOffset)
      return beginEpoch(epoch)
    }
    const fetch = await next()
    fetch.answer({ divergingEpoch: { epoch: 1, endOffset: 1 } })
    while (partition.unsettled === null) await Promise.resolve()
    partition.update({ ...assignment, leader: 1, leaderEpoch: 6, partitionEpoch: 1 })
    expect(partition.isLeader).toBe(false)
    await partition.unsettled
    expect([partition.isLeader, begun]).toEqual([true, [1]])
  })

  test.each([
    ['is gone', new StorageError('t-0 is offline: it is closed'), 0],
    ['can’t be cut', new Error('broken'), 1],
  ])(
    'whose log %s before it has epochs goes on, and tells what nobody else does',
    async (_, reason, told) => {
      const errors: unknown[] = []
      const { partition, log, next, clock, leader } = await following([-1], 1)
      await next()
      await taken(log, batch(1, -1))
      log.truncateTo = () => Promise.reject(reason)
      const services = { ...leaderServices(clock), backoffMs: () => 1, wake: () => undefined }
      services.log = { ...services.log, error: (fields: unknown) => void errors.push(fields) }
      const followed = new FollowedPartition(partition, leader, services)
      await followed.start()
      expect(followed.readyAtMs).toBeLessThan(Infinity)
      expect(errors).toHaveLength(told)
    },
  )

  test('whose topic is deleted while its log is cut asks no more', async () => {
    const { next, idle, pass, partition, log, logs } = await following([1, 4, 4], 1)
    const fetch = await next()
    let cut: Promise<void> | null = null
    const truncateTo = log.truncateTo.bind(log)
    log.truncateTo = (offset) => (cut = truncateTo(offset))
    fetch.answer({ divergingEpoch: { epoch: 1, endOffset: 1 } })
    while (cut === null) await Promise.resolve()
    const { assignment } = partition
    const leaderEpoch = assignment.leaderEpoch + 1
    partition.update({ ...assignment, leader: 1, leaderEpoch })
    partition.delete()
    logs.deleteLog('t', 0)
    await expect(cut).rejects.toThrow('t-0 is offline')
    pass(BACKOFF_MS)
    await idle()
    expect([partition.unsettled, logs.directories[0]!.failure]).toEqual([null, null])
    // What was agreed on meanwhile comes too late.
    expect(partition.isLeader).toBe(false)
  })

  describe('that is throttled', () => {
    /** Out of sync and behind, with a first answer of so many bytes. */
    const behind = async (bytesPerSecond: number) => {
      const follower = await following([])
      const { throttle, partition, assignment, next } = follower
      throttle.bytesPerSecond = bytesPerSecond
      throttle.partitions = new Set([0])
      partition.update({ ...assignment, isr: [2], partitionEpoch: 1 })
      const answerWith = (fetch: Asked, highWatermark: number): number => {
        const records = batch(follower.log.logEndOffset, 5, 'x'.repeat(1000))
        fetch.answer({ records, highWatermark })
        return records.length
      }
      const sizeBytes = answerWith(await next(), 9)
      return { ...follower, answerWith, sizeBytes }
    }

    test('does not ask while its quota is exceeded, and does as soon as it is not', async () => {
      const { idle, pass, next, sizeBytes } = await behind(1000)
      await idle()
      pass(sizeBytes - 1)
      await idle()
      pass(1)
      expect(asksFor(await next())).toEqual([1, 5])
    })

    test('asks on where the quota is not exceeded, and what it gets counts', async () => {
      const { idle, next, answerWith } = await behind(2000)
      const fetch = await next()
      expect(asksFor(fetch)).toEqual([1, 5])
      answerWith(fetch, 9)
      await idle()
    })

    test('asks when it is throttled no more, or at another rate', async () => {
      const { idle, next, throttle, fetchers, answerWith } = await behind(1)
      await idle()
      throttle.bytesPerSecond = 5000
      fetchers.quotaChanged()
      answerWith(await next(), 9)
      const fetch = await next()
      throttle.bytesPerSecond = 0
      answerWith(fetch, 9)
      await idle()
      throttle.partitions = null
      fetchers.quotaChanged()
      expect(asksFor(await next())).toEqual([3, 5])
    })

    test('asks whatever the quota says when it has all that is replicated, or is in sync', async () => {
      const { idle, next, partition, assignment, throttle, fetchers, answerWith } = await behind(1)
      await idle()
      partition.update({ ...assignment, isr: [1, 2], partitionEpoch: 2 })
      fetchers.quotaChanged()
      answerWith(await next(), 2)
      const fetch = await next()
      partition.update({ ...assignment, isr: [2], partitionEpoch: 3 })
      throttle.bytesPerSecond = 0
      answerWith(fetch, 3)
      // As far as it knows nothing is left.
      answerWith(await next(), 9)
      await idle()
    })

    test('leaves it to the leader no longer than the quota to answer for others meanwhile', async () => {
      const { idle, pass, next, fetchers, assignment, log, clock, sizeBytes } = await behind(1000)
      await idle()
      const other: Partition = new Partition({
        services: leaderServices(clock),
        topic: 'o',
        topicId: TOPIC_ID,
        index: 1,
        assignment,
        log,
        settings: () => ({
          log: DEFAULT_LOG_CONFIG,
          minInSyncReplicas: 1,
          deletesRecords: true,
          throttled: NOT_THROTTLED,
        }),
      })
      pass(sizeBytes - 300)
      fetchers.follow(other)
      const { body } = await next()
      expect(body.maxWaitMs).toBe(300)
      expect(body.topics).toMatchObject([{ topic: 'o', partitions: [{ partition: 1 }] }])
    })
  })

  test('is given up with its partition, and when the broker stops', async () => {
    const { next, idle, pass, partition, fetchers } = await following([])
    ;(await next()).answer({ errorCode: 'NOT_LEADER_OR_FOLLOWER' })
    partition.delete()
    pass(BACKOFF_MS)
    await idle()
    fetchers.close()
    pass(BACKOFF_MS)
    await idle()
  })
})
