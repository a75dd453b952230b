import { seededRandom } from '../../src/host/sim/random.ts'
import { Raft } from '../../src/quorum/raft.ts'
import type { ElectionState, FetchReply, LogView, RaftOutput } from '../../src/quorum/types.ts'
import { DEFAULT_TIMEOUTS, EpochLimitError, LAST_EPOCH } from '../../src/quorum/types.ts'

const { retryBackoffMs, fetchTimeoutMs } = DEFAULT_TIMEOUTS
const INT32_MAX = 2 ** 31 - 1
const key = (id: number) => ({ id, directoryId: String(id).repeat(21) + 'Q' })

/** Node 1 of three. */
function node(election: ElectionState) {
  const end = { offset: 10, epoch: 4 }
  const log: LogView = {
    startOffset: 0,
    end,
    latestSnapshot: null,
    earliestSnapshot: null,
    endOfEpoch: () => end,
  }
  const raft = new Raft({
    self: key(1),
    voters: [1, 2, 3].map((id) => ({ ...key(id), endpoints: [] })),
    election,
    log,
    random: seededRandom(7),
    timeouts: DEFAULT_TIMEOUTS,
    discovers: false,
  })
  return { raft, started: raft.start(0), end }
}

describe('epochs, which are int32,', () => {
  const vote = (epoch: number, preVote = false) =>
    ({
      type: 'vote',
      candidate: key(2),
      voter: key(1),
      epoch,
      lastOffset: 10,
      lastEpoch: 4,
      preVote,
    }) as const

  test('after which there is none are refused, whoever names them, and nothing changes', () => {
    const { raft } = node({ epoch: 5, leaderId: -1, votedFor: null })
    for (const preVote of [true, false]) {
      expect(raft.receive(2, vote(INT32_MAX, preVote), 1).answer).toMatchObject({
        errorCode: 'INVALID_REQUEST',
        granted: false,
      })
    }
    const begin = { type: 'beginQuorumEpoch', leaderId: 2, epoch: INT32_MAX } as const
    const begun = raft.receive(2, begin, 1)
    expect(begun.answer).toBeNull()
    expect(begun.contradiction).toMatchObject({
      from: 2,
      error: { code: 'ERR_QUORUM_CONTRADICTION', message: expect.stringMatching('2147483647') },
    })
    expect([raft.epoch, raft.role.name]).toEqual([5, 'unattached'])
    expect(raft.receive(2, vote(LAST_EPOCH), 1).answer).toMatchObject({ granted: true })
  })

  test('that are used up end the node with an error that says so, not with a negative number', () => {
    const { raft } = node({ epoch: LAST_EPOCH, leaderId: -1, votedFor: null })
    const now = raft.nextTick()
    raft.tick(now)
    expect(raft.role.name).toBe('prospective')
    const granted = {
      type: 'voteReply',
      errorCode: 'NONE',
      epoch: LAST_EPOCH,
      leaderId: -1,
      granted: true,
      preVote: true,
    } as const
    expect(() => raft.receive(2, granted, now)).toThrow(EpochLimitError)
    expect(raft.epoch).toBe(LAST_EPOCH)
  })

  test('end for a leader that resigned in the last one, too', () => {
    const { raft } = node({ epoch: LAST_EPOCH, leaderId: 1, votedFor: key(1) })
    expect(raft.role.name).toBe('resigned')
    expect(() => raft.tick(10_000)).toThrow(/no leader can be elected after it/)
  })
})

describe('a follower whose leader offers what can not be had', () => {
  const snapshot = { offset: 30, epoch: 5 }

  function fetchIn({ send }: RaftOutput): number {
    const message = send.find(({ message }) => message.type === 'fetch')?.message
    if (message?.type !== 'fetch') throw new Error('Nothing is fetched')
    return message.requestId
  }

  const reply = (requestId: number, parts: Partial<FetchReply>): FetchReply => ({
    type: 'fetchReply',
    requestId,
    errorCode: 'NONE',
    epoch: 5,
    leaderId: 3,
    highWatermark: -1,
    diverging: null,
    snapshot: null,
    records: null,
    ...parts,
  })

  /** Has so many snapshots missed; returns how long it took each time until the leader was asked again. */
  function miss(raft: Raft, first: number, from: number, times: number) {
    const pauses: number[] = []
    let requestId = first
    let now = from
    for (let count = 0; count < times; count++) {
      raft.receive(3, reply(requestId, { snapshot }), now)
      raft.missed(snapshot, now)
      const at = raft.nextTick()
      requestId = fetchIn(raft.tick(at))
      pauses.push(at - now)
      now = at
    }
    return { pauses, requestId, now }
  }

  test('asks again each time later, and stays with its leader', () => {
    const { raft, started } = node({ epoch: 5, leaderId: 3, votedFor: null })
    const { pauses } = miss(raft, fetchIn(started), 1, 12)
    expect(pauses.slice(0, 4)).toEqual([1, 2, 4, 8].map((times) => times * retryBackoffMs))
    expect(pauses.at(-1)).toBe(fetchTimeoutMs / 4)
    expect(Math.max(...pauses)).toBe(fetchTimeoutMs / 4)
    expect(raft.role.name).toBe('follower')
  })

  test('begins anew once something has come', () => {
    const { raft, started, end } = node({ epoch: 5, leaderId: 3, votedFor: null })
    const missed = miss(raft, fetchIn(started), 1, 4)
    raft.receive(3, reply(missed.requestId, { snapshot }), missed.now)
    raft.received(snapshot, missed.now)
    Object.assign(end, snapshot)
    const next = fetchIn(raft.restored(snapshot, missed.now))
    raft.receive(3, reply(next, { records: Buffer.from('bad') }), missed.now)
    raft.refused(missed.now)
    expect(raft.nextTick()).toBe(missed.now + retryBackoffMs)
  })
})
