import { nodeHost } from '../../src/host/node.ts'
import { DEFAULT_LOG_CONFIG } from '../../src/log/base/config.ts'
import type { Log } from '../../src/log/log.ts'
import type { TopicImage } from '../../src/metadata/image.ts'
import type { Partition } from '../../src/replication/partition/partition.ts'
import { ReplicaManager } from '../../src/replication/replica-manager.ts'
import type { Logs } from '../../src/replication/replica-manager.ts'

const BROKER = 1
/** Directory ids. */
const HERE = 'hereAAAAAAAAAAAAAAAAAQ'
const GONE = 'goneAAAAAAAAAAAAAAAAAQ'

const topic = {
  name: 't',
  id: 'AAAAAAAAAAAAAAAAAAAAAQ',
  partitions: [
    {
      leader: BROKER,
      leaderEpoch: 0,
      partitionEpoch: 0,
      replicas: [BROKER],
      directories: [],
      isr: [BROKER],
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
    },
  ],
} as unknown as TopicImage

function logIn(directoryPath: string): Log {
  return {
    directoryPath,
    directoryId: HERE,
    isOffline: false,
    logEndOffset: 0,
    highWatermark: 0,
    lastStableOffset: 0,
    beginEpoch: () => {},
    setHighWatermark: () => {},
    endLeadership: () => {},
    updateConfig: () => {},
  } as unknown as Log
}

