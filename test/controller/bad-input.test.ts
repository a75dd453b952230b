import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { UpdateFeatures } from '../../protocol/messages/update-features.ts'
import { seeded } from '../log/seeded.ts'
import { CLUSTER_ID, SimulatedNodes } from './simulated-nodes.ts'

const PORTS = { broker: 9092, controller: 9093 }
const VOTER = 1

/** Node 1 is broker and controller; the others are what a test says. */
const nodesWith = (others: (id: number) => Record<string, string>, count = 2) =>
  new SimulatedNodes(count, (id) =>
    id === VOTER
      ? {
          'process.roles': 'broker,controller',
          listeners: `PLAINTEXT://node1:${PORTS.broker},CONTROLLER://node1:${PORTS.controller}`,
        }
      : others(id),
  )

const brokerOf = (port: number, id = '2') => ({
  'process.roles': 'broker',
  'node.id': id,
  listeners: `PLAINTEXT://node2:${PORTS.broker}`,
  'controller.quorum.bootstrap.servers': `node1:${port}`,
  'initial.broker.registration.timeout.ms': '5000',
})

/** The quorum leads on, and takes changes. */
async function goesOn(nodes: SimulatedNodes, leader = VOTER): Promise<void> {
  const change = { feature: 'metadata.version', maxVersionLevel: 33, upgradeType: 1 }
  const body = { timeoutMs: 10_000, featureUpdates: [change], validateOnly: false }
  expect(await nodes.ask(leader, UpdateFeatures, body)).toMatchObject({ errorCode: 'NONE' })
}

/** Starts a node in vain: what it has said in the log, and why it ended. */
async function startInVain(nodes: SimulatedNodes, id = 2) {
  const failure = await nodes.start(id).then(
    () => null,
    (error: Error) => error,
  )
  expect(failure).not.toBeNull()
  return { message: failure!.message, log: nodes.linesOf(id).join('\n') }
}

describe('what is wrong with a node is said where it is, with what to do, and the others go on', () => {
  test('a broker with the id of a controller', async () => {
    const nodes = nodesWith(() => brokerOf(PORTS.controller, String(VOTER)))
    await nodes.start(VOTER)
    const { log } = await startInVain(nodes)
    expect(log).toContain('has the id of this node, 1: give this one another node.id')
    await goesOn(nodes)
  })

  test.each([
    ['ids', 0],
    ['disks', 1],
  ])(
    'a broker with the id of a controller that does not lead, where voters are known by their %s',
    async (_, kraft) => {
      const voters = [1, 2, 3].map((id) => `${id}@node${id}:${PORTS.controller}`).join()
      let taken = 0
      const nodes = new SimulatedNodes(4, (id) =>
        id === 4
          ? {
              ...brokerOf(PORTS.controller, `${taken}`),
              listeners: `PLAINTEXT://node4:${PORTS.broker}`,
            }
          : {
              'process.roles': 'controller',
              listeners: `CONTROLLER://node${id}:${PORTS.controller}`,
              'controller.quorum.voters': voters,
            },
      )
      // Formatted ones stay at the level that they were formatted for.
      if (kraft === 0) for (const id of [1, 2, 3]) nodes.formatStatic(id)
      await nodes.startTogether([1, 2, 3])
      const leader = await nodes.leader()
      taken = [1, 2, 3].find((id) => id !== leader)!
      const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
      const quorum = async () => {
        const answer = await nodes.ask(leader, DescribeQuorum, { topics })
        return answer?.topics[0]?.partitions[0]
      }
      const zero = 'A'.repeat(22)
      await nodes.untilAsked(async () => {
        const ids = (await quorum())?.currentVoters.map((voter) => voter.replicaDirectoryId) ?? []
        const registered = await nodes.ask(leader, DescribeCluster, {
          endpointType: 2,
          includeClusterAuthorizedOperations: false,
        })
        return (
          registered?.brokers.length === 3 && ids.every((id) => (id === zero) === (kraft === 0))
        )
      }, 'the quorum')
      const { message } = await startInVain(nodes, 4)
      expect(message).toContain(
        `The controller at node${taken}:${PORTS.controller} has the id of this broker`,
      )
      expect(message).toContain('give this one another node.id')
      expect((await quorum())?.leaderId).toBe(leader)
      await goesOn(nodes, leader)
    },
  )

  test('a node of another cluster', async () => {
    const nodes = nodesWith(() => brokerOf(PORTS.controller))
    await nodes.start(VOTER)
    nodes.clusterId = null
    nodes.formatFor(2, `B${CLUSTER_ID.slice(1)}`)
    const { log } = await startInVain(nodes)
    expect(log).toContain('It belongs to another cluster: correct controller.quorum.voters')
    await goesOn(nodes)
  })

  test('the address of a broker’s listener in place of a controller’s', async () => {
    const nodes = nodesWith(() => brokerOf(PORTS.broker))
    await nodes.start(VOTER)
    const { log } = await startInVain(nodes)
    expect(log).toContain("It is no controller's listener: correct controller.quorum.voters")
    await goesOn(nodes)
  })

  test('bytes that are no request', async () => {
    const nodes = nodesWith(() => brokerOf(PORTS.controller), 1)
    await nodes.start(VOTER)
    const random = seeded(5)
    const noise = Buffer.from(Array.from({ length: 300 }, () => random.below(256)))
    const http = Buffer.from('GET / HTTP/1.1\r\nHost: node1\r\n\r\n')
    const unknown = Buffer.concat([Buffer.from([0, 0, 0, 10]), Buffer.alloc(10, 0x7f)])
    for (const bytes of [noise, http, unknown]) await nodes.send(VOTER, bytes)
    expect(nodes.linesOf(VOTER).filter((line) => line.includes('Closing the'))).toHaveLength(3)
    await goesOn(nodes)
  })
})
