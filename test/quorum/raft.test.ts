import { Raft } from '../../src/quorum/raft.ts'
import type {
  ElectionState,
  FetchReply,
  LogView,
  RaftOutput,
  VoteRequest,
} from '../../src/quorum/types.ts'
import { DEFAULT_TIMEOUTS } from '../../src/quorum/types.ts'
import { seededRandom } from '../../src/host/sim/random.ts'

const key = (id: number) => ({ id, directoryId: String(id).repeat(22) })
const voters = [1, 2, 3].map((id) => ({ ...key(id), endpoints: [] }))

function raftWith(
  options: {
    voters?: typeof voters
    election?: ElectionState | null
    end?: { offset: number; epoch: number }
    view?: Partial<LogView>
  } = {},
) {
  const end = options.end ?? { offset: 0, epoch: 0 }
  const log: LogView = {
    startOffset: 0,
    end,
    latestSnapshot: null,
    earliestSnapshot: null,
    endOfEpoch: (epoch) => (epoch >= end.epoch ? end : { offset: 0, epoch: 0 }),
    ...options.view,
  }
  const raft = new Raft({
    self: key(1),
    voters: options.voters ?? voters,
    election: options.election ?? null,
    log,
    random: seededRandom(7),
    timeouts: DEFAULT_TIMEOUTS,
    discovers: false,
  })
  return { raft, end }
}

const vote = (parts: Partial<VoteRequest>): VoteRequest => ({
  type: 'vote',
  candidate: key(2),
  voter: key(1),
  epoch: 5,
  lastOffset: 10,
  lastEpoch: 4,
  preVote: false,
  ...parts,
})

const answer = (raft: Raft, request: VoteRequest, now = 0) => raft.receive(2, request, now).answer

/** Of the fetch that is sent. */
function requestIdOf({ send }: RaftOutput): number {
  const fetch = send.find(({ message }) => message.type === 'fetch')?.message
  if (fetch?.type !== 'fetch') throw new Error('Nothing is fetched')
  return fetch.requestId
}

