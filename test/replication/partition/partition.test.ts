import { buildBatch } from '../../../protocol/records/batch.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import { DEFAULT_LOG_CONFIG } from '../../../src/log/base/config.ts'
import type { Log } from '../../../src/log/log.ts'
import { LogManager } from '../../../src/log/manager.ts'
import { Partition } from '../../../src/replication/partition/partition.ts'
import { leaderServices } from '../leader-services.ts'
import { simulatedDisk, simulatedHost } from '../../log/seeded.ts'
import { NOT_THROTTLED } from '../../../src/replication/quota/throttled.ts'

const codecs = nodeCodecs()
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

const led = { leader: 1, leaderEpoch: 0, partitionEpoch: 0, directories: [] }

async function partitionOf(
  replicas: number[],
  disk = simulatedDisk(),
): Promise<{ partition: Partition; log: Log }> {
  const host = simulatedHost(disk)
  const directories = ['/data']
  const logs = LogManager.open({ host, codecs, directories, onDirectoryFailed: () => undefined })
  const log = await logs.createLog('t', 0, TOPIC_ID, DEFAULT_LOG_CONFIG)
  const partition = new Partition({
    services: leaderServices(host.clock),
    topic: 't',
    topicId: TOPIC_ID,
    index: 0,
    assignment: { ...led, replicas, isr: replicas },
    log,
    settings: () => ({
      log: DEFAULT_LOG_CONFIG,
      minInSyncReplicas: 1,
      deletesRecords: true,
      throttled: NOT_THROTTLED,
    }),
  })
  return { partition, log }
}

function append(partition: Partition): Promise<string> {
  const records = [{ timestamp: 1, key: null, value: Buffer.from('value') }]
  const batch = buildBatch({ records }, codecs)
  return new Promise((resolve) =>
    partition.append(batch, -1, 'client', 60_000, ({ errorCode }) => resolve(errorCode)),
  )
}

test('who waits for the other replicas when the lead ends is told so, not acknowledged later', async () => {
  const { partition, log } = await partitionOf([1, 2])
  const appended = append(partition)
  while (log.logEndOffset === 0) await new Promise((resolve) => setImmediate(resolve))
  partition.update({ ...led, leader: 2, leaderEpoch: 1, replicas: [1, 2], isr: [1, 2] })
  partition.update({ ...led, leaderEpoch: 2, replicas: [1], isr: [1] })
  expect(await appended).toBe('NOT_LEADER_OR_FOLLOWER')
})

test('who waits for the other replicas when the topic is deleted is told that it is gone', async () => {
  const { partition, log } = await partitionOf([1, 2])
  const appended = append(partition)
  while (log.logEndOffset === 0) await new Promise((resolve) => setImmediate(resolve))
  partition.delete()
  expect(await appended).toBe('UNKNOWN_TOPIC_OR_PARTITION')
})

test.each([[[1]], [[1, 2]]])(
  'an append on its way to the disk when the topic is deleted is told so, and of no fault of the disk: replicas %j',
  async (replicas) => {
    const { partition, log } = await partitionOf(replicas)
    const appended = append(partition)
    partition.delete()
    log.abandon()
    expect(await appended).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(await append(partition)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  },
)

test('where the directory failed, it is the disk that is told of', async () => {
  const { partition, log } = await partitionOf([1, 2])
  const appended = append(partition)
  while (log.logEndOffset === 0) await new Promise((resolve) => setImmediate(resolve))
  partition.takeOffline()
  expect(await appended).toBe('KAFKA_STORAGE_ERROR')
  expect(await append(partition)).toBe('KAFKA_STORAGE_ERROR')
})

test('what comes while the log is being closed is refused: it would not be durable', async () => {
  const waiting: (() => void)[] = []
  let isHolding = false
  const later = (work: () => void): void => {
    if (isHolding) waiting.push(work)
    else queueMicrotask(work)
  }
  const { partition, log } = await partitionOf([1], simulatedDisk({ later }))
  expect(await append(partition)).toBe('NONE')
  isHolding = true
  const closed = log.close()
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
  expect(await append(partition)).toBe('KAFKA_STORAGE_ERROR')
  isHolding = false
  for (const work of waiting) work()
  await closed
  expect(log.recoveryPoint).toBe(log.logEndOffset)
})
