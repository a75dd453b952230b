import { AddRaftVoter } from '../../protocol/messages/add-raft-voter.ts'
import { BrokerRegistration } from '../../protocol/messages/broker-registration.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { RemoveRaftVoter } from '../../protocol/messages/remove-raft-voter.ts'
import { SUPPORTED_FEATURES } from '../../src/metadata/features.ts'
import { CLUSTER_ID, SimulatedNodes } from './simulated-nodes.ts'

const SERVERS = [1, 2, 3].map((id) => `node${id}:9093`).join()
const controller = (id: number) => ({
  'process.roles': 'controller',
  listeners: `CONTROLLER://node${id}:9093`,
  // The first one is a cluster of its own, until others join it.
  ...(id === 1 ? {} : { 'controller.quorum.bootstrap.servers': SERVERS }),
})
const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]

async function quorumAt(nodes: SimulatedNodes, id: number) {
  const partition = (await nodes.ask(id, DescribeQuorum, { topics }))?.topics[0]?.partitions[0]
  const ids = (replicas: readonly { replicaId: number }[] = []): number[] =>
    replicas.map(({ replicaId }) => replicaId).sort()
  return { voters: ids(partition?.currentVoters), observers: ids(partition?.observers) }
}

const adding = (id: number, voterDirectoryId: string) => ({
  clusterId: null,
  timeoutMs: 10_000,
  voterId: id,
  voterDirectoryId,
  listeners: [{ name: 'CONTROLLER', host: `node${id}`, port: 9093 }],
})

/** A quorum of one that two others have joined; and their directories. */
async function grown() {
  const nodes = new SimulatedNodes(3, controller)
  await nodes.start(1)
  const directories = new Map<number, string>()
  for (const id of [2, 3]) {
    directories.set(id, nodes.format(id))
    await nodes.start(id)
    const isThere = async () => (await quorumAt(nodes, 1)).observers.includes(id)
    await nodes.untilAsked(isThere, 'an observer')
    const add = adding(id, directories.get(id)!)
    await nodes.untilAsked(async () => {
      const answer = await nodes.ask(1, AddRaftVoter, add)
      return answer?.errorCode === 'NONE'
    }, 'a voter')
    expect((await quorumAt(nodes, 1)).voters).toContain(id)
  }
  return { nodes, directories }
}

