import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { UpdateFeatures } from '../../protocol/messages/update-features.ts'
import { CLUSTER_ID, SimulatedNodes } from './simulated-nodes.ts'

const VOTERS = [1, 2, 3].map((id) => `${id}@node${id}:9093`).join()

const controller = (id: number) => ({
  'process.roles': 'controller',
  listeners: `CONTROLLER://node${id}:9093`,
  'controller.quorum.voters': VOTERS,
})

/** Three controllers; with a broker beside them as node 4. */
function withoutCluster(count = 3): SimulatedNodes {
  const nodes = new SimulatedNodes(count, (id) =>
    id <= 3
      ? controller(id)
      : {
          'process.roles': 'broker',
          listeners: `PLAINTEXT://node${id}:9092`,
          'controller.quorum.voters': VOTERS,
        },
  )
  nodes.clusterId = null
  return nodes
}

const described = (nodes: SimulatedNodes, id: number) =>
  nodes.ask(id, DescribeCluster, {
    includeClusterAuthorizedOperations: false,
    endpointType: 2,
    includeFencedBrokers: false,
  })

/** A change of the metadata that needs no broker: it is written though it is the same level. */
async function change(nodes: SimulatedNodes): Promise<void> {
  const update = { feature: 'metadata.version', maxVersionLevel: 33, upgradeType: 1 }
  const body = { timeoutMs: 10_000, featureUpdates: [update], validateOnly: false }
  await nodes.untilAsked(async () => {
    const answer = await nodes.ask(await nodes.leader(), UpdateFeatures, body)
    return answer?.errorCode === 'NONE'
  }, 'a change')
}

async function leaderNow(nodes: SimulatedNodes): Promise<number | null> {
  const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  for (const { id, running } of nodes.nodes) {
    if (running === null) continue
    const answer = await nodes.ask(id, DescribeQuorum, { topics })
    if (answer?.topics[0]?.partitions[0]?.errorCode === 'NONE') return id
  }
  return null
}

const clusters = (nodes: SimulatedNodes): (string | null)[] =>
  nodes.nodes.map(({ id }) => nodes.clusterOf(id))

describe('voters of a static quorum that were told no cluster', () => {
  test('begin one when all are there, and not before; those who look on learn that there is none yet', async () => {
    const nodes = withoutCluster()
    const two = Promise.all([nodes.begin(1), nodes.begin(2)])
    await nodes.pass(30_000)
    expect(clusters(nodes)).toEqual([null, null, null])
    expect(await described(nodes, 1)).toMatchObject({
      errorCode: 'NOT_CONTROLLER',
      errorMessage: 'This controller belongs to no cluster yet',
      clusterId: '',
    })
    await nodes.does(Promise.all([two, nodes.begin(3)]), 'start of the third')
    const [cluster] = clusters(nodes)
    expect(cluster).toMatch(/^[\w-]{22}$/)
    expect(clusters(nodes)).toEqual([cluster, cluster, cluster])
    await change(nodes)
    const leader = await nodes.leader()
    expect(await described(nodes, leader)).toMatchObject({ errorCode: 'NONE', clusterId: cluster })
  })

  test('take the cluster that one of them was told, and that of those who have one', async () => {
    const nodes = withoutCluster()
    nodes.clusterId = CLUSTER_ID
    await nodes.start(2)
    nodes.clusterId = null
    await nodes.startTogether([1, 3])
    expect(clusters(nodes)).toEqual([CLUSTER_ID, CLUSTER_ID, CLUSTER_ID])
    await change(nodes)
    // The one with the lowest id makes no other cluster when its disk is lost.
    nodes.kill(1)
    nodes.wipe(1)
    await nodes.start(1)
    expect(nodes.clusterOf(1)).toBe(CLUSTER_ID)
    await nodes.until(() => nodes.endOf(1) > 0, 'records')
  })

  test('are joined by a broker that was told none either', async () => {
    const nodes = withoutCluster(4)
    await nodes.startTogether()
    expect(new Set(clusters(nodes)).size).toBe(1)
    expect(nodes.nodes[3]!.running).not.toBeNull()
  })
})

test('a broker that was told no cluster gives up where nobody tells it, and says what to do', async () => {
  const nodes = withoutCluster(4)
  await expect(nodes.does(nodes.begin(4), 'start')).rejects.toThrow(
    /^No controller has told this broker its cluster in 60000 ms .* controller\.quorum\.voters names them: node1:9093, node2:9093, node3:9093/,
  )
  expect(nodes.clusterOf(4)).toBeNull()
})

test('a voter with an empty disk helps to elect nobody until it has what the others have', async () => {
  const nodes = SimulatedNodes.controllers(3)
  await nodes.startAll()
  await change(nodes)
  const leader = await nodes.leader()
  const [lost, other] = [1, 2, 3].filter((id) => id !== leader) as [number, number]
  await nodes.until(() => nodes.endOf(other) === nodes.endOf(leader), 'the same log')
  for (const id of [1, 2, 3]) nodes.kill(id)
  nodes.wipe(lost)
  for (const id of [lost, other]) await nodes.start(id)
  // Who has all that is committed is there, and who isn't there may know of more.
  await nodes.pass(20_000)
  expect(await leaderNow(nodes)).toBeNull()
  expect(nodes.endOf(lost)).toBe(0)
  await nodes.start(leader)
  await change(nodes)
  const next = await nodes.leader()
  expect(next).not.toBe(lost)
  await nodes.until(() => nodes.endOf(lost) === nodes.endOf(next), 'the same log')
  const voted = `/data/__cluster_metadata-0/quorum-state`
  const { disk } = nodes.nodes[lost - 1]!.machine
  await nodes.until(() => disk.exists(voted), 'a vote')
  nodes.kill(next)
  await change(nodes)
})
