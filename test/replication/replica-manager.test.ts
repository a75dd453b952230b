import { nodeHost } from '../../src/host/node.ts'
import { DEFAULT_LOG_CONFIG } from '../../src/log/config.ts'
import type { Log } from '../../src/log/log.ts'
import type { TopicImage } from '../../src/metadata/image.ts'
import type { Partition } from '../../src/replication/partition.ts'
import { ReplicaManager } from '../../src/replication/replica-manager.ts'
import type { Logs } from '../../src/replication/replica-manager.ts'

const BROKER = 1

const topic = {
  name: 't',
  id: 'AAAAAAAAAAAAAAAAAAAAAQ',
  partitions: [
    { leader: BROKER, leaderEpoch: 0, partitionEpoch: 0, replicas: [BROKER], isr: [BROKER] },
  ],
} as unknown as TopicImage

function logIn(directoryPath: string): Log {
  return {
    directoryPath,
    isOffline: false,
    logEndOffset: 0,
    highWatermark: 0,
    lastStableOffset: 0,
    beginEpoch: () => {},
    setHighWatermark: () => {},
    updateConfig: () => {},
  } as unknown as Log
}

function managing(logs: Partial<Logs>) {
  const made: string[] = []
  const manager = new ReplicaManager({
    host: nodeHost({ log: { level: 'silent' } }),
    brokerId: BROKER,
    logs: {
      isWhole: true,
      get: () => undefined,
      createLog: (name, partition) => {
        made.push(`${name}-${partition}`)
        return Promise.resolve(logIn('/new'))
      },
      deleteLog: () => {},
      ...logs,
    },
    settingsOf: () => ({ log: DEFAULT_LOG_CONFIG, minInSyncReplicas: 1, deletesRecords: true }),
  })
  return { manager, made, partition: () => manager.find('t', 0) as Partition }
}

describe('ReplicaManager', () => {
  test('a partition that the metadata has and no directory is made at the start', async () => {
    const { manager, made, partition } = managing({})
    await manager.load([topic])
    expect(made).toEqual(['t-0'])
    expect(partition().checkLeader()).toBe('NONE')
  })

  test('few of many partitions are made at the same time, so that others are served meanwhile', async () => {
    let now = 0
    let most = 0
    const { manager } = managing({
      createLog: async () => {
        most = Math.max(most, ++now)
        await Promise.resolve()
        now--
        return logIn('/new')
      },
    })
    const partitions = Array.from({ length: 500 }, () => topic.partitions[0]!)
    await manager.apply({ changed: [{ ...topic, partitions }], deleted: [] })
    expect([...manager.partitions()]).toHaveLength(500)
    expect(most).toBe(32)
  })

  test('a partition that may be in a directory that is offline is not made anew, but offline too', async () => {
    const { manager, made, partition } = managing({ isWhole: false })
    await manager.load([topic])
    expect(made).toEqual([])
    expect(partition().checkLeader()).toBe('KAFKA_STORAGE_ERROR')
  })

  test('a directory that fails takes its partitions offline and wakes who waits for their records', async () => {
    const { manager, partition } = managing({ get: () => logIn('/a') })
    await manager.load([topic])
    const woken: number[] = []
    partition().wait({ advanced: (sizeBytes) => woken.push(sizeBytes) })
    manager.takeOffline('/b')
    expect(partition().checkLeader()).toBe('NONE')
    manager.takeOffline('/a')
    expect(partition().checkLeader()).toBe('KAFKA_STORAGE_ERROR')
    expect(woken).toEqual([Infinity])
  })

  test('when the broker stops nobody waits for records any more, whoever comes later included', async () => {
    const { manager, partition } = managing({ get: () => logIn('/a') })
    await manager.load([topic])
    const woken: string[] = []
    partition().wait({ advanced: () => woken.push('before') })
    manager.endWaiting()
    partition().wait({ advanced: () => woken.push('after') })
    expect(woken).toEqual(['before', 'after'])
  })
})
