import { Raft } from '../../src/quorum/raft.ts'
import type {
  ElectionState,
  FetchReply,
  LogView,
  RaftMessage,
  RaftOutput,
  VoteReply,
  VoteRequest,
} from '../../src/quorum/types.ts'
import { DEFAULT_TIMEOUTS } from '../../src/quorum/types.ts'
import { seededRandom } from '../../src/host/sim/random.ts'

const key = (id: number) => ({ id, directoryId: String(id).repeat(22) })
const voters = [1, 2, 3].map((id) => ({ ...key(id), endpoints: [] }))
/** Requests are given up long before an election. */
const timeouts = { ...DEFAULT_TIMEOUTS, requestTimeoutMs: 100 }
const { requestTimeoutMs, fetchTimeoutMs, retryBackoffMs, electionTimeoutMs } = timeouts

/** Node 1 of three, whose log ends at offset 10 in epoch 4. */
function nodeWith(
  election: ElectionState | null = { epoch: 4, leaderId: -1, votedFor: null },
  view: Partial<LogView> = {},
  among = voters,
) {
  const end = { offset: 10, epoch: 4 }
  const log: LogView = {
    startOffset: 0,
    end,
    latestSnapshot: null,
    earliestSnapshot: null,
    endOfEpoch: (epoch) => (epoch >= end.epoch ? end : { offset: 0, epoch: 0 }),
    ...view,
  }
  const raft = new Raft({
    self: key(1),
    voters: among,
    election,
    log,
    random: seededRandom(7),
    timeouts,
    discovers: false,
  })
  const started = raft.start(0)
  return { raft, end, started }
}

const sent = (output: RaftOutput): [number, RaftMessage['type']][] =>
  output.send.map(({ to, message }) => [to, message.type])

const granted = (epoch: number, preVote: boolean, parts: Partial<VoteReply> = {}): VoteReply => ({
  type: 'voteReply',
  errorCode: 'NONE',
  epoch,
  leaderId: -1,
  granted: true,
  preVote,
  ...parts,
})

const request = (parts: Partial<VoteRequest> = {}): VoteRequest => ({
  type: 'vote',
  candidate: key(2),
  voter: key(1),
  epoch: 5,
  lastOffset: 10,
  lastEpoch: 4,
  preVote: false,
  ...parts,
})

/** The answer to the fetch that is under way. */
const reply = ({ role }: Raft, parts: Partial<FetchReply> = {}): FetchReply => ({
  type: 'fetchReply',
  requestId:
    role.name === 'follower' && role.fetching.name === 'sent' ? role.fetching.requestId : -1,
  errorCode: 'NONE',
  epoch: 5,
  leaderId: 3,
  highWatermark: -1,
  diverging: null,
  snapshot: null,
  records: null,
  ...parts,
})

/** A candidate of epoch 5, and the moment. */
function candidate() {
  const node = nodeWith()
  const now = node.raft.nextTick()
  node.raft.tick(now)
  node.raft.receive(2, granted(4, true), now)
  return { ...node, now }
}

/** The leader of epoch 5; its first record has the offset 10. */
function leader() {
  const node = candidate()
  const became = node.raft.receive(2, granted(5, false), node.now)
  node.end.offset = 11
  node.end.epoch = 5
  return { ...node, became }
}

const fetchOf = (id: number, fetchOffset: number, lastFetchedEpoch = 5) =>
  ({
    type: 'fetch',
    requestId: 1,
    replica: key(id),
    currentLeaderEpoch: 5,
    fetchOffset,
    lastFetchedEpoch,
    highWatermark: -1,
    maxWaitMs: 500,
  }) as const

