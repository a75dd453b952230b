import { buildBatch, readBatches, readRecords } from '../../../protocol/records/batch.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import type { Clock } from '../../../src/host/host.ts'
import { nodeHost } from '../../../src/host/node.ts'
import { SimDisk } from '../../../src/host/sim/disk.ts'
import { DEFAULT_LOG_CONFIG } from '../../../src/log/base/config.ts'
import type { Log } from '../../../src/log/log.ts'
import { LogManager } from '../../../src/log/manager.ts'
import { DirectoryMove } from '../../../src/replication/directories/move.ts'
import { MoveBudget } from '../../../src/replication/directories/move-budget.ts'
import { Partition } from '../../../src/replication/partition/partition.ts'
import { leaderServices } from '../leader-services.ts'
import { seeded } from '../../log/seeded.ts'
import { NOT_THROTTLED } from '../../../src/replication/quota/throttled.ts'
import { quotaOf } from '../quota/support.ts'

const codecs = nodeCodecs()
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

interface Hooks {
  /** The cluster is told; `accepted` is called next. */
  onReport?: () => void
  /** The copy is about to take its place. */
  onPromote?: () => void
}

/** A replica with two records on its way from `/one` to `/two`. */
async function moving(hooks: Hooks) {
  const host = { ...nodeHost({ log: { level: 'silent' } }), random: seeded(1) }
  const disk = new SimDisk({ random: seeded(2) })
  const logs = LogManager.open({
    host: { ...host, disk },
    codecs,
    directories: ['/one', '/two'],
    onDirectoryFailed: () => undefined,
  })
  for (const directory of logs.directories) {
    const directoryId = directory.path.slice(1).padEnd(22, 'A')
    directory.writeMetaProperties({ clusterId: TOPIC_ID, nodeId: 1, directoryId })
  }
  const source = await logs.createLog('t', 0, TOPIC_ID, DEFAULT_LOG_CONFIG)
  const partition = newPartition(host.clock, source)
  const done: string[] = []
  const append = (value: string): Promise<void> => {
    const records = [{ timestamp: 1, key: null, value: Buffer.from(value) }]
    return new Promise((resolve) =>
      partition.append(buildBatch({ records }, codecs), -1, 'client', 1000, (result) => {
        done.push(`${value} ${result.errorCode} ${result.baseOffset}`)
        resolve()
      }),
    )
  }
  await append('a')
  await append('b')
  const copy = await logs.createFuture(source, logs.directories[1]!)
  let isReported = false
  const move = new DirectoryMove(partition, source, copy, {
    log: host.log,
    budget: new MoveBudget(quotaOf(host.clock)),
    promoteFuture: async (future) => {
      hooks.onPromote?.()
      return logs.promoteFuture(future)
    },
    report: () => {
      isReported = true
      hooks.onReport?.()
      return Promise.resolve()
    },
  })
  return { logs, partition, source, move, append, done, disk, isReported: () => isReported }
}

function newPartition(clock: Clock, log: Log): Partition {
  const assignment = {
    leader: 1,
    leaderEpoch: 0,
    partitionEpoch: 0,
    replicas: [1],
    directories: [],
    isr: [1],
  }
  return new Partition({
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
      throttled: NOT_THROTTLED,
    }),
  })
}

async function valuesOf(log: Log): Promise<string[]> {
  const read = await log.read(0, 1 << 20, 'logEnd', true)
  return read.chunks.flatMap((chunk) =>
    [...readBatches(chunk)].flatMap((each) =>
      [...readRecords(each, codecs)].map(({ value }) => value!.toString()),
    ),
  )
}

describe('a replica on its way to another directory', () => {
  test('holds what is appended while its copy takes its place, and has it in order afterwards', async () => {
    const late: Promise<void>[] = []
    const { partition, move, append, done } = await moving({
      onPromote: () => void late.push(append('c'), append('d')),
    })
    while (await move.step());
    await Promise.all(late)
    expect(partition.log!.directoryPath).toBe('/two')
    expect(done.slice(2)).toEqual(['c NONE 2', 'd NONE 3'])
    expect(await valuesOf(partition.log!)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('waits for what is on its way to the old log before its copy takes its place', async () => {
    const late: Promise<void>[] = []
    const { partition, move, append } = await moving({
      onReport: () => void late.push(append('c')),
    })
    while (await move.step());
    await Promise.all(late)
    expect(partition.log!.directoryPath).toBe('/two')
    expect(await valuesOf(partition.log!)).toEqual(['a', 'b', 'c'])
  })

  test('stays where it is when it is given up at the last moment', async () => {
    const { logs, partition, move, append, done } = await moving({ onReport: () => move.cancel() })
    while (await move.step());
    await append('c')
    expect(partition.log!.directoryPath).toBe('/one')
    expect(done.at(-1)).toBe('c NONE 2')
    expect(logs.future('t', 0)).toBeDefined()
  })

  test('stays where it is when it is given up while appends are held already', async () => {
    const { partition, move, append, done } = await moving({})
    const hold = partition.holdAppends.bind(partition)
    partition.holdAppends = () => {
      move.cancel()
      return hold()
    }
    while (await move.step());
    await append('c')
    expect(partition.log!.directoryPath).toBe('/one')
    expect([move.wasPromoted, done.at(-1)]).toEqual([false, 'c NONE 2'])
  })

  test('does not take the place of a log whose disk failed while appends are held', async () => {
    const { partition, move, source, isReported } = await moving({})
    const hold = partition.holdAppends.bind(partition)
    partition.holdAppends = () => {
      Object.defineProperty(source, 'isOffline', { value: true })
      return hold()
    }
    while (!isReported()) await move.step()
    await move.step()
    await move.step()
    expect(partition.log!.directoryPath).toBe('/one')
    expect(move.wasPromoted).toBe(false)
  })

  test('stays where it is when the disk refuses its copy, and what was held is appended there', async () => {
    const late: Promise<void>[] = []
    const { partition, move, append, done, disk } = await moving({
      onPromote: () => {
        late.push(append('c'))
        disk.fault = (operation, path) =>
          operation === 'rename' && path.startsWith('/two/t-0.') ? new Error('EIO') : null
      },
    })
    const steps = async (): Promise<void> => {
      while (await move.step());
    }
    await expect(steps()).rejects.toThrow('/two')
    await Promise.all(late)
    expect(partition.log!.directoryPath).toBe('/one')
    expect(done.at(-1)).toBe('c NONE 2')
    expect(move.wasPromoted).toBe(false)
  })
})
