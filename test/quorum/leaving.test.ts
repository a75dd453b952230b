import { seededRandom } from '../../src/host/sim/random.ts'
import { Raft } from '../../src/quorum/raft.ts'
import type { LogView, RaftOutput, VoteReply, VotersChange } from '../../src/quorum/types.ts'
import { DEFAULT_TIMEOUTS } from '../../src/quorum/types.ts'

const voter = (id: number) => ({ id, directoryId: String(id).repeat(21) + 'Q', endpoints: [] })
const CHANGED_AT = 9

/** Node 1, whose log ends with the record by which only node 2 votes. */
function leaving(change: VotersChange | null, leaderId = -1) {
  const end = { offset: 10, epoch: 4 }
  const log: LogView = {
    startOffset: 0,
    end,
    latestSnapshot: null,
    earliestSnapshot: null,
    endOfEpoch: () => end,
  }
  const raft = new Raft({
    self: voter(1),
    voters: [voter(2)],
    votersChange: change,
    election: { epoch: 4, leaderId, votedFor: null },
    log,
    random: seededRandom(7),
    timeouts: DEFAULT_TIMEOUTS,
    discovers: false,
  })
  return { raft, end, started: raft.start(0) }
}

const change = { offset: CHANGED_AT, before: [voter(1), voter(2)] }
const granted = (epoch: number, preVote: boolean): VoteReply => ({
  type: 'voteReply',
  errorCode: 'NONE',
  epoch,
  leaderId: -1,
  granted: true,
  preVote,
})
const sent = ({ send }: RaftOutput) => send.map(({ to, message }) => [to, message.type])

describe('a node that has removed itself from the voters', () => {
  test('stands as long as that may not be committed, since the others may lack it: it leads until it is', () => {
    const { raft, end } = leaving(change)
    const now = raft.nextTick()
    expect(sent(raft.tick(now))).toEqual([[2, 'vote']])
    raft.receive(2, granted(4, true), now)
    expect(raft.receive(2, granted(5, false), now).beginEpoch).toMatchObject({ epoch: 5 })
    Object.assign(end, { offset: 11, epoch: 5 })
    // What it has itself counts for nothing.
    expect(raft.flushed(11, now).commit).toBeNull()
    expect(raft.leadsOthers).toBe(false)
    const fetch = {
      type: 'fetch',
      requestId: 1,
      replica: voter(2),
      currentLeaderEpoch: 5,
      fetchOffset: 11,
      lastFetchedEpoch: 5,
      highWatermark: -1,
      maxWaitMs: 0,
    } as const
    expect(raft.receive(2, fetch, now).commit).toBe(11)
    expect(raft.leadsOthers).toBe(true)
  })

  test('does not stand once it knows that to be committed', () => {
    const { raft, started } = leaving(change, 2)
    const [{ message } = { message: null }] = started.send
    if (message?.type !== 'fetch') throw new Error('Nothing is fetched')
    raft.receive(
      2,
      {
        type: 'fetchReply',
        requestId: message.requestId,
        errorCode: 'NONE',
        epoch: 4,
        leaderId: 2,
        highWatermark: CHANGED_AT + 1,
        diverging: null,
        snapshot: null,
        records: null,
      },
      1,
    )
    raft.tick(DEFAULT_TIMEOUTS.fetchTimeoutMs + 1)
    expect([raft.role.name, raft.nextTick()]).toEqual(['unattached', Infinity])
  })

  test('does not stand where it did not vote before, or only with another disk', () => {
    const before = [{ ...voter(1), directoryId: 'o'.repeat(21) + 'Q' }, voter(2)]
    expect(leaving({ ...change, before }).raft.nextTick()).toBe(Infinity)
    expect(leaving(null).raft.nextTick()).toBe(Infinity)
  })
})
