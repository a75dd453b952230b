import { ZERO_UUID } from '../../protocol/schema.ts'
import { seededRandom } from '../../src/host/sim/random.ts'
import { Raft } from '../../src/quorum/raft.ts'
import type {
  FetchReply,
  LogPosition,
  LogView,
  RaftOutput,
  VoteReply,
  VoteRequest,
} from '../../src/quorum/types.ts'
import { DEFAULT_TIMEOUTS } from '../../src/quorum/types.ts'

const key = (id: number) => ({ id, directoryId: String(id).repeat(22) })
const question = (id: number) => ({ id, directoryId: ZERO_UUID })
const staticVoters = [1, 2, 3].map((id) => ({ id, directoryId: ZERO_UUID, endpoints: [] }))

/** Node 1 of a static quorum of three; it has an empty disk. */
function newcomer(end: LogPosition = { offset: 0, epoch: 0 }, voters = staticVoters) {
  const log: LogView = {
    startOffset: 0,
    end,
    latestSnapshot: null,
    earliestSnapshot: null,
    endOfEpoch: () => end,
  }
  const raft = new Raft({
    self: key(1),
    voters,
    election: null,
    log,
    random: seededRandom(7),
    timeouts: DEFAULT_TIMEOUTS,
    discovers: false,
    remembersNothing: true,
  })
  return { raft, started: raft.start(0) }
}

const vote = (parts: Partial<VoteRequest> = {}): VoteRequest => ({
  type: 'vote',
  candidate: key(2),
  voter: question(1),
  epoch: 0,
  lastOffset: 0,
  lastEpoch: 0,
  preVote: false,
  ...parts,
})

const answer = (parts: Partial<VoteReply> = {}): VoteReply => ({
  type: 'voteReply',
  errorCode: 'NONE',
  epoch: 0,
  leaderId: -1,
  granted: true,
  preVote: true,
  ...parts,
})

const fetchReply = (requestId: number, parts: Partial<FetchReply> = {}): FetchReply => ({
  type: 'fetchReply',
  requestId,
  errorCode: 'NONE',
  epoch: 5,
  leaderId: 3,
  highWatermark: 0,
  diverging: null,
  snapshot: null,
  records: null,
  ...parts,
})

function fetchIn({ send }: RaftOutput) {
  const fetch = send.find(({ message }) => message.type === 'fetch')?.message
  if (fetch?.type !== 'fetch') throw new Error('Nothing is fetched')
  return fetch
}

const begin = { type: 'beginQuorumEpoch', leaderId: 3, epoch: 5 } as const