describe('an election', () => {
  test('begins with the question who would vote, in the same epoch, and only then with the next one', () => {
    const { raft } = nodeWith()
    const now = raft.nextTick()
    expect(now).toBeGreaterThanOrEqual(electionTimeoutMs)
    expect(raft.tick(now - 1).send).toEqual([])
    const asked = raft.tick(now)
    expect([raft.role.name, raft.epoch, asked.persist]).toEqual(['prospective', 4, null])
    expect(asked.send.map(({ to, message }) => [to, message])).toEqual(
      [2, 3].map((id) => [
        id,
        request({ candidate: key(1), voter: key(id), epoch: 4, preVote: true }),
      ]),
    )
    const stood = raft.receive(2, granted(4, true), now)
    expect([raft.role.name, raft.epoch]).toEqual(['candidate', 5])
    expect(stood.persist).toEqual({ epoch: 5, leaderId: -1, votedFor: key(1) })
    expect(stood.send.map(({ message }) => message)).toMatchObject([
      { type: 'vote', epoch: 5, preVote: false },
      { type: 'vote', epoch: 5, preVote: false },
    ])
  })

  test('is won by votes, not by promises to vote, nor by those of an epoch before', () => {
    const { raft, now } = candidate()
    raft.receive(3, granted(5, true), now)
    raft.receive(3, granted(4, false), now)
    expect(raft.role.name).toBe('candidate')
    const won = raft.receive(3, granted(5, false), now)
    expect(raft.role.name).toBe('leader')
    expect(won.beginEpoch).toEqual({ epoch: 5, grantedBy: [1, 3] })
    expect(won.persist).toEqual({ epoch: 5, leaderId: 1, votedFor: key(1) })
  })

  test('is not won by the votes of nodes that have none', () => {
    const { raft, now } = candidate()
    raft.receive(7, granted(5, false), now)
    expect(raft.role.name).toBe('candidate')
  })

  test('is given up when most would not vote', () => {
    const { raft } = nodeWith()
    const now = raft.nextTick()
    raft.tick(now)
    // Node 7 has no vote, so that it can't refuse one.
    for (const id of [7, 2]) raft.receive(id, granted(4, true, { granted: false }), now)
    expect(raft.role.name).toBe('prospective')
    raft.receive(3, granted(4, true, { granted: false }), now)
    expect([raft.role.name, raft.epoch]).toEqual(['unattached', 4])
  })

  test('asks those who have not answered again, after a while', () => {
    const { raft, now } = candidate()
    raft.receive(2, granted(5, false, { granted: false }), now)
    expect(raft.nextTick()).toBe(now + requestTimeoutMs)
    expect(raft.tick(now + requestTimeoutMs - 1).send).toEqual([])
    expect(sent(raft.tick(now + requestTimeoutMs))).toEqual([[3, 'vote']])
  })

  test('that came to nothing leaves the vote where it was: for oneself', () => {
    const { raft } = candidate()
    const at = 10 * electionTimeoutMs
    expect(raft.tick(at).persist).toBeNull()
    expect([raft.role.name, raft.epoch]).toEqual(['prospective', 5])
    expect(raft.receive(2, request(), at).answer).toMatchObject({ granted: false })
  })

  test('a node that voted for itself asks for votes again after a restart, in the same epoch', () => {
    const { raft, started } = nodeWith({ epoch: 5, leaderId: -1, votedFor: key(1) })
    expect([raft.role.name, raft.epoch, started.persist]).toEqual(['candidate', 5, null])
    expect(started.send.map(({ message }) => message)).toMatchObject(
      [2, 3].map((id) => ({ type: 'vote', voter: key(id), epoch: 5, preVote: false })),
    )
    expect(raft.receive(3, granted(5, false), 1).beginEpoch).toEqual({
      epoch: 5,
      grantedBy: [1, 3],
    })
  })

  test('a node that comes back to a leader follows it, though it had voted for itself', () => {
    const { raft, started } = nodeWith({ epoch: 5, leaderId: 3, votedFor: key(1) })
    expect([raft.role.name, raft.epoch, raft.leaderId]).toEqual(['follower', 5, 3])
    expect([sent(started), started.persist]).toEqual([[[3, 'fetch']], null])
    raft.tick(raft.nextTick() + fetchTimeoutMs)
    expect(raft.role.name).toBe('prospective')
    expect(raft.receive(2, request(), fetchTimeoutMs).answer).toMatchObject({ granted: false })
  })

  test('a node that comes back with its own vote and records of that epoch waits: it has had a leader', () => {
    const view = { end: { offset: 12, epoch: 5 } }
    const { raft } = nodeWith({ epoch: 5, leaderId: -1, votedFor: key(1) }, view)
    expect([raft.role.name, raft.epoch]).toEqual(['unattached', 5])
  })

  const others = voters.filter(({ id }) => id !== 1)
  const otherDisk = [{ ...key(1), directoryId: 'X'.repeat(22), endpoints: [] }, ...others]

  test('a node that votes no longer does not stand, whatever it voted for before', () => {
    for (const without of [others, otherDisk]) {
      const own = { epoch: 5, leaderId: -1, votedFor: key(1) }
      const { raft, started } = nodeWith(own, {}, without)
      expect([raft.role.name, raft.epoch, started.send]).toEqual(['unattached', 5, []])
      raft.tick(100 * electionTimeoutMs)
      expect([raft.role.name, raft.epoch]).toEqual(['unattached', 5])
    }
  })

  test('a node that is removed while it asks for votes asks and counts no more', () => {
    for (const without of [others, otherDisk]) {
      const { raft, now } = candidate()
      raft.setVoters(without)
      const last = raft.receive(2, granted(5, false), now)
      expect([raft.role.name, raft.epoch, last.beginEpoch]).toEqual(['unattached', 5, null])
      expect([last.send, last.persist]).toEqual([[], null])
    }
  })

  test('a promise of a voter that is removed meanwhile does not count', () => {
    const { raft, now } = candidate()
    raft.setVoters([...voters, ...[4, 5].map((id) => ({ ...key(id), endpoints: [] }))])
    raft.receive(2, granted(5, false), now)
    raft.setVoters(voters.filter(({ id }) => id !== 2))
    raft.tick(now + 1)
    expect(raft.role.name).toBe('candidate')
    expect(raft.receive(3, granted(5, false), now + 1).beginEpoch?.grantedBy).toEqual([1, 3])
  })

  test('who has lost records since it got a vote does not get it again', () => {
    const { raft } = nodeWith()
    expect(raft.receive(2, request({ lastOffset: 12 }), 1).answer).toMatchObject({ granted: true })
    expect(raft.receive(2, request({ lastOffset: 9 }), 2).answer).toMatchObject({ granted: false })
    expect(raft.receive(2, request(), 3).answer).toMatchObject({ granted: true })
  })

  test('in an epoch that has a leader nobody else gets a vote', () => {
    const { raft } = nodeWith({ epoch: 5, leaderId: 3, votedFor: null })
    const lost = raft.nextTick() + fetchTimeoutMs
    raft.tick(lost)
    expect([raft.role.name, raft.leaderId]).toEqual(['prospective', 3])
    expect(raft.receive(2, request(), lost).answer).toMatchObject({
      granted: false,
      errorCode: 'NONE',
    })
  })

  test('who would win may be asked of a node that has seen the last epoch, too', () => {
    const { raft } = nodeWith()
    const ask = (parts: Partial<VoteRequest>) => raft.receive(2, request(parts), 1).answer
    expect(ask({ preVote: true, epoch: 4, lastEpoch: 4 })).toMatchObject({ granted: true })
    expect(ask({ preVote: true, epoch: 4, lastEpoch: 5 })).toMatchObject({
      errorCode: 'INVALID_REQUEST',
    })
  })

  test('a leader that comes back writes no more in its epoch, and votes for nobody in it', () => {
    const { raft, started } = nodeWith({ epoch: 5, leaderId: 1, votedFor: key(1) })
    expect([raft.role.name, raft.epoch, started.beginEpoch]).toEqual(['resigned', 5, null])
    expect(raft.receive(2, request(), 1).answer).toMatchObject({ granted: false })
    raft.tick(raft.nextTick())
    expect([raft.role.name, raft.leaderId]).toEqual(['unattached', -1])
    // Not even then: that epoch is over.
    expect(raft.receive(2, request(), 1).answer).toMatchObject({ granted: false })
    expect(raft.receive(2, request({ epoch: 6 }), 1).answer).toMatchObject({
      granted: true,
    })
  })
})

