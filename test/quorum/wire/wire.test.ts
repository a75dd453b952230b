import { decode, encode } from '../../../protocol/codec.ts'
import type { Api, Decoded, Encoded, Shape } from '../../../protocol/schema.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import type { RaftReply, RaftRequest, SnapshotRequest } from '../../../src/quorum/types.ts'
import type { NodeEndpoint } from '../../../src/quorum/wire/partition.ts'
import type { Asked } from '../../../src/quorum/wire/requests.ts'
import { ask } from '../../../src/quorum/wire/requests.ts'
import type { AskedQuorum } from '../../../src/quorum/wire/server.ts'
import { RaftServer } from '../../../src/quorum/wire/server.ts'
import { fetchPieces } from '../../../src/quorum/wire/snapshot.ts'

const CLUSTER_ID = 'AAAAAAAAAAAAAAAAAAAACQ'
const key = (id: number) => ({ id, directoryId: String(id).repeat(21) + 'Q' })
const place = (id: number) => ({ host: `node${id}`, port: 9090 + id })
const voter = { ...key(2), endpoints: [] }
const NAME = 'CONTROLLER'

/** Node 2, which knows where nodes 1 to 3 are; it answers what a test says, and remembers what it was asked. */
class AskedNode {
  readonly asked: RaftRequest[] = []
  readonly pieces: SnapshotRequest[] = []
  readonly learnt: NodeEndpoint[] = []
  answer: RaftReply | null = null
  snapshot = Buffer.alloc(0)
  /** In what version the last request came. */
  version = -1
  readonly server: RaftServer

  constructor() {
    const quorum: AskedQuorum = {
      epoch: 5,
      leaderId: 3,
      endpointOf: (id) => (id >= 1 && id <= 3 ? place(id) : null),
      request: (request, answer) => {
        this.asked.push(request)
        answer(this.answer)
      },
      changeVoters: () => Promise.resolve({ errorCode: 'NONE', errorMessage: null }),
      readSnapshot: (request) => {
        this.pieces.push(request)
        const bytes = this.snapshot.subarray(request.position, request.position + 10)
        return Promise.resolve({ errorCode: 'NONE', size: this.snapshot.length, bytes })
      },
    }
    this.server = new RaftServer({
      quorum: () => quorum,
      self: key(2),
      clusterId: CLUSTER_ID,
      listenerName: NAME,
      learn: (leader) => void this.learnt.push(leader),
    })
  }

  /** The way to it, in a version, by bytes. */
  way(version: number): Asked {
    return {
      request: async <Q extends Shape, R extends Shape>(
        api: Api<Q, R>,
        body: Encoded<Q>,
      ): Promise<Decoded<R>> => {
        this.version = version
        const request = decode(api.request, version, encode(api.request, version, body))
        const method = `${api.name[0]!.toLowerCase()}${api.name.slice(1)}` as keyof RaftServer
        const answer = await (
          this.server[method] as (request: object) => Promise<Encoded<R> | null>
        ).call(this.server, request)
        if (answer === null) throw new Error('The connection was closed')
        return decode(api.response, version, encode(api.response, version, answer))
      },
    }
  }
}

const own = { clusterId: CLUSTER_ID, endpoints: [{ name: NAME, ...place(1) }] }

const vote = (preVote: boolean): RaftRequest => ({
  type: 'vote',
  candidate: key(1),
  voter: key(2),
  epoch: 6,
  lastOffset: 2 ** 40,
  lastEpoch: 5,
  preVote,
})
const begin: RaftRequest = { type: 'beginQuorumEpoch', leaderId: 1, epoch: 6 }
const end: RaftRequest = {
  type: 'endQuorumEpoch',
  leaderId: 1,
  epoch: 6,
  preferredCandidates: [key(2), key(3)],
}
const fetch: RaftRequest = {
  type: 'fetch',
  requestId: 77,
  replica: key(1),
  currentLeaderEpoch: 5,
  fetchOffset: 100,
  lastFetchedEpoch: 4,
  highWatermark: 90,
  maxWaitMs: 500,
}
const granted: RaftReply = {
  type: 'voteReply',
  errorCode: 'NONE',
  epoch: 6,
  leaderId: -1,
  granted: true,
  preVote: false,
}
const epochReply: RaftReply = { type: 'epochReply', errorCode: 'NONE', epoch: 6, leaderId: 1 }
const fetched: RaftReply = {
  type: 'fetchReply',
  requestId: 0,
  errorCode: 'NONE',
  epoch: 5,
  leaderId: 3,
  highWatermark: 95,
  diverging: null,
  snapshot: null,
  records: Buffer.from('records'),
}

