import { ImageFollower } from '../../src/broker/follow.ts'
import type { Followers } from '../../src/broker/follow.ts'
import { nodeHost } from '../../src/host/node.ts'
import { DEFAULT_LOG_CONFIG } from '../../src/log/base/config.ts'
import type { Log } from '../../src/log/log.ts'
import { EMPTY_IMAGE } from '../../src/metadata/image.ts'
import type { TopicImage, TopicsImage } from '../../src/metadata/image.ts'
import { Table } from '../../src/metadata/table.ts'
import type { Partition } from '../../src/replication/partition/partition.ts'
import type { TopicSettings } from '../../src/replication/partition/settings.ts'
import { ReplicaManager } from '../../src/replication/replica-manager.ts'
import type { Logs } from '../../src/replication/replica-manager.ts'
import { leaderServices } from './leader-services.ts'
import { NOT_THROTTLED } from '../../src/replication/quota/throttled.ts'

const BROKER = 1
/** Directory ids. */
const HERE = 'hereAAAAAAAAAAAAAAAAAQ'
const GONE = 'goneAAAAAAAAAAAAAAAAAQ'
/** The id of another topic. */
const OTHER = 'otherAAAAAAAAAAAAAAAAQ'

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

/** The topic, in another epoch. */
const ledBy = (leader: number, leaderEpoch: number): TopicImage => ({
  ...topic,
  partitions: [{ ...topic.partitions[0]!, leader, leaderEpoch }],
})

/** The topic, which other brokers have. */
const elsewhere: TopicImage = {
  ...topic,
  partitions: [{ ...topic.partitions[0]!, leader: 2, leaderEpoch: 5, replicas: [2], isr: [2] }],
}

function logIn(directoryPath: string): Log {
  return {
    directoryPath,
    directoryId: HERE,
    isOffline: false,
    logEndOffset: 0,
    highWatermark: 0,
    lastStableOffset: 0,
    beginEpoch: () => 0,
    setHighWatermark: () => {},
    endLeadership: () => {},
    updateConfig: () => {},
  } as unknown as Log
}

function managing(
  logs: Partial<Logs>,
  settingsOf: (topic: string) => TopicSettings = () => ({
    log: DEFAULT_LOG_CONFIG,
    minInSyncReplicas: 1,
    deletesRecords: true,
    throttled: NOT_THROTTLED,
  }),
  topics: TopicsImage = EMPTY_IMAGE.topics,
) {
  const made: string[] = []
  const placed: [string, number, string][] = []
  const host = nodeHost({ log: { level: 'silent' } })
  const manager = new ReplicaManager({
    host,
    services: leaderServices(host.clock, BROKER),
    onUpdated: () => undefined,
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
    topics: () => topics,
    settingsOf,
  })
  return { manager, made, placed, partition: () => manager.find('t', 0) as Partition }
}

/** Follows images with nothing but its replicas. */
const followerOf = (replicas: ReplicaManager): ImageFollower =>
  new ImageFollower({
    replicas,
    groups: { follow: () => {} },
    transactions: { follow: () => {} },
  } as unknown as Followers)