function managing(logs: Partial<Logs>) {
  const made: string[] = []
  const placed: [string, number, string][] = []
  const manager = new ReplicaManager({
    host: nodeHost({ log: { level: 'silent' } }),
    brokerId: BROKER,
    logs: {
      isWhole: true,
      directories: [{ id: HERE, failure: null }],
      get: () => undefined,
      future: () => undefined,
      createLog: (name, partition) => {
        made.push(`${name}-${partition}`)
        return Promise.resolve(logIn('/new'))
      },
      deleteLog: () => {},
      ...logs,
    },
    onPlaced: (topicId, partition, directoryId) => placed.push([topicId, partition, directoryId]),
    settingsOf: () => ({ log: DEFAULT_LOG_CONFIG, minInSyncReplicas: 1, deletesRecords: true }),
  })
  return { manager, made, placed, partition: () => manager.find('t', 0) as Partition }
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

  const inDirectory = (directoryId: string, isr = [BROKER]): TopicImage =>
    ({
      ...topic,
      partitions: [{ ...topic.partitions[0]!, directories: [directoryId], isr }],
    }) as TopicImage

  test('a partition whose directory is gone is not made anew where its records would be missed', async () => {
    const { manager, made, partition } = managing({})
    await manager.load([inDirectory(GONE)])
    expect(made).toEqual([])
    expect(partition().checkLeader()).toBe('KAFKA_STORAGE_ERROR')
  })

  test('a replica that is not in sync is made anew in place of the one that is gone, but not while a directory is offline', async () => {
    const whole = managing({})
    await whole.manager.load([inDirectory(GONE, [2])])
    expect(whole.made).toEqual(['t-0'])
    const parted = managing({ isWhole: false })
    await parted.manager.load([inDirectory(GONE, [2])])
    expect(parted.made).toEqual([])
  })

  test('a partition of a directory that is here, and not in it, is made in it', async () => {
    const asked: (string | null)[] = []
    const { manager } = managing({
      isWhole: false,
      createLog: (_topic, _partition, _topicId, _config, directoryId) => {
        asked.push(directoryId)
        return Promise.resolve(logIn('/new'))
      },
    })
    await manager.load([inDirectory(HERE)])
    expect(asked).toEqual([HERE])
  })

  test('tells where a replica is when the cluster does not know, and only then', async () => {
    const unassigned = managing({ get: () => logIn('/a') })
    await unassigned.manager.load([topic])
    expect(unassigned.placed).toContainEqual([topic.id, 0, HERE])
    const known = managing({ get: () => logIn('/a') })
    await known.manager.load([inDirectory(HERE)])
    expect(known.placed).toEqual([])
    await known.manager.apply({ changed: [inDirectory(GONE)], deleted: [] })
    expect(known.placed).toEqual([[topic.id, 0, HERE]])
  })

  test('whoever waits for records is not woken because the cluster learns where a replica is', async () => {
    const { manager, partition } = managing({ get: () => logIn('/a') })
    await manager.load([topic])
    const woken: number[] = []
    partition().wait({ advanced: (sizeBytes) => woken.push(sizeBytes) })
    await manager.apply({ changed: [inDirectory(HERE)], deleted: [] })
    expect(woken).toEqual([])
    const partitions = [{ ...topic.partitions[0]!, leader: -1, leaderEpoch: 1 }]
    await manager.apply({ changed: [{ ...topic, partitions } as TopicImage], deleted: [] })
    expect(woken).toEqual([Infinity])
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

  test('whoever waits for a topic that is deleted is told that it is gone, and nothing of a disk', async () => {
    const { manager, partition } = managing({ get: () => logIn('/a') })
    await manager.load([topic])
    const old = partition()
    const woken: number[] = []
    old.wait({ advanced: (sizeBytes) => woken.push(sizeBytes) })
    await manager.apply({ changed: [], deleted: [topic] })
    expect(woken).toEqual([Infinity])
    expect(old.checkLeader()).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(old.whyUnusable).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  })

  test('a log is told when another broker leads its partition, and only then', async () => {
    let ended = 0
    const log = { ...logIn('/a'), endLeadership: () => void ended++ } as unknown as Log
    const { manager } = managing({ get: () => log })
    await manager.load([topic])
    const [assigned] = topic.partitions
    const assign = (leader: number, leaderEpoch: number) =>
      manager.apply({
        changed: [{ ...topic, partitions: [{ ...assigned!, leader, leaderEpoch }] }],
        deleted: [],
      })
    await assign(BROKER, 1)
    expect(ended).toBe(0)
    await assign(BROKER + 1, 2)
    expect(ended).toBe(1)
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

  test('a topic that is deleted is refused by name and id, told, and its records go', async () => {
    const gone: string[] = []
    const { manager, partition } = managing({
      deleteLog: (name, index) => void gone.push(`${name}-${index}`),
    })
    const told: string[] = []
    manager.onRemoved((name, id) => told.push(`${name} ${id}`))
    await manager.load([topic])
    const held = partition()
    expect(manager.findById(topic.id, 0)).toBe(held)
    expect(manager.findById(topic.id, 1)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    await manager.apply({ changed: [], deleted: [topic] })
    expect([gone, told]).toEqual([['t-0'], [`t ${topic.id}`]])
    expect(held.log).toBeNull()
    expect(manager.find('t', 0)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(manager.findById(topic.id, 0)).toBe('UNKNOWN_TOPIC_ID')
  })

  test('a topic made again under its name stays when the old one is removed late', async () => {
    const { manager } = managing({})
    await manager.load([topic])
    const again = { ...topic, id: 'BBBBBBBBBBBBBBBBBBBBBQ' }
    await manager.apply({ changed: [again], deleted: [] })
    const made = manager.findById(again.id, 0)
    await manager.apply({ changed: [], deleted: [topic] })
    expect(manager.find('t', 0)).toBe(made)
    expect(manager.findById(topic.id, 0)).toBe('UNKNOWN_TOPIC_ID')
  })

  test('a move whose end the cluster knows already is not taken back', async () => {
    const assigned = { ...topic.partitions[0]!, directories: [GONE] }
    const { manager, placed } = managing({
      get: () => logIn('/here'),
      future: () => ({ ...logIn('/there'), directoryId: GONE }) as Log,
    })
    await manager.load([{ ...topic, partitions: [assigned] }])
    expect(placed).toEqual([])
  })
})