describe('what the quorum says goes over the wire and back unchanged', () => {
  test.each<[string, number, RaftRequest, RaftReply]>([
    ['a question for a vote', 2, vote(true), { ...granted, preVote: true }],
    ['a vote', 2, vote(false), granted],
    ['a vote without the question', 1, vote(false), granted],
    ['a vote refused', 2, vote(false), { ...granted, granted: false, leaderId: 3 }],
    ['a vote of an old epoch', 2, vote(false), { ...granted, errorCode: 'FENCED_LEADER_EPOCH' }],
    ['a vote of another disk', 2, vote(false), { ...granted, errorCode: 'INVALID_VOTER_KEY' }],
    ['the beginning of an epoch', 1, begin, epochReply],
    [
      'the beginning of an old epoch',
      1,
      begin,
      { ...epochReply, errorCode: 'FENCED_LEADER_EPOCH' },
    ],
    ['the end of an epoch', 1, end, epochReply],
    ['records', 18, fetch, fetched],
    ['records without a high watermark', 18, { ...fetch, highWatermark: -1 }, fetched],
    ['no records', 18, fetch, { ...fetched, records: null, highWatermark: -1 }],
    [
      'a log that differs',
      18,
      fetch,
      { ...fetched, records: null, diverging: { offset: 9, epoch: 0 } },
    ],
    ['a snapshot', 18, fetch, { ...fetched, records: null, snapshot: { offset: 9, epoch: 3 } }],
    [
      'a fetch from no leader',
      18,
      fetch,
      { ...fetched, records: null, errorCode: 'NOT_LEADER_OR_FOLLOWER' },
    ],
    [
      'a fetch of later',
      18,
      fetch,
      { ...fetched, records: null, errorCode: 'UNKNOWN_LEADER_EPOCH' },
    ],
    [
      'a fetch of before',
      18,
      fetch,
      { ...fetched, records: null, errorCode: 'FENCED_LEADER_EPOCH' },
    ],
  ])('%s, v%i', async (_, version, request, reply) => {
    const node = new AskedNode()
    node.answer = reply
    const answered = await ask(node.way(version), own, voter, request)
    const id = { requestId: 0 }
    expect(node.asked).toEqual([request.type === 'fetch' ? { ...request, ...id } : request])
    const expected = request.type === 'fetch' ? { ...reply, requestId: request.requestId } : reply
    expect(answered.reply).toEqual(expected)
    const { leaderId } = reply
    expect(answered.leader).toEqual(leaderId < 0 ? null : { id: leaderId, ...place(leaderId) })
  })

  test('older versions name no disks: the voter is the node itself, whatever disk it has', async () => {
    const node = new AskedNode()
    node.answer = granted
    await ask(node.way(0), own, voter, vote(false))
    node.answer = epochReply
    await ask(node.way(0), own, voter, begin)
    await ask(node.way(0), own, voter, end)
    expect(node.asked).toMatchObject([
      { candidate: { id: 1, directoryId: ZERO_UUID }, voter: key(2) },
      { type: 'beginQuorumEpoch' },
      { preferredCandidates: [key(2), { id: 3 }] },
    ])
  })

  test('fetches that do not say what they know to be committed are not woken for it', async () => {
    const node = new AskedNode()
    node.answer = fetched
    await ask(node.way(17), own, voter, fetch)
    await ask(node.way(12), own, voter, fetch)
    expect(node.asked).toMatchObject([
      { highWatermark: Infinity, replica: key(1) },
      { highWatermark: Infinity, replica: { id: 1, directoryId: ZERO_UUID } },
    ])
  })
})

