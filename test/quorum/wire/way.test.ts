import { Fetch } from '../../../protocol/messages/fetch.ts'
import { Vote } from '../../../protocol/messages/vote.ts'
import { SimNetwork } from '../../../src/host/sim/network.ts'
import { SimMachine } from '../../../src/host/sim/machine.ts'
import { Scheduler } from '../../../src/host/sim/scheduler.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import { IN_THE_CLEAR } from '../../../src/peer/security.ts'
import type { RaftReply, RaftRequest } from '../../../src/quorum/types.ts'
import { ANYBODY } from '../../../src/quorum/types.ts'
import { WirePeers } from '../../../src/quorum/wire/peers.ts'
import { fakeController } from './fake-controller.ts'

const key = (id: number) => ({ id, directoryId: String(id).repeat(21) + 'Q' })
const vote = (preVote: boolean): RaftRequest => ({
  type: 'vote',
  candidate: key(1),
  voter: key(2),
  epoch: 6,
  lastOffset: 9,
  lastEpoch: 5,
  preVote,
})
const voterAt = (host: string, port = 9093) => ({
  ...key(2),
  endpoints: [{ name: 'CONTROLLER', host, port }],
})

const fetch: RaftRequest = {
  type: 'fetch',
  requestId: 1,
  replica: key(1),
  currentLeaderEpoch: 6,
  fetchOffset: 0,
  lastFetchedEpoch: 0,
  highWatermark: 0,
  maxWaitMs: 0,
}

/** Node 1 and the machine `other`, on which nothing runs yet. */
function world(servers: readonly { host: string; port: number }[] = []) {
  const scheduler = new Scheduler(3)
  const network = new SimNetwork(scheduler)
  const parts = { scheduler, network, codecs: nodeCodecs() }
  const own = new SimMachine('own', parts).start()
  const machine = new SimMachine('other', parts)
  const other = machine.start()
  const told: (readonly [number, RaftReply['type'] | 'lost' | 'gone'])[] = []
  const peers = new WirePeers({
    host: { ...own, security: IN_THE_CLEAR },
    self: key(1),
    clusterId: 'cluster',
    listenerName: 'CONTROLLER',
    endpoints: () => [{ name: 'CONTROLLER', host: 'own', port: 9093 }],
    servers,
    requestTimeoutMs: 1000,
    looksForDeadLeader: true,
    lookAtBrokerOf: () => null,
  })
  peers.attach({
    replied: (from, reply) => void told.push([from, reply.type]),
    unanswered: (to) => void told.push([to, 'lost']),
    gone: (leaderId) => void told.push([leaderId, 'gone']),
  })
  const heard = (count: number): Promise<void> =>
    scheduler.until(() => told.length >= count, 60_000, 'answers')
  return { scheduler, other, machine, peers, told, heard }
}

describe('the way to the other nodes', () => {
  test('asks in the highest version that both know, and one that knows no pre-votes only for votes', async () => {
    const { other, peers, told, heard, scheduler } = world()
    const asked: [string, number][] = []
    await scheduler.resolve(
      fakeController(other, 9093, { [Vote.key]: [0, 1] }, (name, version) => {
        asked.push([name, version])
      }),
      60_000,
      'listener',
    )
    peers.send(2, voterAt('other'), vote(true))
    await heard(1)
    expect([asked, told]).toEqual([[], [[2, 'lost']]])
    peers.send(2, voterAt('other'), vote(false))
    await heard(2)
    expect([asked, told[1]]).toEqual([[['Vote', 1]], [2, 'voteReply']])
  })

  test('tells that the leader is gone which has answered a fetch, and whose process has ended since', async () => {
    const { other, machine, peers, told, heard, scheduler } = world()
    const ask = async (): Promise<void> => {
      peers.send(2, voterAt('other'), fetch)
      await heard(told.length + 1)
    }
    await ask()
    const listening = fakeController(
      other,
      9093,
      { [Vote.key]: [0, 2], [Fetch.key]: [12, 17] },
      () => undefined,
    )
    await scheduler.resolve(listening, 60_000, 'listener')
    await ask()
    machine.kill()
    await ask()
    await heard(4)
    expect(told).toEqual([
      [2, 'lost'],
      [2, 'fetchReply'],
      [2, 'lost'],
      [2, 'gone'],
    ])
  })

  test('asks a node that is to vote which levels of kraft.version it offers', async () => {
    const { other, peers, scheduler } = world()
    const listen = (port: number, features: Parameters<typeof fakeController>[4]) =>
      scheduler.resolve(
        fakeController(other, port, {}, () => undefined, features),
        60_000,
        'listener',
      )
    const openCount = await listen(9093, [
      { name: 'metadata.version', minVersion: 7, maxVersion: 33 },
      { name: 'kraft.version', minVersion: 0, maxVersion: 1 },
    ])
    await listen(9094, [])
    const ask = (port: number) =>
      scheduler.resolve(peers.kraftVersionsOf(voterAt('other', port)), 60_000, 'versions')
    expect(await ask(9093)).toEqual({ min: 0, max: 1 })
    // It is asked once; the next one to vote is somewhere else.
    await scheduler.until(() => openCount() === 0, 10_000, 'the end of the connection')
    expect(await ask(9094)).toBeNull()
    await expect(ask(9095)).rejects.toMatchObject({ code: 'CONNECTION_REFUSED' })
  })

  test('asks one server after the other, itself aside, where anybody is asked', async () => {
    const servers = [
      { host: 'own', port: 9093 },
      { host: 'other', port: 9093 },
      { host: 'other', port: 9094 },
    ]
    const { other, peers, heard, scheduler } = world(servers)
    const asked: number[] = []
    for (const port of [9093, 9094]) {
      const note = (): void => void asked.push(port)
      const listening = fakeController(other, port, { [Vote.key]: [0, 2] }, note)
      await scheduler.resolve(listening, 60_000, 'listener')
    }
    for (let count = 1; count <= 4; count++) {
      peers.send(ANYBODY, null, vote(true))
      await heard(count)
    }
    expect(asked).toEqual([9093, 9094, 9093, 9094])
  })

  test('knows of a leader what was said last, and of others what the log says', () => {
    const { peers } = world()
    expect(peers.endpointOf(2, voterAt('other'))).toEqual({ host: 'other', port: 9093 })
    peers.learn({ id: 2, host: 'moved', port: 1 }, 5)
    expect(peers.endpointOf(2, voterAt('other'))).toMatchObject({ host: 'moved', port: 1 })
    peers.learn({ id: 2, host: 'back', port: 1 }, 5)
    peers.learn({ id: 2, host: 'before', port: 1 }, 4)
    peers.learn({ id: 3, host: 'before', port: 1 }, 4)
    expect(peers.endpointOf(2, voterAt('other'))).toMatchObject({ host: 'back', port: 1 })
    expect(peers.endpointOf(3, null)).toBeNull()
    expect(peers.endpointOf(1, null)).toEqual({ host: 'own', port: 9093 })
    expect(peers.endpointOf(7, null)).toBeNull()
  })
})
