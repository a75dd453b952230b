import { BeginQuorumEpoch } from '../../protocol/messages/begin-quorum-epoch.ts'
import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { DescribeConfigs } from '../../protocol/messages/describe-configs.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { IncrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { UpdateFeatures } from '../../protocol/messages/update-features.ts'
import { SimulatedNodes } from './simulated-nodes.ts'

/** A change of the metadata that needs no broker: it is written though it is the same level. */
const change = {
  timeoutMs: 10_000,
  featureUpdates: [{ feature: 'metadata.version', maxVersionLevel: 33, upgradeType: 1 }],
  validateOnly: false,
}

async function changed(nodes: SimulatedNodes, id: number): Promise<string | undefined> {
  return (await nodes.ask(id, UpdateFeatures, change))?.errorCode
}

/** Whether the log says who votes: a quorum that formed itself has it do so soon. */
async function namesDisks(nodes: SimulatedNodes, id: number): Promise<boolean> {
  const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  const partition = (await nodes.ask(id, DescribeQuorum, { topics }))?.topics[0]?.partitions[0]
  const voters = partition?.currentVoters ?? []
  return voters.every(({ replicaId, replicaDirectoryId }) => {
    return replicaDirectoryId === nodes.directoryOf(replicaId)
  })
}

/** All who run have the same log, byte for byte. */
async function agree(nodes: SimulatedNodes): Promise<void> {
  const running = nodes.nodes.filter(({ running }) => running !== null)
  const logs = (): Buffer[] => running.map(({ id }) => nodes.logOf(id))
  await nodes.until(() => logs().every((log) => log.equals(logs()[0]!)), 'one log')
}

