import { FollowerSession } from '../../../src/replication/follower/session.ts'
import type { Fetchable } from '../../../src/replication/follower/session.ts'

const TOPIC = { topic: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }
const POSITION = { fetchOffset: 0, logStartOffset: 0, leaderEpoch: 1, lastFetchedEpoch: -1 }

const fetchable = (index: number): Fetchable => ({
  ...TOPIC,
  index,
  position: POSITION,
  isAt: (position) => position === POSITION,
})

describe("A follower's session", () => {
  test('names very many partitions in several requests, each once', () => {
    const wanted = new Set(Array.from({ length: 9000 }, (_, index) => fetchable(index)))
    const session = new FollowerSession<Fetchable>(() => 1000)
    const named: number[][] = []
    const told: boolean[] = []
    for (let request = 0; request < 4; request++) {
      const { topics, forgottenTopicsData } = session.next(wanted)
      expect(forgottenTopicsData).toEqual([])
      named.push(topics.flatMap(({ partitions }) => partitions.map(({ partition }) => partition)))
      told.push(session.isToldOf(wanted))
      session.answered(7)
    }
    expect(told).toEqual([false, false, true, true])
    expect(named.map(({ length }) => length)).toEqual([4000, 4000, 1000, 0])
    expect(new Set(named.flat()).size).toBe(9000)
  })
})