describe('ReplicaManager', () => {
  test('a partition that the metadata has and no directory is made at the start', async () => {
    const { manager, made, partition } = managing({})
    await manager.load([topic])
    expect(made).toEqual(['t-0'])
    expect(partition().checkLeader()).toBe('NONE')
  })

  test('all that was made while the broker was away is made at its start', async () => {
    const { manager, made } = managing({})
    const topics = [topic, { ...topic, name: 'u', id: OTHER }]
    const byName = Table.empty<TopicImage>().with(new Map(topics.map((each) => [each.name, each])))
    const image = { ...EMPTY_IMAGE, topics: { ...EMPTY_IMAGE.topics, byName } }
    await followerOf(manager).begin(image)
    expect(made.sort()).toEqual(['t-0', 'u-0'])
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
    await manager.apply({ changed: [{ ...topic, name: 'later', id: OTHER }], deleted: [] })
    expect([...manager.partitions()]).toHaveLength(501)
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

  test('what only other brokers have is led elsewhere, by name and id', async () => {
    const elsewhere = { ...topic.partitions[0]!, replicas: [BROKER + 1], leader: BROKER + 1 }
    const spread = { ...topic, partitions: [topic.partitions[0]!, elsewhere] }
    const other = { name: 'other', id: 'CCCCCCCCCCCCCCCCCCCCCQ', partitions: [elsewhere] }
    const all = [spread, other]
    const byName = Table.empty<TopicImage>().with(new Map(all.map((each) => [each.name, each])))
    const byId = Table.empty<TopicImage>().with(new Map(all.map((each) => [each.id, each])))
    const { manager } = managing({}, undefined, { byName, byId })
    await manager.load(all)
    for (const { name, id } of all) {
      const index = name === 'other' ? 0 : 1
      expect(manager.find(name, index)).toBe('NOT_LEADER_OR_FOLLOWER')
      expect(manager.findById(id, index)).toBe('NOT_LEADER_OR_FOLLOWER')
      expect(manager.find(name, 7)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
      expect(manager.findById(id, 7)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    }
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

  test('leadership follows the metadata at once, however long the logs of others take to be made', async () => {
    const { manager, partition } = managing({
      get: (name) => (name === 't' ? logIn('/a') : undefined),
      createLog: () => new Promise(() => {}),
    })
    await manager.load([topic])
    void manager.apply({ changed: [{ ...topic, name: 'slow', id: OTHER }], deleted: [] })
    void manager.apply({ changed: [ledBy(2, 1)], deleted: [] })
    expect(partition().checkLeader()).toBe('NOT_LEADER_OR_FOLLOWER')
    void manager.apply({ changed: [], deleted: [topic] })
    expect(manager.find('t', 0)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  })

  test('a change that fails stops neither the others that came with it nor any later one', async () => {
    const { manager, made } = managing({
      createLog: (name, index) => {
        if (name === 'broken') throw new Error('a bug')
        made.push(`${name}-${index}`)
        return Promise.resolve(logIn('/new'))
      },
      deleteLog: (name) => {
        if (name === 'broken') throw new Error('a bug')
      },
    })
    const broken = { ...topic, name: 'broken', id: OTHER }
    await manager.apply({ changed: [broken, topic], deleted: [] })
    await manager.apply({ changed: [], deleted: [broken, topic] })
    expect(manager.find('t', 0)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    const later = { ...topic, name: 'later', id: 'laterAAAAAAAAAAAAAAAAA' }
    await manager.apply({ changed: [later], deleted: [] })
    expect(made).toEqual(['t-0', 'later-0'])
    expect((manager.find('later', 0) as Partition).checkLeader()).toBe('NONE')
  })

  test('settings that cannot be made out cost their own topic alone', async () => {
    const { manager } = managing({}, (name) => {
      if (name === 'broken') throw new Error('a bug')
      return {
        log: DEFAULT_LOG_CONFIG,
        minInSyncReplicas: 1,
        deletesRecords: true,
        throttled: NOT_THROTTLED,
      }
    })
    await manager.apply({ changed: [{ ...topic, name: 'broken', id: OTHER }, topic], deleted: [] })
    expect(manager.find('broken', 0)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect((manager.find('t', 0) as Partition).checkLeader()).toBe('NONE')
  })

  /** Logs that are made when the test says so; and what was made and deleted, in order. */
  function slowLogs() {
    const events: string[] = []
    const makers: (() => void)[] = []
    const logs: Partial<Logs> = {
      createLog: (name, index, topicId) =>
        new Promise((resolve) => {
          events.push(`make ${name}-${index} ${topicId.slice(0, 5)}`)
          makers.push(() => resolve(logIn('/new')))
        }),
      deleteLog: (name, index) => void events.push(`delete ${name}-${index}`),
    }
    return { events, makers, logs }
  }

  test('a partition has the assignment that came while its log was made', async () => {
    const { makers, logs } = slowLogs()
    const { manager, partition } = managing(logs)
    const made = manager.apply({ changed: [topic], deleted: [] })
    void manager.apply({ changed: [ledBy(2, 7)], deleted: [] })
    expect(manager.find('t', 0)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(makers).toHaveLength(1)
    makers[0]!()
    await made
    expect([partition().leaderEpoch, partition().checkLeader()]).toEqual([
      7,
      'NOT_LEADER_OR_FOLLOWER',
    ])
  })

  test('a log whose topic is deleted while it is made goes again', async () => {
    const { events, makers, logs } = slowLogs()
    const { manager } = managing(logs)
    void manager.apply({ changed: [topic], deleted: [] })
    const settled = manager.apply({ changed: [], deleted: [topic] })
    makers[0]!()
    await settled
    expect(events).toEqual(['make t-0 AAAAA', 'delete t-0'])
    expect(manager.find('t', 0)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  })

  test('a replica that other brokers have in its place goes, and who waits for it is told who leads', async () => {
    const deleted: string[] = []
    const { manager, partition } = managing(
      {
        get: () => logIn('/a'),
        deleteLog: (name, index) => void deleted.push(`${name}-${index}`),
      },
      undefined,
      { ...EMPTY_IMAGE.topics, byName: Table.empty<TopicImage>().with(new Map([['t', topic]])) },
    )
    await manager.load([topic])
    const old = partition()
    const woken: string[] = []
    old.wait({ advanced: () => void woken.push(old.checkLeader()) })
    await manager.apply({ changed: [elsewhere], deleted: [] })
    expect([deleted, woken[0]]).toEqual([['t-0'], 'NOT_LEADER_OR_FOLLOWER'])
    expect([manager.find('t', 0), [...manager.partitions()]]).toEqual([
      'NOT_LEADER_OR_FOLLOWER',
      [],
    ])
    await manager.apply({ changed: [{ ...topic }], deleted: [] })
    expect(manager.find('t', 0)).not.toBe('NOT_LEADER_OR_FOLLOWER')
  })

  test('a replica that other brokers have before it was made here is not kept', async () => {
    const { events, makers, logs } = slowLogs()
    const { manager } = managing(logs)
    void manager.apply({ changed: [topic], deleted: [] })
    const settled = manager.apply({ changed: [elsewhere], deleted: [] })
    makers[0]!()
    await settled
    expect(events).toEqual(['make t-0 AAAAA', 'delete t-0'])
    expect([...manager.partitions()]).toEqual([])
  })

  test('a topic made anew under its name while the old one is being made waits for the end of that', async () => {
    const { events, makers, logs } = slowLogs()
    const { manager } = managing(logs)
    void manager.apply({ changed: [topic], deleted: [] })
    void manager.apply({ changed: [], deleted: [topic] })
    const again = { ...topic, id: OTHER }
    const made = manager.apply({ changed: [again], deleted: [] })
    expect(events).toEqual(['make t-0 AAAAA'])
    makers[0]!()
    while (makers.length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(events).toEqual(['make t-0 AAAAA', 'delete t-0', 'make t-0 other'])
    makers[1]!()
    await made
    expect((manager.findById(OTHER, 0) as Partition).checkLeader()).toBe('NONE')
    expect(manager.findById(topic.id, 0)).toBe('UNKNOWN_TOPIC_ID')
    expect(events).toHaveLength(3)
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

  test('who waits for what was wanted by then waits for nothing that is wanted later', async () => {
    const begun = new Map<string, () => void>()
    const { manager } = managing({
      createLog: (name) => new Promise((resolve) => begun.set(name, () => resolve(logIn('/new')))),
    })
    const told: string[] = []
    const want = (name: string): void => {
      const changed = [{ ...topic, name, id: `${name}AAAAAAAAAAAAAAAAAAAAQ`.slice(0, 22) }]
      void manager.apply({ changed, deleted: [] }).then(() => told.push(name))
    }
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    for (const name of ['a', 'b', 'c']) want(name)
    begun.get('b')!()
    await turn()
    expect(told).toEqual([])
    begun.get('a')!()
    await turn()
    expect(told).toEqual(['a', 'b'])
    begun.get('c')!()
    await turn()
    expect(told).toEqual(['a', 'b', 'c'])
    await manager.settled()
  })
})