describe('a node that is asked', () => {
  test('says whom it has not heard of to nobody: a leader that cannot be found is none', async () => {
    const node = new AskedNode()
    node.answer = { ...granted, leaderId: 4 }
    const { reply, leader } = await ask(node.way(2), own, voter, vote(false))
    expect([reply.leaderId, leader]).toEqual([-1, null])
  })

  test('learns from a leader where it is, unless its epoch is over or is another one’s', async () => {
    const node = new AskedNode()
    node.answer = epochReply
    await ask(node.way(1), own, voter, begin)
    await ask(node.way(1), own, voter, { ...begin, epoch: 4 })
    await ask(node.way(1), own, voter, { ...begin, epoch: 5 })
    expect(node.learnt).toEqual([{ id: 1, ...place(1) }])
    await ask(node.way(1), own, voter, { ...begin, epoch: 5, leaderId: 3 })
    expect(node.learnt).toHaveLength(2)
  })

  test('begins no epoch for a voter that it is not', async () => {
    const node = new AskedNode()
    await expect(
      ask(node.way(1), own, { ...voter, directoryId: 'X'.repeat(21) + 'Q' }, begin),
    ).rejects.toMatchObject({ errorCode: 'INVALID_VOTER_KEY' })
    expect(node.asked).toEqual([])
  })

  test.each([vote(false), begin, end, fetch])('refuses another cluster: %j', async (request) => {
    const node = new AskedNode()
    const version = request.type === 'fetch' ? 18 : 1
    const other = { ...own, clusterId: 'another' }
    await expect(ask(node.way(version), other, voter, request)).rejects.toMatchObject({
      errorCode: 'INCONSISTENT_CLUSTER_ID',
      message: expect.stringMatching(/another cluster/) as string,
    })
    expect(node.asked).toEqual([])
  })

  test('that does not believe who asks gives no answer', async () => {
    const node = new AskedNode()
    await expect(ask(node.way(2), own, voter, vote(false))).rejects.toThrow(/closed/)
  })

  test('tells an error that is none of the quorum’s own, and it is not taken for an answer', async () => {
    const node = new AskedNode()
    node.answer = { ...fetched, errorCode: 'INVALID_REQUEST', records: null }
    await expect(ask(node.way(18), own, voter, fetch)).rejects.toMatchObject({
      code: 'ERR_QUORUM_REFUSED',
      errorCode: 'INVALID_REQUEST',
    })
  })
})

describe('a snapshot', () => {
  const wanted = {
    clusterId: CLUSTER_ID,
    replica: key(1),
    epoch: 5,
    snapshot: { offset: 9, epoch: 3 },
  }
  const read = async (node: AskedNode, version = 1): Promise<string> => {
    const pieces: Buffer[] = []
    for await (const piece of fetchPieces(node.way(version), wanted)) pieces.push(piece)
    return Buffer.concat(pieces).toString()
  }

  test.each([0, 1])('comes piece by piece, v%i', async (version) => {
    const node = new AskedNode()
    node.snapshot = Buffer.from('it has more than one piece')
    expect(await read(node, version)).toBe('it has more than one piece')
    expect(node.pieces.map(({ position }) => position)).toEqual([0, 10, 20])
    expect(node.pieces[0]).toMatchObject({
      snapshot: wanted.snapshot,
      currentLeaderEpoch: 5,
      replica: { id: 1, directoryId: version === 0 ? ZERO_UUID : key(1).directoryId },
    })
  })

  test('that becomes shorter on the way is none', async () => {
    const node = new AskedNode()
    node.snapshot = Buffer.from('it has more than one piece')
    const pieces = fetchPieces(node.way(1), wanted)[Symbol.asyncIterator]()
    await pieces.next()
    node.snapshot = node.snapshot.subarray(0, 15)
    await expect(pieces.next()).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_PIECE' })
  })

  test('of which nothing more comes is none', async () => {
    await expect(read(new AskedNode())).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_PIECE' })
  })
})
