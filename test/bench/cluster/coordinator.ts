import { AlterPartitionReassignments } from '../../../protocol/messages/alter-partition-reassignments.ts'
import { ElectLeaders } from '../../../protocol/messages/elect-leaders.ts'
import { FindCoordinator } from '../../../protocol/messages/find-coordinator.ts'
import { OffsetCommit } from '../../../protocol/messages/offset-commit.ts'
import { OffsetFetch } from '../../../protocol/messages/offset-fetch.ts'
import { pause } from '../processes.ts'
import type { Line } from '../report.ts'
import {
  areInSync,
  ask,
  clientsOf,
  connect,
  countOf,
  ledPartitions,
  limitMs,
  until,
} from './asking.ts'
import type { Node, Place } from './nodes.ts'
import { type Cluster, type Measured, type ReplicationBench, measureInRounds } from './pair.ts'
import { createPartitions, nameOf } from './partitions.ts'

const offsetsTopic = '__consumer_offsets'
/** `offsets.topic.num.partitions` */
const offsetsPartitions = 50
/** The last versions in which topics have names. */
const version = 9
const commitsInFlight = 100
const groupsInRequest = 500
const againMs = 1
const preferred = 0

const measured = (groups: number): Measured => ({
  name: 'coordinator',
  title: `the coordinator of ${groups.toLocaleString('en-US')} groups moves to another broker`,
  measures: { 'until all groups are answered, ms': { atMost: 0.5 } },
})

const groupsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `group-${index}`)

const isOffsets = (topic: string): boolean => topic === offsetsTopic
const indexes = Array.from({ length: offsetsPartitions }, (_, index) => index)

/** What a group has committed. */
const offsetOf = (index: number): number => 1_000 + index

/** Makes a broker the first replica of all partitions that have groups; none moves by that. */
const prefer = async (at: Place, nodes: readonly Node[], leader: Node): Promise<void> => {
  const replicas = [leader, ...nodes.filter((node) => node !== leader)].map(({ id }) => id)
  const partitions = indexes.map((partitionIndex) => ({ partitionIndex, replicas }))
  const topics = [{ name: offsetsTopic, partitions }]
  const answer = await ask(at, AlterPartitionReassignments, { topics, timeoutMs: limitMs })
  const errors = answer.responses.flatMap(({ partitions: ofTopic }) => ofTopic)
  const refused = errors.find(({ errorCode }) => errorCode !== 'NONE')?.errorCode
  if (answer.errorCode !== 'NONE' || refused !== undefined) {
    throw new Error(`AlterPartitionReassignments: ${refused ?? answer.errorCode}`)
  }
}

const electPreferred = async (at: Place): Promise<void> => {
  const topicPartitions = [{ topic: offsetsTopic, partitions: indexes }]
  const body = { electionType: preferred, topicPartitions, timeoutMs: limitMs }
  const answer = await ask(at, ElectLeaders, body)
  const results = answer.replicaElectionResults.flatMap(({ partitionResult }) => partitionResult)
  const errors = [answer.errorCode, ...results.map(({ errorCode }) => errorCode)]
  const refused = errors.find((error) => error !== 'NONE' && error !== 'ELECTION_NOT_NEEDED')
  if (refused !== undefined) throw new Error(`ElectLeaders: ${refused}`)
}

/** Commits an offset of each group, as clients do that assign their partitions themselves. */
const commit = async (at: Place, groups: readonly string[]): Promise<void> => {
  const connection = await connect(at)
  const commitOne = async (groupId: string, index: number): Promise<void> => {
    const partitions = [
      { partitionIndex: 0, committedOffset: offsetOf(index), committedMetadata: '' },
    ]
    const body = { groupId, memberId: '', topics: [{ name: nameOf(0), partitions }] }
    const answer = await connection.request(OffsetCommit, body, { version })
    const error = answer.topics[0]?.partitions[0]?.errorCode
    if (error !== 'NONE') throw new Error(`OffsetCommit of ${groupId}: ${error}`)
  }
  try {
    for (let from = 0; from < groups.length; from += commitsInFlight) {
      const some = groups.slice(from, from + commitsInFlight)
      await Promise.all(some.map((group, index) => commitOne(group, from + index)))
    }
  } finally {
    connection.close()
  }
}

