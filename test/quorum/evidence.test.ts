import { ZERO_UUID } from '../../protocol/schema.ts'
import { seededRandom } from '../../src/host/sim/random.ts'
import { Raft } from '../../src/quorum/raft.ts'
import type { FetchReply, LogView, RaftOutput, RaftRequest } from '../../src/quorum/types.ts'
import { ANYBODY, DEFAULT_TIMEOUTS } from '../../src/quorum/types.ts'

const { retryBackoffMs, fetchTimeoutMs } = DEFAULT_TIMEOUTS
/** So that not all voters stand at the same moment. */
const EVIDENCE_JITTER_MS = 150
/** As long as another one goes first. */
const YIELD_MS = 100
const key = (id: number) => ({ id, directoryId: String(id).repeat(21) + 'Q' })
const named = (id: number) => ({ ...key(id), endpoints: [] })
const three = [1, 2, 3].map(named)
const end = { offset: 10, epoch: 4 }
const log: LogView = {
  startOffset: 0,
  end,
  latestSnapshot: null,
  earliestSnapshot: null,
  endOfEpoch: () => end,
}

/** Node 1, which knows of the leader 3 of epoch 5, or of nobody. */
function node({ voters = three, leaderId = 3, discovers = true } = {}) {
  const raft = new Raft({
    self: key(1),
    voters,
    election: { epoch: 5, leaderId, votedFor: null },
    log,
    random: seededRandom(7),
    timeouts: DEFAULT_TIMEOUTS,
    discovers,
  })
  return { raft, started: raft.start(0) }
}

function fetchIn({ send }: RaftOutput): {
  to: number
  request: Extract<RaftRequest, { type: 'fetch' }>
} {
  const found = send.find(({ message }) => message.type === 'fetch')
  if (found?.message.type !== 'fetch') throw new Error('Nothing is fetched')
  return { to: found.to, request: found.message }
}

const reply = (requestId: number, parts: Partial<FetchReply> = {}): FetchReply => ({
  type: 'fetchReply',
  requestId,
  errorCode: 'NONE',
  epoch: 5,
  leaderId: 3,
  highWatermark: 10,
  diverging: null,
  snapshot: null,
  records: null,
  ...parts,
})

/** A follower whose leader has answered once; and the fetch under way, at 1 ms. */
function followed(discovers = false, voters = [1, 2, 3]) {
  const { raft, started } = node({ discovers, voters: voters.map(named) })
  const next = raft.receive(3, reply(fetchIn(started).request.requestId), 1)
  return { raft, request: fetchIn(next).request }
}

const refusal = {
  type: 'voteReply',
  errorCode: 'NONE',
  epoch: 5,
  leaderId: 3,
  granted: false,
  preVote: true,
} as const

/** In epoch 6 nobody leads yet. */
const refused6 = { ...refusal, epoch: 6, leaderId: -1 } as const

const preVoteOf2 = {
  type: 'vote',
  epoch: 5,
  candidate: key(2),
  voter: key(1),
  lastOffset: 10,
  lastEpoch: 4,
  preVote: true,
} as const

/** A candidate in epoch 6, since its leader is gone; that was at 500 ms. */
function standing(voters = [1, 2, 3]) {
  const { raft } = followed(false, voters)
  const now = 500
  raft.gone(3, 2)
  raft.tick(2 + EVIDENCE_JITTER_MS)
  for (const id of voters.filter((id) => id % 2 === 0))
    raft.receive(id, { ...refusal, granted: true }, now)
  expect([raft.role.name, raft.epoch]).toEqual(['candidate', 6])
  return { raft, now }
}