describe('a quorum whose voters are in its log', () => {
  test('grows from one to three without a stop, and goes on without the first', async () => {
    const { nodes } = await grown()
    expect(await quorumAt(nodes, 1)).toEqual({ voters: [1, 2, 3], observers: [] })
    nodes.kill(1)
    const next = await nodes.leader()
    expect([2, 3]).toContain(next)
    await nodes.start(1)
    await nodes.untilAsked(async () => nodes.endOf(1) === nodes.endOf(next), 'the same log')
    expect((await quorumAt(nodes, next)).voters).toEqual([1, 2, 3])
  })

  test('takes nobody twice, nor one that does not follow it, nor another disk for a voter', async () => {
    const { nodes, directories } = await grown()
    const add = async (id: number, directory: string) =>
      (await nodes.ask(1, AddRaftVoter, adding(id, directory)))?.errorCode
    expect(await add(2, directories.get(2)!)).toBe('DUPLICATE_VOTER')
    expect(await add(2, 'x'.repeat(21) + 'Q')).toBe('DUPLICATE_VOTER')
    expect(await add(4, 'x'.repeat(21) + 'Q')).toBe('REQUEST_TIMED_OUT')
    const remove = { clusterId: null, voterId: 3, voterDirectoryId: 'x'.repeat(21) + 'Q' }
    expect(await nodes.ask(1, RemoveRaftVoter, remove)).toMatchObject({
      errorCode: 'VOTER_NOT_FOUND',
    })
    expect((await quorumAt(nodes, 1)).voters).toEqual([1, 2, 3])
  })

  test('takes nobody whom it can not ask, at the place that is said, what it can do', async () => {
    const nodes = new SimulatedNodes(2, controller)
    await nodes.start(1)
    const directory = nodes.format(2)
    await nodes.start(2)
    const isThere = async () => (await quorumAt(nodes, 1)).observers.includes(2)
    await nodes.untilAsked(isThere, 'an observer')
    const elsewhere = [{ name: 'CONTROLLER', host: 'node2', port: 9999 }]
    const add = { ...adding(2, directory), listeners: elsewhere }
    expect(await nodes.ask(1, AddRaftVoter, add)).toMatchObject({
      errorCode: 'REQUEST_TIMED_OUT',
      errorMessage: expect.stringMatching('Nothing listens on node2:9999') as string,
    })
    expect(await quorumAt(nodes, 1)).toEqual({ voters: [1], observers: [2] })
    expect(await nodes.ask(1, AddRaftVoter, adding(2, directory))).toMatchObject({
      errorCode: 'NONE',
    })
  })

  test('registers brokers as before after each change', async () => {
    const { nodes, directories } = await grown()
    const register = async (brokerId: number) => {
      const end = nodes.endOf(1)
      const answer = await nodes.ask(1, BrokerRegistration, {
        brokerId,
        clusterId: CLUSTER_ID,
        incarnationId: `${brokerId}`.repeat(21) + 'Q',
        listeners: [{ name: 'PLAINTEXT', host: 'broker', port: 9092, securityProtocol: 0 }],
        features: SUPPORTED_FEATURES,
        rack: null,
        logDirs: [`${brokerId}`.repeat(21) + 'g'],
        previousBrokerEpoch: -1,
      })
      expect(answer).toMatchObject({ errorCode: 'NONE' })
      expect(answer!.brokerEpoch).toBeGreaterThanOrEqual(end)
    }
    await register(7)
    const remove = { clusterId: null, voterId: 3, voterDirectoryId: directories.get(3)! }
    expect(await nodes.ask(1, RemoveRaftVoter, remove)).toMatchObject({ errorCode: 'NONE' })
    await register(8)
    expect(await nodes.leader()).toBe(1)
    expect((await quorumAt(nodes, 1)).voters).toEqual([1, 2])
  })

  test('is not joined by who only follows it', async () => {
    const nodes = new SimulatedNodes(2, controller)
    await nodes.start(1)
    nodes.format(2)
    await nodes.start(2)
    await nodes.untilAsked(
      async () => (await quorumAt(nodes, 1)).observers.length === 1,
      'an observer',
    )
    await nodes.pass(10_000)
    expect(await quorumAt(nodes, 1)).toEqual({ voters: [1], observers: [2] })
  })

  test('loses its leader by the leader’s own hand: it resigns when that is committed', async () => {
    const { nodes, directories } = await grown()
    const remove = async (at: number, id: number) => {
      const own = nodes.directoryOf(id) ?? directories.get(id)!
      const body = { clusterId: null, voterId: id, voterDirectoryId: own }
      return (await nodes.ask(at, RemoveRaftVoter, body))?.errorCode
    }
    expect(await remove(1, 1)).toBe('NONE')
    await nodes.untilAsked(async () => (await nodes.leader()) !== 1, 'another leader')
    const next = await nodes.leader()
    expect((await quorumAt(nodes, next)).voters).toEqual([2, 3])
    const other = next === 2 ? 3 : 2
    expect(await remove(next, other)).toBe('NONE')
    expect((await quorumAt(nodes, next)).voters).toEqual([next])
    expect(await remove(next, next)).toBe('VOTER_NOT_FOUND')
  })

  test('is joined by who is to join by itself, in the place of the disk that it had before', async () => {
    const nodes = new SimulatedNodes(3, (id) => ({
      ...controller(id),
      'controller.quorum.auto.join.enable': 'true',
    }))
    await nodes.start(1)
    for (const id of [2, 3]) {
      nodes.format(id)
      await nodes.start(id)
    }
    const votersAt = async (id: number) => (await quorumAt(nodes, id)).voters
    await nodes.untilAsked(async () => (await votersAt(1)).length === 3, 'three voters')
    nodes.kill(3)
    nodes.wipe(3)
    const directory = nodes.format(3, 'n')
    await nodes.start(3)
    const keys = async (): Promise<string[]> => {
      const answer = await nodes.ask(1, DescribeQuorum, { topics })
      const voters = answer?.topics[0]?.partitions[0]?.currentVoters ?? []
      return voters.map(({ replicaDirectoryId }) => replicaDirectoryId)
    }
    await nodes.untilAsked(async () => (await keys()).includes(directory), 'the new disk')
    expect(await votersAt(1)).toEqual([1, 2, 3])
  })

  test('counts a voter whose disk was wiped for nothing: it says once what to do, and is one again when that was done', async () => {
    const { nodes, directories } = await grown()
    nodes.kill(3)
    nodes.wipe(3)
    const [before, after] = [directories.get(3)!, nodes.format(3, 'n')]
    await nodes.start(3)
    const warnings = () => nodes.linesOf(3).filter((line) => line.includes('only follows'))
    await nodes.untilAsked(() => Promise.resolve(warnings().length > 0), 'a word of it')
    expect(warnings()[0]).toContain(`ottla quorum remove 3 --directory-id ${before}`)
    await nodes.pass(20_000)
    expect([warnings().length, await quorumAt(nodes, 1)]).toEqual([
      1,
      { voters: [1, 2, 3], observers: [3] },
    ])
    const remove = { clusterId: null, voterId: 3, voterDirectoryId: before }
    expect(await nodes.ask(1, RemoveRaftVoter, remove)).toMatchObject({ errorCode: 'NONE' })
    expect(await nodes.ask(1, AddRaftVoter, adding(3, after))).toMatchObject({ errorCode: 'NONE' })
    expect((await quorumAt(nodes, 1)).voters).toEqual([1, 2, 3])
  })
})