/** Asks a broker for what groups have committed, until it has answered that of each. */
const untilAnswered = async (at: Place, groups: readonly string[]): Promise<void> => {
  const connection = await connect(at)
  const end = performance.now() + limitMs
  let left = groups.map((groupId, index) => ({ groupId, offset: offsetOf(index) }))
  let error = ''
  try {
    while (left.length > 0) {
      if (performance.now() > end) throw new Error(`${left.length} groups: ${error}`)
      const asked = left.slice(0, groupsInRequest)
      const topics = [{ name: nameOf(0), partitionIndexes: [0] }]
      const body = { groups: asked.map(({ groupId }) => ({ groupId, topics })) }
      const answer = await connection.request(OffsetFetch, body, { version })
      const answered = new Map(
        answer.groups.map((group) => [group.groupId, group.topics[0]?.partitions[0]]),
      )
      const isAnswered = ({ groupId, offset }: (typeof left)[number]): boolean =>
        answered.get(groupId)?.committedOffset === offset
      const missing = asked.filter((group) => !isAnswered(group))
      left = [...left.slice(asked.length), ...missing]
      if (missing.length === 0) continue
      const why = answer.groups.find(({ groupId }) => groupId === missing[0]!.groupId)
      error = `${missing[0]!.groupId}: ${why?.errorCode ?? 'not answered'}`
      await pause(againMs)
    }
  } finally {
    connection.close()
  }
}

/** Has all groups on one broker, whoever is in sync. */
const gather = async (nodes: readonly Node[], groups: readonly string[]): Promise<Node> => {
  const leader = nodes[0]!
  const at = leader.client!
  await createPartitions(nodes, {
    topics: 1,
    partitionsEach: 1,
    topicsInRequest: 1,
    replicas: nodes.length,
  })
  await until('the offsets topic', async () => {
    const { coordinators } = await ask(at, FindCoordinator, { coordinatorKeys: [groups[0]!] })
    return coordinators[0]?.errorCode === 'NONE'
  })
  await untilLed(nodes, null)
  await prefer(at, nodes, leader)
  await electPreferred(at)
  await untilLed(nodes, leader)
  // It may say that it leads before it coordinates.
  await until('the groups', async () => {
    await commit(at, groups)
    return true
  })
  return leader
}

/** Waits until all replicas are in sync and, as all brokers know, one leads all partitions. */
const untilLed = async (nodes: readonly Node[], leader: Node | null): Promise<void> => {
  for (const at of clientsOf(nodes)) {
    await until('the partitions of groups', async () => {
      const led = await ledPartitions(at, isOffsets)
      const found = leader === null ? led : new Map([[leader.id, led.get(leader.id) ?? new Map()]])
      if (countOf(found) !== offsetsPartitions) return false
      return areInSync(at, isOffsets, nodes.length)
    })
  }
}

/** All partitions that have groups are led by one broker, and by another one from then on. */
export const measureCoordinator = async (
  of: ReplicationBench,
  clusters: readonly Cluster[],
): Promise<Line[]> => {
  const groups = groupsOf(of.plan.quick ? 2_000 : 10_000)
  const coordinators = new Map<Cluster, Node>()
  return measureInRounds(of, clusters, measured(groups.length), async (cluster, note) => {
    const { nodes } = cluster
    const from = coordinators.get(cluster) ?? (await gather(nodes, groups))
    const to = nodes[(nodes.indexOf(from) + 1) % nodes.length]!
    await prefer(from.client!, nodes, to)
    await untilAnswered(from.client!, groups)
    const startedMs = performance.now()
    await Promise.all([electPreferred(from.client!), untilAnswered(to.client!, groups)])
    note('until all groups are answered, ms', performance.now() - startedMs)
    await untilLed(nodes, to)
    coordinators.set(cluster, to)
  })
}