describe('a leader whose process has ended', () => {
  test('is followed no more: its voters ask long before they would miss it, in the same epoch', () => {
    const { raft } = followed()
    raft.gone(3, 2)
    const asked = raft.tick(2 + EVIDENCE_JITTER_MS)
    expect([raft.role.name, raft.epoch, asked.persist]).toEqual(['prospective', 5, null])
    expect(asked.send.map(({ to, message }) => [to, message.type])).toEqual([
      [2, 'vote'],
      [3, 'vote'],
    ])
  })

  test('was another one than this node follows, or that it has never met: it may not have begun yet', () => {
    const { raft } = followed()
    raft.gone(2, 2)
    const { raft: unmet } = node({ discovers: false })
    unmet.gone(3, 2)
    for (const each of [raft, unmet]) {
      each.tick(fetchTimeoutMs - 1)
      expect(each.role.name).toBe('follower')
    }
  })

  test('and that answers all the same is followed on', () => {
    const { raft, request } = followed()
    raft.gone(3, 2)
    raft.receive(3, reply(request.requestId), 2)
    raft.tick(2 + EVIDENCE_JITTER_MS)
    expect(raft.role.name).toBe('follower')
    expect(raft.receive(2, preVoteOf2, 200).answer).toMatchObject({ granted: false })
  })

  test('and that sends more of its snapshot all the same is followed on', () => {
    const { raft, request } = followed()
    const snapshot = { offset: 20, epoch: 5 }
    raft.receive(3, reply(request.requestId, { snapshot }), 2)
    raft.gone(3, 2)
    raft.receiving(snapshot, 3)
    raft.tick(3 + EVIDENCE_JITTER_MS)
    expect(raft.role.name).toBe('follower')
    expect(raft.receive(2, preVoteOf2, 200).answer).toMatchObject({ granted: false })
  })

  test('others who would not vote yet are asked again in a moment, not after the whole election', () => {
    const { raft } = followed()
    raft.gone(3, 2)
    raft.tick(2 + EVIDENCE_JITTER_MS)
    const now = 500
    raft.receive(2, refusal, now)
    expect(raft.tick(now + 99).send).toEqual([])
    expect(raft.tick(now + 100).send).toMatchObject([{ to: 2, message: { type: 'vote' } }])
    raft.receive(2, { ...refusal, granted: true }, now + 101)
    expect([raft.role.name, raft.epoch]).toEqual(['candidate', 6])
  })

  test('holds nobody back: another voter that has found it out, too, gets the pre-vote at once, and goes first', () => {
    const { raft } = followed()
    expect(raft.receive(2, preVoteOf2, 2).answer).toMatchObject({ granted: false })
    raft.gone(3, 2)
    const stands = raft.nextTick()
    expect(raft.receive(2, preVoteOf2, 2).answer).toMatchObject({ granted: true, epoch: 5 })
    expect(raft.tick(stands).send).toEqual([])
    expect([raft.role.name, raft.epoch]).toEqual(['follower', 5])
    const voted = raft.receive(2, { ...preVoteOf2, epoch: 6, preVote: false }, 90)
    expect(voted.answer).toMatchObject({ granted: true, epoch: 6 })
  })

  test('and the voter that is to go first is not elected, however often it asks: this one stands after a moment', () => {
    const { raft } = followed()
    raft.gone(3, 2)
    raft.receive(2, preVoteOf2, 2)
    const stands = raft.nextTick()
    expect(stands).toBeLessThanOrEqual(2 + YIELD_MS + EVIDENCE_JITTER_MS)
    raft.receive(2, preVoteOf2, stands - 1)
    raft.tick(stands)
    expect(raft.role.name).toBe('prospective')
  })

  test('makes two candidates of three voters: who is refused by the other stands again in a moment', () => {
    const { raft, now } = standing()
    raft.receive(2, { ...refused6, preVote: false }, now)
    raft.tick(now + YIELD_MS - 1)
    expect(raft.role.name).toBe('candidate')
    const asked = raft.tick(now + YIELD_MS + EVIDENCE_JITTER_MS)
    expect([raft.role.name, raft.epoch]).toEqual(['prospective', 6])
    expect(asked.send).toMatchObject([{ to: 2 }, { to: 3 }])
    raft.receive(2, refused6, 800)
    expect(raft.tick(900).send).toMatchObject([{ to: 2, message: { preVote: true } }])
  })

  test('makes two candidates, of which one asks again: the other lets it go first', () => {
    const { raft, now } = standing()
    raft.receive(2, { ...refused6, preVote: false }, now)
    raft.receive(2, { ...preVoteOf2, epoch: 6 }, now + YIELD_MS - 1)
    raft.tick(now + 2 * YIELD_MS - 2)
    expect(raft.role.name).toBe('candidate')
  })

  test('is one of five voters, and one refuses: the others may still vote, and are waited for, but not without hope', () => {
    const { raft, now } = standing([1, 2, 3, 4, 5])
    raft.receive(2, { ...refused6, preVote: false }, now)
    raft.tick(now + YIELD_MS + EVIDENCE_JITTER_MS)
    expect([raft.role.name, raft.epoch]).toEqual(['candidate', 6])
    raft.receive(4, { ...refused6, preVote: false }, now + 300)
    raft.tick(now + 300 + YIELD_MS + EVIDENCE_JITTER_MS)
    expect([raft.role.name, raft.epoch]).toEqual(['prospective', 6])
  })

  test('comes back, and votes: then it counts', () => {
    const { raft, now } = standing([1, 2, 3, 4, 5])
    raft.receive(3, { ...refused6, preVote: false, granted: true }, now)
    for (const id of [2, 4]) raft.receive(id, { ...refused6, preVote: false }, now)
    raft.tick(now + YIELD_MS + EVIDENCE_JITTER_MS)
    expect([raft.role.name, raft.epoch]).toEqual(['candidate', 6])
  })

  test('not known to have: a candidate that others refuse waits as long as ever', () => {
    const { raft } = followed()
    const missed = 1 + fetchTimeoutMs
    raft.tick(missed)
    raft.receive(2, { ...refusal, granted: true }, missed)
    expect([raft.role.name, raft.epoch]).toEqual(['candidate', 6])
    for (const id of [2, 3]) raft.receive(id, { ...refused6, preVote: false }, missed)
    raft.tick(missed + DEFAULT_TIMEOUTS.electionTimeoutMs - 1)
    expect(raft.role.name).toBe('candidate')
  })
})

