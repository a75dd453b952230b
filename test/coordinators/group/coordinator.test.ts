import { readFileSync, writeFileSync } from 'node:fs'
import { batchBaseOffset, buildBatch, readBatches } from '../../../protocol/records/batch.ts'
import type { BatchToWrite } from '../../../protocol/records/batch.ts'
import { controlKey } from '../../../protocol/records/control.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import { BrokerConfig } from '../../../src/config/broker-config.ts'
import type { CommandOf } from '../../../src/coordinators/group/commands.ts'
import { GroupCoordinator } from '../../../src/coordinators/group/coordinator.ts'
import { OFFSETS_TOPIC } from '../../../src/coordinators/group/kind.ts'
import { encodeFact } from '../../../src/coordinators/group/records.ts'
import type { PartitionAssignment } from '../../../src/replication/partition/assignment.ts'
import { leaderServices } from '../../replication/leader-services.ts'
import { DEFAULT_LOG_CONFIG } from '../../../src/log/base/config.ts'
import type { LogConfig } from '../../../src/log/base/config.ts'
import type { LogManager } from '../../../src/log/manager.ts'
import type { AppendResult } from '../../../src/log/base/results.ts'
import { Partition } from '../../../src/replication/partition/partition.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'
import { codecs, openManager, realHost } from '../../log/support.ts'
import { NOT_THROTTLED } from '../../../src/replication/quota/throttled.ts'

const temporaryDirectory = useTemporaryDirectories()

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const BROKER_ID = 1

function ledBy(leader: number, leaderEpoch: number): PartitionAssignment {
  return {
    leader,
    leaderEpoch,
    partitionEpoch: leaderEpoch,
    replicas: [1],
    isr: [1],
    directories: [],
  }
}

interface Node {
  readonly manager: LogManager
  readonly partition: Partition
  readonly groups: GroupCoordinator
}

/** A coordinator over the one partition of `__consumer_offsets` in the directory. */
async function start(path: string, log: Partial<LogConfig> = {}): Promise<Node> {
  const host = realHost()
  const manager = openManager(path)
  const config = { ...DEFAULT_LOG_CONFIG, ...log }
  const partition = new Partition({
    services: leaderServices(host.clock, BROKER_ID),
    topic: OFFSETS_TOPIC,
    topicId: TOPIC_ID,
    index: 0,
    assignment: ledBy(BROKER_ID, 0),
    log: await manager.createLog(OFFSETS_TOPIC, 0, TOPIC_ID, config),
    settings: () => ({
      log: config,
      minInSyncReplicas: 1,
      deletesRecords: false,
      throttled: NOT_THROTTLED,
    }),
  })
  const groups = new GroupCoordinator({
    host,
    codecs,
    config: new BrokerConfig({}),
    partitionCount: () => 1,
    partition: () => partition,
  })
  return { manager, partition, groups }
}

async function stop({ groups, manager }: Node): Promise<void> {
  groups.close()
  await manager.close(-1)
}

function commit(topic: string, offset: number, groupId = 'g'): CommandOf<'CommitOffsets'> {
  const partition = {
    partitionIndex: 0,
    committedOffset: offset,
    committedLeaderEpoch: -1,
    committedMetadata: null,
  }
  return {
    type: 'CommitOffsets',
    version: 9,
    groupId,
    generation: -1,
    memberId: '',
    groupInstanceId: null,
    retentionTimeMs: -1,
    topics: [{ name: topic, topicId: ZERO_UUID, partitions: [partition] }],
  }
}

const fetchAll = { type: 'FetchOffsets', groupId: 'g', topics: null, requireStable: false } as const
const listAll = { type: 'List' } as const

async function fetched(groups: GroupCoordinator): Promise<Record<string, number | bigint>> {
  const topics = await groups.ask<'FetchOffsets'>('g', fetchAll)
  return Object.fromEntries(
    topics.map(({ name, partitions }) => [name, partitions[0]!.committedOffset]),
  )
}

function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'NONE',
    (error: { code: string }) => error.code,
  )
}

