import { AddRaftVoter } from '../../protocol/messages/add-raft-voter.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { UpdateFeatures } from '../../protocol/messages/update-features.ts'
import { UpdateRaftVoter } from '../../protocol/messages/update-raft-voter.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { SimulatedNodes } from './simulated-nodes.ts'

const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]

/** Three static voters whose directories an operator has formatted for that. */
function formatted(): SimulatedNodes {
  const nodes = SimulatedNodes.controllers(3)
  for (const id of [1, 2, 3]) nodes.formatStatic(id)
  return nodes
}

const raising = (level: number, validateOnly = false) => ({
  timeoutMs: 10_000,
  featureUpdates: [{ feature: 'kraft.version', maxVersionLevel: level, upgradeType: 1 }],
  validateOnly,
})

async function raise(nodes: SimulatedNodes, level: number, validateOnly = false) {
  const { errorCode, errorMessage } = (await nodes.ask(
    await nodes.leader(),
    UpdateFeatures,
    raising(level, validateOnly),
  ))!
  return { errorCode, errorMessage }
}

/** The voters' directories as the leader knows them, by id. */
async function disks(nodes: SimulatedNodes): Promise<string[]> {
  const answer = await nodes.ask(await nodes.leader(), DescribeQuorum, { topics })
  const voters = answer?.topics[0]?.partitions[0]?.currentVoters ?? []
  return [...voters]
    .sort((one, other) => one.replicaId - other.replicaId)
    .map(({ replicaDirectoryId }) => replicaDirectoryId)
}

async function level(nodes: SimulatedNodes, id: number): Promise<number> {
  const body = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
  const answer = await nodes.ask(id, ApiVersions, body, 4)
  const found = answer?.finalizedFeatures.find(({ name }) => name === 'kraft.version')
  return found?.maxVersionLevel ?? 0
}

const own = (nodes: SimulatedNodes) => [1, 2, 3].map((id) => nodes.directoryOf(id)!)
const UNKNOWN = [ZERO_UUID, ZERO_UUID, ZERO_UUID]

describe('kraft.version of a static quorum', () => {
  test('is raised when it is asked for and all voters have told their disks, through fail-over and restart', async () => {
    const nodes = formatted()
    await nodes.startAll()
    await nodes.leader()
    await nodes.pass(10_000)
    // Nobody has asked for it.
    expect(await disks(nodes)).toEqual(UNKNOWN)
    expect(await raise(nodes, 1, true)).toEqual({ errorCode: 'NONE', errorMessage: null })
    expect(await raise(nodes, 2)).toMatchObject({ errorCode: 'INVALID_UPDATE_VERSION' })
    expect(await disks(nodes)).toEqual(UNKNOWN)
    expect(await raise(nodes, 1)).toEqual({ errorCode: 'NONE', errorMessage: null })
    expect(await disks(nodes)).toEqual(own(nodes))
    const first = await nodes.leader()
    expect(await level(nodes, first)).toBe(1)
    expect(await raise(nodes, 1)).toEqual({ errorCode: 'NONE', errorMessage: null })
    nodes.kill(first)
    const next = await nodes.leader()
    expect(await disks(nodes)).toEqual(own(nodes))
    await nodes.start(first)
    for (const id of [1, 2, 3]) nodes.kill(id)
    await nodes.startAll()
    expect(await disks(nodes)).toEqual(own(nodes))
    for (const id of [first, next]) {
      await nodes.untilAsked(async () => (await level(nodes, id)) === 1, 'the level')
    }
    // Another disk is another voter now: it follows, and is none of them.
    nodes.kill(first)
    nodes.wipe(first)
    await nodes.start(first)
    await nodes.leader()
    await nodes.until(() => nodes.endOf(first) > 0, 'records')
    expect(await disks(nodes)).not.toContain(nodes.directoryOf(first))
    const adding = {
      clusterId: null,
      timeoutMs: 10_000,
      voterId: first,
      voterDirectoryId: nodes.directoryOf(first)!,
      listeners: [{ name: 'CONTROLLER', host: `node${first}`, port: 9093 }],
    }
    const answer = await nodes.ask(await nodes.leader(), AddRaftVoter, adding)
    expect(answer).toMatchObject({ errorCode: 'DUPLICATE_VOTER' })
  })

  test('waits for a voter with an empty disk, which tells of that disk when it votes', async () => {
    const nodes = SimulatedNodes.controllers(5)
    for (const id of [1, 2, 3, 4, 5]) nodes.formatStatic(id)
    await nodes.startAll()
    const leader = await nodes.leader()
    const [lost, away] = [1, 2, 3, 4, 5].filter((id) => id !== leader) as [number, number]
    for (const id of [lost, away]) nodes.kill(id)
    nodes.wipe(lost)
    await nodes.start(lost)
    await nodes.pass(10_000)
    expect(await raise(nodes, 1)).toMatchObject({ errorCode: 'INVALID_UPDATE_VERSION' })
    await nodes.start(away)
    await nodes.untilAsked(async () => (await raise(nodes, 1)).errorCode === 'NONE', 'the level')
    expect(await nodes.leader()).toBe(leader)
    expect(await disks(nodes)).toContain(nodes.directoryOf(lost))
  })

  test('is not raised before, nor for one that does not know it; and says who is missing', async () => {
    const nodes = formatted()
    await nodes.start(1)
    await nodes.start(2)
    const leader = await nodes.leader()
    await nodes.pass(10_000)
    const refused = await raise(nodes, 1)
    expect(refused).toEqual({
      errorCode: 'INVALID_UPDATE_VERSION',
      errorMessage:
        'The update failed for all features since the following feature had an error: Invalid upgrade of kraft.version to 1 because not all of the voters support it: voter 3 has not told its directory yet',
    })
    const answer = await nodes.ask(leader, DescribeQuorum, { topics })
    const old = {
      clusterId: null,
      currentLeaderEpoch: answer!.topics[0]!.partitions[0]!.leaderEpoch,
      voterId: 3,
      voterDirectoryId: 'c'.repeat(21) + 'Q',
      listeners: [{ name: 'CONTROLLER', host: 'node3', port: 9093 }],
      kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 0 },
    }
    expect(await nodes.ask(leader, UpdateRaftVoter, old)).toMatchObject({ errorCode: 'NONE' })
    expect((await raise(nodes, 1)).errorMessage).toContain('voter 3 does not know it')
    expect(await disks(nodes)).toEqual(UNKNOWN)
    await nodes.start(3)
    await nodes.untilAsked(async () => (await raise(nodes, 1)).errorCode === 'NONE', 'the level')
    expect(await disks(nodes)).toEqual(own(nodes))
  })

  test('is raised by itself where nobody has formatted the voters', async () => {
    const nodes = SimulatedNodes.controllers(3)
    await nodes.startAll()
    await nodes.leader()
    await nodes.untilAsked(
      async () => String(await disks(nodes)) === String(own(nodes)),
      'voters with their disks',
    )
    // A disk that is replaced after that is no voter, and the others go on.
    const leader = await nodes.leader()
    const lost = [1, 2, 3].find((id) => id !== leader)!
    nodes.kill(lost)
    const before = nodes.directoryOf(lost)
    nodes.wipe(lost)
    await nodes.start(lost)
    await nodes.until(() => nodes.endOf(lost) > 0, 'records')
    const known = await disks(nodes)
    expect(known).toContain(before)
    expect(known).not.toContain(nodes.directoryOf(lost))
  })
})