describe('who knows no leader', () => {
  test('asks anybody, and follows whom it is told', () => {
    const { raft, started } = node({ leaderId: -1 })
    const { to, request } = fetchIn(started)
    expect(to).toBe(ANYBODY)
    const answer = { errorCode: 'NOT_LEADER_OR_FOLLOWER', epoch: 7, leaderId: 2 } as const
    const told = raft.receive(ANYBODY, reply(request.requestId, answer), 5)
    expect([raft.role.name, raft.leaderId, raft.epoch, fetchIn(told).to]).toEqual([
      'follower',
      2,
      7,
      2,
    ])
  })

  test('asks the next one after a pause, where that one knows no leader either, or is not there', () => {
    const { raft, started } = node({ leaderId: -1 })
    const answer = { errorCode: 'NOT_LEADER_OR_FOLLOWER', leaderId: -1 } as const
    expect(
      raft.receive(ANYBODY, reply(fetchIn(started).request.requestId, answer), 5).send,
    ).toEqual([])
    expect(raft.tick(4 + retryBackoffMs).send).toEqual([])
    const second = fetchIn(raft.tick(5 + retryBackoffMs))
    expect(second.to).toBe(ANYBODY)
    raft.unanswered(ANYBODY, second.request, 50)
    expect(fetchIn(raft.tick(50 + retryBackoffMs)).to).toBe(ANYBODY)
  })

  test('asks nobody where it was told of nobody', () => {
    expect(node({ leaderId: -1, discovers: false }).started.send).toEqual([])
  })

  test('asks anybody in between, where its leader does not answer', () => {
    const { raft, request } = followed(true)
    raft.unanswered(3, request, 2)
    const detour = fetchIn(raft.tick(2 + retryBackoffMs))
    expect(detour.to).toBe(ANYBODY)
    raft.unanswered(ANYBODY, detour.request, 40)
    const back = fetchIn(raft.tick(40 + retryBackoffMs))
    expect(back.to).toBe(3)
    // What anybody sends is not taken for the leader's.
    raft.unanswered(3, back.request, 80)
    const again = fetchIn(raft.tick(80 + retryBackoffMs))
    const records = Buffer.from('r')
    expect(
      raft.receive(ANYBODY, reply(again.request.requestId, { records }), 120).append,
    ).toBeNull()
    expect(fetchIn(raft.tick(120 + retryBackoffMs)).to).toBe(3)
  })
})

describe('a voter', () => {
  /** Node 1 leads epoch 6; node 2 has voted for it. */
  function leader(voters = three) {
    const { raft } = node({ voters, leaderId: -1, discovers: false })
    const now = raft.nextTick()
    raft.tick(now)
    const vote = { type: 'voteReply', errorCode: 'NONE', leaderId: -1, granted: true } as const
    raft.receive(2, { ...vote, epoch: 5, preVote: true }, now)
    raft.receive(2, { ...vote, epoch: 6, preVote: false }, now)
    expect(raft.role.name).toBe('leader')
    return { raft, now }
  }
  const fetch = (replica: { id: number; directoryId: string }) =>
    ({
      type: 'fetch',
      requestId: 1,
      replica,
      currentLeaderEpoch: 6,
      fetchOffset: 10,
      lastFetchedEpoch: 4,
      highWatermark: -1,
      maxWaitMs: 0,
    }) as const
  const progressOf = (raft: Raft) =>
    raft.role.name === 'leader' ? [...raft.role.progress.keys()] : []

  test('with another disk is an observer, which commits nothing', () => {
    const { raft, now } = leader()
    const wiped = { id: 2, directoryId: 'w'.repeat(21) + 'Q' }
    raft.receive(2, fetch(wiped), now)
    raft.receive(2, fetch(key(3)), now)
    expect(progressOf(raft)).toEqual([`2 ${wiped.directoryId}`, `3 ${key(3).directoryId}`])
  })

  test('of a static quorum is known by its id alone', () => {
    const voters = [1, 2, 3].map((id) => ({ id, directoryId: ZERO_UUID, endpoints: [] }))
    const { raft, now } = leader(voters)
    raft.receive(2, fetch(key(2)), now)
    expect(progressOf(raft)).toEqual([`2 ${ZERO_UUID}`])
  })

  test('is not forgotten, as observers are that have not fetched for five minutes', () => {
    const { raft, now } = leader()
    raft.receive(2, fetch(key(2)), now)
    raft.receive(9, fetch(key(9)), now)
    raft.receive(3, fetch(key(3)), now + 300_001)
    expect(progressOf(raft)).toEqual([2, 3].map((id) => `${id} ${key(id).directoryId}`))
  })
})