/** Takes the partition up, and waits until it is loaded. */
async function lead({ groups }: Node): Promise<void> {
  groups.follow()
  const deadline = performance.now() + 150_000
  while (performance.now() < deadline) {
    if ((await outcome(groups.ask('g', fetchAll))) !== 'COORDINATOR_LOAD_IN_PROGRESS') return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error('the partition does not get loaded')
}

describe('the group coordinator', () => {
  test('serves the groups of the partitions it leads, and no others', async () => {
    const node = await start(temporaryDirectory())
    const { groups, partition } = node
    expect(await outcome(groups.ask('g', fetchAll))).toBe('NOT_COORDINATOR')
    await lead(node)
    await groups.ask('g', commit('t', 5))
    expect(await fetched(groups)).toEqual({ t: 5 })
    partition.update(ledBy(2, 1))
    groups.follow()
    expect(await outcome(groups.ask('g', fetchAll))).toBe('NOT_COORDINATOR')
    expect(await groups.askAll(listAll)).toEqual([])
    await stop(node)
  })

  test('loads what was stored before it answers', async () => {
    const path = temporaryDirectory()
    const first = await start(path)
    await lead(first)
    const asked = [commit('t', 5), commit('u', 6), commit('t', 7)]
    await Promise.all(asked.map((command) => first.groups.ask('g', command)))
    await stop(first)
    expect(await outcome(first.groups.ask('g', fetchAll))).toBe('NOT_COORDINATOR')

    const second = await start(path)
    second.groups.follow()
    const early = [second.groups.ask('g', fetchAll), second.groups.askAll(listAll)]
    expect(await Promise.all(early.map(outcome))).toEqual([
      'COORDINATOR_LOAD_IN_PROGRESS',
      'COORDINATOR_LOAD_IN_PROGRESS',
    ])
    await lead(second)
    expect(await fetched(second.groups)).toEqual({ t: 7, u: 6 })
    await stop(second)
  })

  test('stores what was asked in one turn as one batch', async () => {
    const node = await start(temporaryDirectory())
    await lead(node)
    await Promise.all([1, 2, 3].map((offset) => node.groups.ask('g', commit('t', offset))))
    const log = node.partition.log!
    const { chunks } = await log.read(0, 1 << 20, 'logEnd', true)
    const bytes = Buffer.concat(chunks)
    expect(log.logEndOffset).toBe(3)
    expect(bytes.readInt32BE(8) + 12).toBe(bytes.length)
    await stop(node)
  })

  test('refuses what no batch can hold, and goes on', async () => {
    const node = await start(temporaryDirectory(), { maxMessageBytes: 500 })
    await lead(node)
    const { groups } = node
    expect(await outcome(groups.ask('g', commit('t'.repeat(249), 1)))).toBe('NONE')
    const long = 'x'.repeat(400)
    expect(await outcome(groups.ask(long, commit('t', 1, long)))).toBe('UNKNOWN_SERVER_ERROR')
    expect(await outcome(groups.ask('g', commit('t', 1)))).toBe('NONE')
    await stop(node)
  })

  test('takes what just fits into a batch, reckoned as it is encoded', async () => {
    const partitions = Array.from({ length: 300 }, (_, partitionIndex) => ({
      ...commit('t', 1).topics[0]!.partitions[0]!,
      partitionIndex,
    }))
    const asked = { ...commit('t', 1), topics: [{ ...commit('t', 1).topics[0]!, partitions }] }
    const probe = await start(temporaryDirectory())
    await lead(probe)
    await probe.groups.ask('g', asked)
    const { chunks } = await probe.partition.log!.read(0, 1 << 20, 'logEnd', true)
    const maxMessageBytes = Buffer.concat(chunks).length
    await stop(probe)
    for (const [limit, error] of [
      [maxMessageBytes, 'NONE'],
      [maxMessageBytes - 1, 'UNKNOWN_SERVER_ERROR'],
    ] as const) {
      const node = await start(temporaryDirectory(), { maxMessageBytes: limit })
      await lead(node)
      expect(await outcome(node.groups.ask('g', asked))).toBe(error)
      await stop(node)
    }
  })

  test('tells members to look elsewhere when their partition is offline', async () => {
    const node = await start(temporaryDirectory())
    await lead(node)
    const { groups, partition } = node
    partition.takeOffline()
    expect(await outcome(groups.ask('g', commit('t', 1)))).not.toBe('NONE')
    groups.follow()
    expect(await outcome(groups.ask('g', fetchAll))).toBe('NOT_COORDINATOR')
    await stop(node)
  })

  test('forgets deleted topics', async () => {
    const node = await start(temporaryDirectory())
    await lead(node)
    await node.groups.ask('g', commit('t', 1))
    await node.groups.ask('g', commit('u', 2))
    await node.groups.forgetTopics(['t'])
    expect(await fetched(node.groups)).toEqual({ u: 2 })
    await stop(node)
  })

  test('makes a new UUID for every member', async () => {
    const node = await start(temporaryDirectory())
    const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    expect(node.groups.newUuid()).toMatch(pattern)
    expect(node.groups.newUuid()).not.toBe(node.groups.newUuid())
    await stop(node)
  })
})

describe('the load of a partition', () => {
  const transactional = { producerEpoch: 0, isTransactional: true }

  async function write(
    { partition }: Node,
    records: BatchToWrite['records'],
    more: Partial<BatchToWrite> = {},
  ): Promise<void> {
    const batch = buildBatch({ records, ...more }, codecs)
    const { errorCode } = await new Promise<AppendResult>((done) =>
      partition.append(batch, -1, 'coordinator', 1000, done),
    )
    expect(errorCode).toBe('NONE')
  }

  function committing(topic: string, offset: number): BatchToWrite['records'] {
    const rest = { leaderEpoch: -1, metadata: '', commitTimestamp: 1, expireTimestamp: -1 }
    const committed = { offset, topicId: ZERO_UUID, ...rest }
    const fact = { type: 'OffsetCommitted', groupId: 'g', topic, partition: 0, committed } as const
    return [{ timestamp: 1, ...encodeFact(fact) }]
  }

  const marker = (type: 'COMMIT' | 'ABORT'): BatchToWrite['records'] => [
    { timestamp: 1, key: controlKey(type), value: Buffer.alloc(6) },
  ]

  test('leaves out what cannot be read', async () => {
    const node = await start(temporaryDirectory())
    await write(node, committing('t', 1))
    await write(node, [{ timestamp: 1, key: Buffer.from([0, 99]), value: Buffer.from('later') }])
    await write(node, [{ timestamp: 1, key: Buffer.from([0, 2, 0]), value: null }])
    await write(node, committing('u', 2))
    await lead(node)
    expect(await fetched(node.groups)).toEqual({ t: 1, u: 2 })
    await stop(node)
  })

  /** Inverts a byte of the batch with this offset; there is one batch for each offset. */
  function damage({ partition }: Node, path: string, offset: number, at: number): void {
    const file = `${path}/${partition.topic}-0/00000000000000000000.log`
    const bytes = readFileSync(file)
    const batch = [...readBatches(bytes)].find((each) => batchBaseOffset(each, 0) === offset)!
    batch[at]! ^= 0xff
    writeFileSync(file, bytes)
  }

  test.each([
    ['a length', 8],
    ['a magic', 16],
    ['a record', 90],
  ])('leaves out what is damaged, and serves the rest: %s', async (_what, at) => {
    const path = temporaryDirectory()
    const before = await start(path)
    for (const [index, topic] of ['t', 'u', 'v'].entries()) {
      await write(before, committing(topic, index))
    }
    await stop(before)
    damage(before, path, 1, at)
    const node = await start(path)
    await lead(node)
    expect(await fetched(node.groups)).toEqual({ t: 0, v: 2 })
    await stop(node)
  })

  test('leaves out damage at the end, too', async () => {
    const path = temporaryDirectory()
    const before = await start(path)
    await write(before, committing('t', 0))
    await write(before, committing('u', 1))
    await stop(before)
    damage(before, path, 1, 8)
    const node = await start(path)
    await lead(node)
    expect(await fetched(node.groups)).toEqual({ t: 0 })
    expect(await outcome(node.groups.ask('g', commit('v', 2)))).toBe('NONE')
    await stop(node)
  })

  test('takes offsets of transactions that were committed, and of no others', async () => {
    const node = await start(temporaryDirectory())
    for (const producerId of [7, 8, 9]) {
      const producer = { ...transactional, producerId, baseSequence: 0 }
      await write(node, committing(`of-${producerId}`, producerId), producer)
    }
    const end = { ...transactional, isControl: true }
    await write(node, marker('COMMIT'), { ...end, producerId: 7 })
    await write(node, marker('ABORT'), { ...end, producerId: 8 })
    await lead(node)
    expect(await fetched(node.groups)).toEqual({ 'of-7': 7 })
    await stop(node)
  })
})