describe('the Raft core alone', () => {
  test('a sole voter leads when start returns, with its vote persisted before its first record', () => {
    const { raft } = raftWith({ voters: voters.slice(0, 1) })
    const output = raft.start(0)
    expect(output.persist).toEqual({ epoch: 1, leaderId: 1, votedFor: key(1) })
    expect(output.beginEpoch).toEqual({ epoch: 1, grantedBy: [1] })
    expect([raft.role.name, output.send.length, raft.nextTick()]).toEqual(['leader', 0, Infinity])
  })

  test('a sole voter that led before leads again at once, in the next epoch', () => {
    const election = { epoch: 4, leaderId: 1, votedFor: key(1) }
    const { raft } = raftWith({
      voters: voters.slice(0, 1),
      election,
      end: { offset: 9, epoch: 4 },
    })
    expect(raft.start(0).beginEpoch?.epoch).toBe(5)
  })

  test('a record of an old epoch is committed only by one of the own epoch', () => {
    const end = { offset: 9, epoch: 4 }
    const { raft } = raftWith({ voters: voters.slice(0, 1), end })
    raft.start(0)
    expect(raft.flushed(9, 0).commit).toBeNull()
    end.offset = 10
    end.epoch = 5
    expect(raft.flushed(10, 0).commit).toBe(10)
  })

  test('a quorum-state older than the log gives way to the log', () => {
    const election = { epoch: 2, leaderId: 3, votedFor: null }
    expect(raftWith({ election, end: { offset: 9, epoch: 4 } }).raft.epoch).toBe(4)
  })

  test('a vote is persisted before it is given, and only one candidate gets it', () => {
    const { raft } = raftWith({ end: { offset: 10, epoch: 4 } })
    raft.start(0)
    const output = raft.receive(2, vote({}), 0)
    expect(output.persist).toEqual({ epoch: 5, leaderId: -1, votedFor: key(2) })
    expect(output.answer).toMatchObject({ errorCode: 'NONE', granted: true, epoch: 5 })
    expect(answer(raft, vote({ candidate: key(3) }))).toMatchObject({ granted: false })
    expect(answer(raft, vote({}))).toMatchObject({ granted: true })
  })

  test('a candidate that lacks records gets no vote', () => {
    const { raft } = raftWith({ end: { offset: 10, epoch: 4 } })
    raft.start(0)
    expect(answer(raft, vote({ lastOffset: 9 }))).toMatchObject({ granted: false })
    expect(answer(raft, vote({ lastOffset: 99, lastEpoch: 3 }))).toMatchObject({ granted: false })
  })

  test('votes with impossible logs, old epochs and foreign disks are refused by name', () => {
    const { raft } = raftWith({ election: { epoch: 5, leaderId: -1, votedFor: null } })
    raft.start(0)
    const error = (parts: Partial<VoteRequest>) => answer(raft, vote(parts))
    expect(error({ lastEpoch: 5 })).toMatchObject({ errorCode: 'INVALID_REQUEST' })
    expect(error({ lastOffset: -1 })).toMatchObject({ errorCode: 'INVALID_REQUEST' })
    expect(error({ epoch: 4, lastEpoch: 3 })).toMatchObject({ errorCode: 'FENCED_LEADER_EPOCH' })
    const other = { id: 1, directoryId: 'X'.repeat(22) }
    expect(error({ voter: other })).toMatchObject({ errorCode: 'INVALID_VOTER_KEY' })
  })

  test('pre-votes change nothing, and are refused by a follower whose leader answers', () => {
    const { raft, end } = raftWith({ election: { epoch: 5, leaderId: 3, votedFor: null } })
    const requestId = requestIdOf(raft.start(0))
    const output = raft.receive(2, vote({ preVote: true }), 1)
    expect([output.persist, output.answer]).toMatchObject([null, { granted: true }])
    const reply: FetchReply = {
      type: 'fetchReply',
      requestId,
      errorCode: 'NONE',
      epoch: 5,
      leaderId: 3,
      highWatermark: end.offset,
      diverging: null,
      snapshot: null,
      records: null,
    }
    raft.receive(3, reply, 2)
    expect(answer(raft, vote({ preVote: true }), 3)).toMatchObject({ granted: false })
  })

  test('a follower cuts what its leader never had, but never what is committed', () => {
    const election = { epoch: 5, leaderId: 3, votedFor: null }
    const endOfEpoch = () => ({ offset: 7, epoch: 3 })
    const { raft } = raftWith({ election, end: { offset: 10, epoch: 4 }, view: { endOfEpoch } })
    const parts = { type: 'fetchReply', errorCode: 'NONE', epoch: 5, leaderId: 3 } as const
    const differs = { diverging: { offset: 8, epoch: 3 }, snapshot: null, records: null }
    const first = { ...parts, ...differs, requestId: requestIdOf(raft.start(0)), highWatermark: 0 }
    expect(raft.receive(3, first, 1).truncateTo).toBe(7)
    const second = { ...first, requestId: requestIdOf(raft.flushed(10, 2)), highWatermark: 9 }
    const told = raft.receive(3, { ...second, diverging: null }, 3)
    expect(told.commit).toBe(9)
    const third = { ...second, requestId: requestIdOf(told) }
    const { contradiction, truncateTo } = raft.receive(3, third, 4)
    expect([truncateTo, contradiction?.from]).toEqual([null, 3])
    expect(contradiction?.error.message).toMatch(/committed/)
    expect(raft.role.name).toBe('follower')
  })

  test('a voter that has lost its leader follows it again at the leader’s own word, not at that of others', () => {
    const { raft } = raftWith({ election: { epoch: 5, leaderId: 2, votedFor: null } })
    raft.start(0)
    const lostAt = raft.nextTick()
    raft.tick(lostAt)
    expect(raft.role.name).toBe('prospective')
    const { epoch } = raft
    const begin = { type: 'beginQuorumEpoch', epoch, leaderId: 2 } as const
    const end = { type: 'endQuorumEpoch', epoch, leaderId: 2, preferredCandidates: [] } as const
    raft.receive(3, end, lostAt)
    expect(raft.role.name).toBe('prospective')
    raft.receive(2, begin, lostAt)
    expect(raft.role.name).toBe('follower')
  })

  test('a leader sends a follower whose records are gone to the snapshot', () => {
    const snapshot = { offset: 8, epoch: 3 }
    const earliestSnapshot = { offset: 5, epoch: 2 }
    const view = { startOffset: 5, latestSnapshot: snapshot, earliestSnapshot }
    const { raft } = raftWith({ voters: voters.slice(0, 1), end: { offset: 10, epoch: 4 }, view })
    raft.start(0)
    const fetch = {
      type: 'fetch',
      requestId: 8,
      replica: key(2),
      currentLeaderEpoch: 5,
      highWatermark: -1,
      maxWaitMs: 500,
    } as const
    const ask = (fetchOffset: number, lastFetchedEpoch: number, epoch = 5) =>
      raft.receive(2, { ...fetch, currentLeaderEpoch: epoch, fetchOffset, lastFetchedEpoch }, 0)
    for (const [offset, epoch] of [
      [0, 0],
      [3, 2],
    ] as const) {
      expect(ask(offset, epoch).answer).toMatchObject({
        snapshot: { offset: 8, epoch: 3 },
      })
    }
    expect(ask(10, 4).reads).toEqual([
      { requestId: 8, epoch: 5, offset: 10, isVoter: false, highWatermark: -1, maxWaitMs: 500 },
    ])
    expect(ask(10, 4, 4).answer).toMatchObject({ errorCode: 'FENCED_LEADER_EPOCH' })
    expect(ask(10, 4, 6).answer).toMatchObject({ errorCode: 'UNKNOWN_LEADER_EPOCH' })
    expect(ask(10, 6).answer).toMatchObject({ errorCode: 'INVALID_REQUEST' })
  })
})