describe('a leader', () => {
  test('tells the others that its epoch begins, and again only those who do not fetch', () => {
    const { raft, became, now } = leader()
    expect(sent(became)).toEqual([
      [2, 'beginQuorumEpoch'],
      [3, 'beginQuorumEpoch'],
    ])
    const later = raft.receive(2, fetchOf(2, 11), now + fetchTimeoutMs / 2)
    expect(sent(later)).toEqual([[3, 'beginQuorumEpoch']])
  })

  test('answers who is no replica, and does not take it for an observer', () => {
    const { raft, now } = leader()
    const reader = { ...fetchOf(2, 11), replica: { id: -1, directoryId: key(2).directoryId } }
    expect(raft.receive(-1, reader, now).reads).toMatchObject([{ offset: 11 }])
    expect(raft.snapshotProblem(reader, now)).toBeNull()
    expect(raft.role).toMatchObject({ progress: new Map() })
    raft.receive(7, fetchOf(7, 11), now)
    expect([...(raft.role as { progress: Map<string, unknown> }).progress.keys()]).toHaveLength(1)
  })

  test('commits what most have synced, itself only as far as it has', () => {
    const { raft, end, now } = leader()
    end.offset = 20
    expect(raft.flushed(12, now).commit).toBeNull()
    // Nodes 1 and 2 have 12; what node 1 has not synced counts for nothing.
    expect(raft.receive(2, fetchOf(2, 20), now).commit).toBe(12)
    expect(raft.receive(3, fetchOf(3, 15), now).commit).toBe(15)
    expect(raft.flushed(20, now).commit).toBe(20)
    expect(raft.receive(3, fetchOf(3, 20), now).commit).toBeNull()
    expect(raft.highWatermark).toBe(20)
  })

  test('commits nothing of the epochs before without a record of its own', () => {
    const { raft, now } = leader()
    raft.flushed(10, now)
    expect(raft.receive(2, fetchOf(2, 10, 4), now).commit).toBeNull()
    raft.flushed(11, now)
    expect(raft.receive(2, fetchOf(2, 11), now).commit).toBe(11)
  })

  test('stays as long as most fetch, and resigns when they no longer do', () => {
    const { raft, now } = leader()
    const last = now + fetchTimeoutMs
    raft.receive(2, fetchOf(2, 11), last)
    raft.tick(last + 1.5 * fetchTimeoutMs - 1)
    expect(raft.role.name).toBe('leader')
    const output = raft.tick(last + 1.5 * fetchTimeoutMs)
    expect(raft.role.name).toBe('resigned')
    // The vote that it gave itself stays given in its epoch, as it stands on the disk.
    expect(output.persist).toBeNull()
    expect(output.send.map(({ to, message }) => [to, message])).toEqual(
      [2, 3].map((to) => [
        to,
        // The one that has more comes first.
        { type: 'endQuorumEpoch', leaderId: 1, epoch: 5, preferredCandidates: [key(2), key(3)] },
      ]),
    )
  })

  test('that resigned tells it again only to those who have not heard', () => {
    const { raft, now } = leader()
    raft.resign(now)
    raft.receive(3, { type: 'epochReply', errorCode: 'NONE', epoch: 5, leaderId: 1 }, now)
    expect(sent(raft.tick(now + requestTimeoutMs))).toEqual([[2, 'endQuorumEpoch']])
  })

  test('that resigned ends its epoch after a while: it can not be elected there again', () => {
    const { raft, now } = leader()
    raft.resign(now)
    const over = raft.tick(raft.nextTick() + 10 * electionTimeoutMs)
    expect([raft.role.name, raft.epoch]).toEqual(['unattached', 6])
    expect(over.persist).toEqual({ epoch: 6, leaderId: -1, votedFor: null })
    expect(raft.receive(2, request(), now).answer).toMatchObject({ granted: false })
  })

  test('whose lead is lost answers the fetches that waited for it with that', () => {
    const { raft, now } = leader()
    const [waiting] = raft.receive(2, fetchOf(2, 11), now).reads
    raft.receive(3, request({ epoch: 6, lastEpoch: 5, lastOffset: 11 }), now)
    expect(raft.fetchReplyFor(waiting!, Buffer.from('r'))).toMatchObject({
      errorCode: 'NOT_LEADER_OR_FOLLOWER',
      records: null,
      epoch: 6,
      requestId: 1,
    })
  })

  test('does not believe who names another leader of its epoch, and goes on', () => {
    const { raft, now } = leader()
    const { contradiction } = raft.receive(
      3,
      { type: 'epochReply', errorCode: 'NONE', epoch: 5, leaderId: 2 },
      now,
    )
    expect(contradiction).toMatchObject({ from: 3, error: { message: /node 2 leads epoch 5/ } })
    expect([raft.role.name, raft.epoch]).toEqual(['leader', 5])
  })

  test('tells a follower where its log differs, one whose epoch it never had included', () => {
    const endOfEpoch = (epoch: number) => ({ offset: 10, epoch: Math.min(epoch, 3) })
    const { raft } = nodeWith(undefined, { endOfEpoch })
    const now = raft.nextTick()
    raft.tick(now)
    raft.receive(2, granted(4, true), now)
    raft.receive(2, granted(5, false), now)
    const ask = (offset: number, epoch: number) => raft.receive(2, fetchOf(2, offset, epoch), now)
    expect(ask(8, 4).answer).toMatchObject({ diverging: { offset: 10, epoch: 3 } })
    expect(ask(11, 3).answer).toMatchObject({ diverging: { offset: 10, epoch: 3 } })
    expect(ask(8, 3).reads).toMatchObject([{ offset: 8 }])
  })

  test('lets a follower go on at the very start of its log, whatever snapshot there is', () => {
    const node = candidate()
    const latestSnapshot = { offset: 8, epoch: 3 }
    const view = { startOffset: 5, latestSnapshot, earliestSnapshot: { offset: 5, epoch: 2 } }
    const led = nodeWith(undefined, { ...view, endOfEpoch: (epoch) => ({ offset: 10, epoch }) })
    const now = led.raft.nextTick()
    led.raft.tick(now)
    led.raft.receive(2, granted(4, true), now)
    led.raft.receive(2, granted(5, false), now)
    expect(led.raft.receive(2, fetchOf(2, 5, 2), now).reads).toMatchObject([{ offset: 5 }])
    expect(led.raft.receive(2, fetchOf(2, 4, 2), now).answer).toMatchObject({
      snapshot: { offset: 8, epoch: 3 },
    })
    expect(node.raft.role.name).toBe('candidate')
  })

  test('sends the snapshot to who has another epoch than its own log knows of', () => {
    const latestSnapshot = { offset: 8, epoch: 4 }
    const view = { startOffset: 5, latestSnapshot, earliestSnapshot: { offset: 5, epoch: 4 } }
    const { raft } = nodeWith(undefined, {
      ...view,
      endOfEpoch: (epoch) => ({ offset: 10, epoch }),
    })
    const now = raft.nextTick()
    raft.tick(now)
    raft.receive(2, granted(4, true), now)
    raft.receive(2, granted(5, false), now)
    const ask = (offset: number, epoch: number) => raft.receive(2, fetchOf(2, offset, epoch), now)
    // What it has above offset 5 may be records of epoch 3 that nobody else has.
    expect(ask(8, 3).answer).toMatchObject({ snapshot: latestSnapshot })
    expect(ask(5, 3).answer).toMatchObject({ snapshot: latestSnapshot })
    expect(ask(5, 4).reads).toMatchObject([{ offset: 5 }])
  })
})