describe('a voter of a static quorum that remembers nothing', () => {
  test('asks all others whether they have records, and stands for nothing however long they are silent', () => {
    const { raft, started } = newcomer()
    const asked = [2, 3].map((id) => ({
      to: id,
      message: vote({ candidate: question(1), voter: question(id), preVote: true }),
    }))
    expect([started.send, started.persist]).toEqual([asked, null])
    raft.receive(2, answer(), 10)
    for (let now = 10; now < 60_000; now = raft.nextTick()) {
      const { send, persist } = raft.tick(now)
      for (const { to, message } of send) {
        expect([to, message]).toEqual([3, asked[1]!.message])
        raft.unanswered(3, vote({ candidate: question(1), preVote: true }), now)
      }
      expect([raft.role.name, raft.epoch, persist]).toEqual(['unattached', 0, null])
    }
  })

  test('votes for nobody, and tells only others like it that it has no records', () => {
    const { raft } = newcomer()
    const granted = (parts: Partial<VoteRequest>) =>
      (raft.receive(2, vote(parts), 0).answer as VoteReply).granted
    expect(granted({ epoch: 1 })).toBe(false)
    expect(granted({ epoch: 1, lastOffset: 9, lastEpoch: 0 })).toBe(false)
    // It would elect nobody, so nobody should count on it.
    expect(granted({ epoch: 1, preVote: true })).toBe(false)
    expect(granted({ epoch: 1, preVote: true, candidate: question(2) })).toBe(true)
    const { raft: other } = newcomer({ offset: 3, epoch: 1 })
    const asked = vote({ epoch: 1, preVote: true, candidate: question(2) })
    expect(other.receive(2, asked, 0).answer).toMatchObject({ granted: false })
  })

  test('has a vote when all have answered and nobody has records, which is written down', () => {
    const { raft } = newcomer()
    expect(raft.receive(2, answer(), 10).persist).toBeNull()
    const output = raft.receive(3, answer(), 20)
    expect(output.persist).toEqual({ epoch: 0, leaderId: -1, votedFor: null })
    expect(raft.receive(2, vote({ epoch: 1 }), 30)).toMatchObject({
      answer: { granted: true },
      persist: { epoch: 1, votedFor: key(2) },
    })
  })

  test('stands when nobody else does', () => {
    const { raft } = newcomer()
    raft.receive(2, answer(), 10)
    raft.receive(3, answer(), 20)
    const at = raft.nextTick()
    expect(at).toBeGreaterThanOrEqual(20 + DEFAULT_TIMEOUTS.electionTimeoutMs)
    const { send } = raft.tick(at)
    expect(send.map(({ message }) => message)).toMatchObject([
      { candidate: key(1), preVote: true },
      { candidate: key(1), preVote: true },
    ])
  })

  test('votes in no epoch that another one knows of: it may have voted there', () => {
    const { raft } = newcomer()
    raft.receive(2, answer(), 10)
    const fenced = answer({ errorCode: 'FENCED_LEADER_EPOCH', epoch: 4, granted: false })
    const again = raft.receive(3, fenced, 20)
    expect(again.send).toMatchObject([{ to: 3, message: { epoch: 4, preVote: true } }])
    const output = raft.receive(3, answer({ epoch: 4 }), 30)
    expect(output.persist).toEqual({ epoch: 5, leaderId: -1, votedFor: null })
    expect(raft.receive(2, vote({ epoch: 4 }), 40).answer).toMatchObject({
      errorCode: 'FENCED_LEADER_EPOCH',
    })
  })

  test('asks again who had records: its disk may have been replaced, too', () => {
    const { raft } = newcomer()
    raft.receive(2, answer(), 10)
    raft.receive(3, answer({ granted: false }), 20)
    const at = raft.nextTick()
    expect(raft.tick(at).send).toMatchObject([{ to: 3, message: { preVote: true } }])
    expect(raft.receive(3, answer(), at).persist).not.toBeNull()
  })

  test('acknowledges nothing until it has all that the leader has, and all others have answered', () => {
    const end = { offset: 0, epoch: 0 }
    const { raft } = newcomer(end)
    let fetch = fetchIn(raft.receive(3, begin, 0))
    expect(fetch.replica).toEqual({ id: -1, directoryId: key(1).directoryId })
    const records = Buffer.from('some')
    raft.receive(3, fetchReply(fetch.requestId, { records, highWatermark: 9 }), 10)
    Object.assign(end, { offset: 9, epoch: 5 })
    fetch = fetchIn(raft.flushed(9, 20))
    expect([fetch.replica.id, fetch.fetchOffset]).toEqual([-1, 9])
    // It has all, but who has not answered may know of a later leader.
    raft.receive(2, answer({ epoch: 5, leaderId: 3, granted: false }), 30)
    fetch = fetchIn(raft.receive(3, fetchReply(fetch.requestId, { highWatermark: 9 }), 40))
    expect(fetch.replica.id).toBe(-1)
    expect(raft.isNewcomer).toBe(true)
    const output = raft.receive(3, answer({ epoch: 5, leaderId: 3, granted: false }), 50)
    expect(output.persist).toEqual({ epoch: 5, leaderId: 3, votedFor: null })
    fetch = fetchIn(raft.receive(3, fetchReply(fetch.requestId, { highWatermark: 9 }), 60))
    expect(fetch.replica).toEqual(key(1))
  })

  test('does not take a part of the log for all of it, nor the log of a leader before the last', () => {
    const end = { offset: 0, epoch: 0 }
    const { raft } = newcomer(end)
    const fetch = fetchIn(raft.receive(3, begin, 0))
    for (const from of [2, 3]) {
      raft.receive(from, answer({ epoch: 5, leaderId: 3, granted: false }), 5)
    }
    const records = Buffer.from('some')
    raft.receive(3, fetchReply(fetch.requestId, { records, highWatermark: 99 }), 10)
    Object.assign(end, { offset: 9, epoch: 5 })
    raft.flushed(9, 20)
    expect(raft.isNewcomer).toBe(true)
    const old = newcomer({ offset: 9, epoch: 5 })
    const asked = fetchIn(old.raft.receive(3, begin, 0))
    old.raft.receive(3, answer({ epoch: 5, leaderId: 3, granted: false }), 5)
    old.raft.receive(3, fetchReply(asked.requestId, { highWatermark: 9 }), 10)
    old.raft.receive(2, answer({ epoch: 6, granted: false }), 20)
    expect([old.raft.epoch, old.raft.isNewcomer]).toEqual([6, true])
  })

  test.each([
    { name: 'what its epoch begins with is missing', end: { offset: 9, epoch: 4 } },
    { name: 'something committed is missing', end: { offset: 8, epoch: 5 } },
  ])('does not take an answer without records for the end of the log: $name', ({ end }) => {
    const { raft } = newcomer(end)
    const fetch = fetchIn(raft.receive(3, begin, 0))
    for (const from of [2, 3]) {
      raft.receive(from, answer({ epoch: 5, leaderId: 3, granted: false }), 5)
    }
    const next = fetchIn(raft.receive(3, fetchReply(fetch.requestId, { highWatermark: 9 }), 10))
    expect(raft.isNewcomer).toBe(true)
    Object.assign(end, { offset: 9, epoch: 5 })
    raft.receive(3, fetchReply(next.requestId, { highWatermark: 9 }), 20)
    expect(raft.isNewcomer).toBe(false)
  })

  test('reads a snapshot as nobody: that it reads says nothing of who follows', () => {
    const { raft } = newcomer()
    const fetch = fetchIn(raft.receive(3, begin, 0))
    const snapshot = { offset: 9, epoch: 4 }
    const { fetchSnapshot } = raft.receive(3, fetchReply(fetch.requestId, { snapshot }), 10)
    const replica = { id: -1, directoryId: key(1).directoryId }
    expect(fetchSnapshot).toEqual({ from: 3, snapshot, replica })
  })

  test('waits for no leader’s end by standing: it looks for the next one', () => {
    const { raft } = newcomer()
    raft.receive(3, begin, 0)
    raft.tick(DEFAULT_TIMEOUTS.fetchTimeoutMs)
    expect([raft.role.name, raft.epoch]).toEqual(['unattached', 5])
  })

  test('is told by its disk where the quorum does that, and needs nobody’s answer', () => {
    const voters = [1, 2, 3].map((id) => ({ ...key(id), endpoints: [] }))
    const { raft, started } = newcomer({ offset: 0, epoch: 0 }, voters)
    expect(started.send).toEqual([])
    expect(raft.receive(2, vote({ voter: key(1), epoch: 1 }), 0)).toMatchObject({
      answer: { granted: true },
      persist: { epoch: 1, votedFor: key(2) },
    })
  })

  test('remembers a vote that it gives before it knows that it is a voter', () => {
    const voters = [2, 3].map((id) => ({ ...key(id), endpoints: [] }))
    const { raft, started } = newcomer({ offset: 0, epoch: 0 }, voters)
    expect(started.persist).toBeNull()
    expect(raft.receive(2, vote({ voter: key(1), epoch: 1 }), 0)).toMatchObject({
      answer: { granted: true },
      persist: { epoch: 1, votedFor: key(2) },
    })
  })
})