describe('three controllers with a network between them', () => {
  test('form a quorum of static voters, agree on the metadata, and go on without their leader', async () => {
    const nodes = SimulatedNodes.controllers(3)
    await nodes.startAll()
    const first = await nodes.leader()
    // It may lead before it has heard of a majority that follows.
    await nodes.untilAsked(async () => (await changed(nodes, first)) === 'NONE', 'a change')
    await agree(nodes)
    for (let round = 0; round < 3; round++) {
      const before = await nodes.leader()
      nodes.kill(before)
      const next = await nodes.leader()
      expect(next).not.toBe(before)
      await nodes.untilAsked(async () => (await changed(nodes, next)) === 'NONE', 'a change')
      await nodes.start(before)
      await agree(nodes)
    }
    expect(nodes.endOf(1)).toBeGreaterThan(10)
  })

  test('tell where each of them is, and in which life', async () => {
    const nodes = SimulatedNodes.controllers(3)
    await nodes.startAll()
    const body = { includeClusterAuthorizedOperations: false, endpointType: 2 }
    const seen = async (id: number) => (await nodes.ask(id, DescribeCluster, body))?.brokers ?? []
    const all = [1, 2, 3].map((brokerId) => ({
      brokerId,
      host: `node${brokerId}`,
      port: 9093,
      rack: null,
      isFenced: false,
    }))
    for (const id of [1, 2, 3]) {
      await nodes.untilAsked(async () => (await seen(id)).length === 3, 'registrations')
      expect((await seen(id)).sort((a, b) => a.brokerId - b.brokerId)).toEqual(all)
    }
    const leader = await nodes.leader()
    expect(await nodes.ask(leader, DescribeCluster, body)).toMatchObject({ controllerId: leader })
    await nodes.untilAsked(async () => namesDisks(nodes, leader), 'voters with their disks')
    const end = nodes.endOf(leader)
    await nodes.pass(5000)
    // Once is enough in a life; another one is told again.
    expect(nodes.endOf(leader)).toBe(end)
    const other = [1, 2, 3].find((id) => id !== leader)!
    nodes.kill(other)
    await nodes.start(other)
    await nodes.until(() => nodes.endOf(leader) === end + 1, 'another registration')
  })

  test('whose leader stops in order have the next one long before they would miss it', async () => {
    const nodes = SimulatedNodes.controllers(3)
    await nodes.startAll()
    const first = await nodes.leader()
    await changed(nodes, first)
    await agree(nodes)
    const before = nodes.scheduler.now
    await nodes.stop(first)
    const next = await nodes.leader()
    expect(next).not.toBe(first)
    expect(nodes.scheduler.now - before).toBeLessThan(1500)
    await nodes.start(first)
    expect(await nodes.leader()).toBe(next)
  })

  test('of which two are gone change nothing, and go on when one is back', async () => {
    const nodes = SimulatedNodes.controllers(3)
    await nodes.startAll()
    const first = await nodes.leader()
    const others = [1, 2, 3].filter((id) => id !== first)
    for (const id of others) nodes.kill(id)
    expect(await changed(nodes, first)).not.toBe('NONE')
    await nodes.start(others[0]!)
    expect(await changed(nodes, await nodes.leader())).toBe('NONE')
    await agree(nodes)
  })

  test('take nothing from a node of another cluster, nor from one that asks for another partition', async () => {
    const nodes = SimulatedNodes.controllers(3)
    await nodes.startAll()
    const leader = await nodes.leader()
    const partition = {
      partitionIndex: 0,
      voterDirectoryId: 'A'.repeat(22),
      leaderId: 9,
      leaderEpoch: 99,
    }
    const begin = (clusterId: string | null, topicName: string) =>
      nodes.ask(leader, BeginQuorumEpoch, {
        clusterId,
        voterId: leader,
        topics: [{ topicName, partitions: [partition] }],
        leaderEndpoints: [],
      })
    expect(await begin('another', '__cluster_metadata')).toMatchObject({
      errorCode: 'INCONSISTENT_CLUSTER_ID',
      topics: [],
    })
    expect(await begin(null, 'other')).toMatchObject({ errorCode: 'INVALID_REQUEST', topics: [] })
    expect(await nodes.leader()).toBe(leader)
  })

  test('tell who leads to whoever asks another one for records', async () => {
    const nodes = SimulatedNodes.controllers(3)
    await nodes.startAll()
    const leader = await nodes.leader()
    await agree(nodes)
    const follower = [1, 2, 3].find((id) => id !== leader)!
    const partition = {
      partition: 0,
      currentLeaderEpoch: 0,
      fetchOffset: 0,
      lastFetchedEpoch: 0,
      partitionMaxBytes: 0,
      replicaDirectoryId: 'B'.repeat(21) + 'A',
    }
    const asked = (id: number) =>
      nodes.ask(id, Fetch, {
        replicaState: { replicaId: 7 },
        maxWaitMs: 0,
        minBytes: 0,
        topics: [{ topic: '', topicId: 'A'.repeat(21) + 'Q', partitions: [partition] }],
        forgottenTopicsData: [],
      })
    const nodeEndpoints = [{ nodeId: leader, host: `node${leader}`, port: 9093, rack: null }]
    for (const id of [follower, leader]) {
      const answer = await asked(id)
      expect(answer).toMatchObject({
        errorCode: 'NONE',
        responses: [
          {
            partitions: [{ errorCode: 'FENCED_LEADER_EPOCH', currentLeader: { leaderId: leader } }],
          },
        ],
        nodeEndpoints,
      })
    }
  })

  test('go by the settings that the cluster has, and tell them', async () => {
    const nodes = SimulatedNodes.controllers(3)
    await nodes.startAll()
    const leader = await nodes.leader()
    const configs = [{ name: 'log.retention.ms', configOperation: 0, value: '7000' }]
    const resources = [{ resourceType: 4, resourceName: '', configs }]
    await nodes.untilAsked(async () => {
      const body = { resources, validateOnly: false }
      const answer = await nodes.ask(leader, IncrementalAlterConfigs, body)
      return answer?.responses[0]?.errorCode === 'NONE'
    }, 'a change')
    const described = async (id: number, resourceName: string) => {
      const resources = [{ resourceType: 4, resourceName, configurationKeys: ['log.retention.ms'] }]
      return (await nodes.ask(id, DescribeConfigs, { resources }))?.results[0]
    }
    const isTold = async (id: number) =>
      (await described(id, `${id}`))?.configs[0]?.value === '7000'
    for (const id of [1, 2, 3]) await nodes.untilAsked(() => isTold(id), `a setting on ${id}`)
    expect((await described(leader, ''))?.configs).toMatchObject([
      { value: '7000', configSource: 3 },
    ])
    expect(await described(leader, '9')).toMatchObject({ errorCode: 'INVALID_REQUEST' })
    // Its image has it before it leads anything.
    nodes.kill(leader)
    await nodes.start(leader)
    await nodes.untilAsked(() => isTold(leader), 'a setting after a start')
  })
})