describe('a follower', () => {
  const following = (view: Partial<LogView> = {}) =>
    nodeWith({ epoch: 5, leaderId: 3, votedFor: null }, view)

  test('fetches at once from the leader that it knew, and on when what it got is synced', () => {
    const { raft, started, end } = following()
    expect(sent(started)).toEqual([[3, 'fetch']])
    const got = raft.receive(3, reply(raft, { records: Buffer.from('r') }), 1)
    expect([got.append?.records.toString(), got.send]).toEqual(['r', []])
    end.offset = 12
    expect(raft.flushed(11, 2).send).toEqual([])
    expect(raft.flushed(12, 3).send[0]!.message).toMatchObject({ type: 'fetch', fetchOffset: 12 })
  })

  test('takes for committed what it has of it', () => {
    const { raft } = following()
    expect(raft.receive(3, reply(raft, { highWatermark: 99 }), 1).commit).toBe(10)
    expect(raft.receive(3, reply(raft, { highWatermark: 7 }), 2).commit).toBeNull()
    expect(raft.highWatermark).toBe(10)
  })

  test('that is refused asks again after a while, and its leader does not count as alive', () => {
    const { raft } = following()
    const deadline = fetchTimeoutMs
    const at = deadline - retryBackoffMs - 1
    expect(raft.receive(3, reply(raft, { errorCode: 'NOT_LEADER_OR_FOLLOWER' }), at).send).toEqual(
      [],
    )
    expect(raft.tick(at + retryBackoffMs - 1).send).toEqual([])
    expect(sent(raft.tick(at + retryBackoffMs))).toEqual([[3, 'fetch']])
    raft.tick(deadline)
    expect(raft.role.name).toBe('prospective')
  })

  test('that is answered stays', () => {
    const { raft } = following()
    raft.receive(3, reply(raft), fetchTimeoutMs - 1)
    raft.tick(2 * fetchTimeoutMs - 2)
    expect(raft.role.name).toBe('follower')
    raft.tick(2 * fetchTimeoutMs - 1)
    expect(raft.role.name).toBe('prospective')
  })

  test('takes nothing from another node, nor of an epoch before', () => {
    const { raft } = following()
    const records = Buffer.from('r')
    expect(raft.receive(2, reply(raft, { records }), 1).append).toBeNull()
    expect(raft.receive(3, reply(raft, { records, epoch: 4 }), 1).append).toBeNull()
    expect(raft.receive(3, reply(raft, { records }), 1).append).not.toBeNull()
  })

  test('keeps of an epoch that both know only what the leader has of it', () => {
    const { raft } = following({ endOfEpoch: (epoch) => ({ offset: 9, epoch }) })
    const diverging = { offset: 6, epoch: 3 }
    expect(raft.receive(3, reply(raft, { diverging }), 1).truncateTo).toBe(6)
  })

  test('has all of a snapshot of its leader committed, once it is in place', () => {
    const { raft, end } = following()
    const snapshot = { offset: 30, epoch: 5 }
    const got = raft.receive(3, reply(raft, { snapshot }), 1)
    expect([got.fetchSnapshot, got.send]).toEqual([{ from: 3, snapshot, replica: key(1) }, []])
    expect(raft.received(snapshot, 2).restore).toEqual(snapshot)
    Object.assign(end, snapshot)
    const restored = raft.restored(snapshot, 2)
    expect([restored.commit, raft.highWatermark]).toEqual([30, 30])
    expect(restored.send[0]!.message).toMatchObject({ type: 'fetch', fetchOffset: 30 })
  })

  test('does not believe who names another leader of the epoch, and stays with its own', () => {
    const { raft } = following()
    const begin = { type: 'beginQuorumEpoch', leaderId: 2, epoch: 5 } as const
    expect(raft.receive(2, begin, 1).contradiction).toMatchObject({ from: 2 })
    expect([raft.role.name, raft.leaderId]).toEqual(['follower', 3])
  })

  test('fetches from a new leader only when what the last one sent is durable, and then once', () => {
    const { raft, end } = following()
    raft.receive(3, reply(raft, { records: Buffer.from('r') }), 1)
    end.offset = 12
    // Node 2 wins meanwhile.
    const begin = { type: 'beginQuorumEpoch', leaderId: 2, epoch: 6 } as const
    const begun = raft.receive(2, begin, 2)
    expect([begun.answer, begun.send]).toMatchObject([{ type: 'epochReply' }, []])
    expect(raft.nextTick()).toBe(2 + fetchTimeoutMs)
    expect(raft.flushed(12, 3).send).toMatchObject([{ to: 2, message: { fetchOffset: 12 } }])
    expect(raft.flushed(12, 4).send).toEqual([])
  })

  test('takes only the answer to the fetch that is under way', () => {
    const { raft, end } = following()
    const late = reply(raft, { records: Buffer.from('r') })
    expect(sent(raft.tick(requestTimeoutMs))).toEqual([[3, 'fetch']])
    expect(raft.receive(3, late, requestTimeoutMs).append).toBeNull()
    const got = reply(raft, { records: Buffer.from('s') })
    expect(raft.receive(3, got, requestTimeoutMs).append).not.toBeNull()
    expect(raft.receive(3, got, requestTimeoutMs).append).toBeNull()
    end.offset = 12
    expect(sent(raft.flushed(12, requestTimeoutMs))).toEqual([[3, 'fetch']])
    expect(raft.receive(3, got, requestTimeoutMs).append).toBeNull()
  })

  test('asks again when what came can not be appended', () => {
    const { raft } = following()
    raft.receive(3, reply(raft, { records: Buffer.from('bad') }), 1)
    expect(raft.refused(2).send).toEqual([])
    expect(sent(raft.tick(2 + retryBackoffMs))).toEqual([[3, 'fetch']])
  })

  test('fetches when its log is cut, from its new end', () => {
    const { raft, end } = following({ endOfEpoch: (epoch) => ({ offset: 9, epoch }) })
    const cut = raft.receive(3, reply(raft, { diverging: { offset: 6, epoch: 3 } }), 1)
    expect(cut.send).toEqual([])
    end.offset = 6
    raft.truncated()
    expect(raft.flushed(6, 2).send).toMatchObject([{ message: { fetchOffset: 6 } }])
  })

  test('stays with a leader whose snapshot still comes, and asks again when it does not', () => {
    const { raft } = following()
    const snapshot = { offset: 30, epoch: 5 }
    raft.receive(3, reply(raft, { snapshot }), 1)
    raft.receiving(snapshot, fetchTimeoutMs)
    raft.tick(2 * fetchTimeoutMs - 1)
    expect(raft.role.name).toBe('follower')
    raft.missed({ offset: 20, epoch: 5 }, fetchTimeoutMs)
    expect(sent(raft.tick(2 * fetchTimeoutMs - 1))).toEqual([])
    raft.missed(snapshot, fetchTimeoutMs)
    expect(sent(raft.tick(fetchTimeoutMs + retryBackoffMs))).toEqual([[3, 'fetch']])
  })

  test('does not believe in a snapshot of what it has committed already', () => {
    const { raft } = following()
    raft.receive(3, reply(raft, { highWatermark: 8 }), 1)
    for (const offset of [6, 7]) {
      const got = raft.receive(3, reply(raft, { snapshot: { offset, epoch: 4 } }), 2)
      expect([got.fetchSnapshot, got.contradiction]).toMatchObject([null, { from: 3 }])
    }
    const snapshot = { offset: 8, epoch: 5 }
    expect(raft.receive(3, reply(raft, { snapshot }), 2).fetchSnapshot).toEqual({
      from: 3,
      snapshot,
      replica: key(1),
    })
  })

  test('that reads that it alone votes goes on following, until it misses its leader', () => {
    const { raft, end } = following()
    raft.receive(3, reply(raft, { records: Buffer.from('r') }), 1)
    end.offset = 12
    raft.setVoters(voters.slice(0, 1))
    expect(sent(raft.flushed(12, 2))).toEqual([[3, 'fetch']])
    raft.tick(fetchTimeoutMs)
    expect([raft.role.name, raft.epoch, raft.leaderId]).toEqual(['follower', 5, 3])
    const led = raft.tick(1 + fetchTimeoutMs)
    expect([raft.role.name, led.beginEpoch]).toEqual(['leader', { epoch: 6, grantedBy: [1] }])
  })

  test('does not put a snapshot in the place of its log that it no longer waits for', () => {
    const { raft } = following()
    const snapshot = { offset: 30, epoch: 5 }
    raft.receive(3, reply(raft, { snapshot }), 1)
    raft.receive(2, { type: 'beginQuorumEpoch', leaderId: 2, epoch: 6 }, 2)
    expect(raft.received(snapshot, 3).restore).toBeNull()
  })

  const end = (preferred: number[], epoch = 5) =>
    ({
      type: 'endQuorumEpoch',
      leaderId: 3,
      epoch,
      preferredCandidates: preferred.map(key),
    }) as const

  test('stands at once where it comes first when its leader stops, and waits for those before it', () => {
    const first = following()
    first.raft.receive(3, end([1, 2]), 1)
    expect(first.raft.role.name).toBe('prospective')
    const second = following()
    second.raft.receive(3, reply(second.raft), 1)
    second.raft.receive(3, end([2, 1]), 1)
    expect(second.raft.role.name).toBe('follower')
    expect((second.raft.role as { deadline: number }).deadline).toBeLessThan(1 + fetchTimeoutMs)
  })

  test('does not listen to those of an epoch that is over', () => {
    const { raft } = following()
    const { answer } = raft.receive(2, { type: 'beginQuorumEpoch', leaderId: 2, epoch: 4 }, 1)
    expect(answer).toMatchObject({ errorCode: 'FENCED_LEADER_EPOCH', epoch: 5 })
    raft.receive(3, end([1, 2], 4), 1)
    expect([raft.role.name, raft.leaderId, raft.epoch]).toEqual(['follower', 3, 5])
    raft.receive(2, { type: 'beginQuorumEpoch', leaderId: 2, epoch: 6 }, 1)
    expect([raft.role.name, raft.leaderId, raft.epoch]).toEqual(['follower', 2, 6])
  })
})
