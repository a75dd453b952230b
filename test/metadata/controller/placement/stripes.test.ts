import type { BrokerImage } from '../../../../src/metadata/image.ts'
import {
  placeReplicas,
  PlacementError,
} from '../../../../src/metadata/controller/placement/stripes.ts'
import { seededRandom } from '../../../../src/host/sim/random.ts'

function broker(id: number, parts: Partial<BrokerImage> = {}): BrokerImage {
  return {
    id,
    epoch: 1,
    incarnationId: 'AAAAAAAAAAAAAAAAAAAAAA',
    endPoints: [],
    features: [],
    rack: null,
    fenced: false,
    inControlledShutdown: false,
    logDirs: [],
    cordonedLogDirs: null,
    ...parts,
  }
}

/** Nothing is random: every choice is the first. */
const first = { below: () => 0 }

function counts(ids: readonly number[]): Record<number, number> {
  const found: Record<number, number> = {}
  for (const id of ids) found[id] = (found[id] ?? 0) + 1
  return found
}

describe('placement', () => {
  test('begins each partition on the next broker, and its replicas go on from there', () => {
    const brokers = [broker(3), broker(1), broker(2)]
    expect(placeReplicas(brokers, 3, 2, first)).toEqual([
      [1, 2],
      [2, 3],
      [3, 1],
    ])
  })

  test('spreads leaders and replicas evenly, whatever the chance', () => {
    const brokers = [1, 2, 3, 4].map((id) => broker(id))
    for (let seed = 1; seed <= 50; seed++) {
      const placed = placeReplicas(brokers, 16, 3, seededRandom(seed))
      expect(counts(placed.map(([leader]) => leader!))).toEqual({ 1: 4, 2: 4, 3: 4, 4: 4 })
      expect(counts(placed.flat())).toEqual({ 1: 12, 2: 12, 3: 12, 4: 12 })
      for (const replicas of placed) expect(new Set(replicas).size).toBe(3)
    }
  })

  test('begins where chance says, so that not every topic of one partition is on the first broker', () => {
    const brokers = [1, 2, 3].map((id) => broker(id))
    const leaders = new Set<number>()
    for (let seed = 1; seed <= 50; seed++) {
      leaders.add(placeReplicas(brokers, 1, 1, seededRandom(seed))[0]![0]!)
    }
    expect(leaders).toEqual(new Set([1, 2, 3]))
  })

  test('mixes the order after each turn, so that the same brokers do not always follow each other', () => {
    const brokers = [1, 2, 3, 4].map((id) => broker(id))
    const followers = new Set<string>()
    for (const [leader, follower] of placeReplicas(brokers, 80, 2, seededRandom(7))) {
      followers.add(`${leader} ${follower}`)
    }
    expect(followers.size).toBe(12)
  })

  test('puts the replicas of a partition on different racks, and leaders on all of them', () => {
    const brokers = [1, 2, 3, 4, 5, 6].map((id) => broker(id, { rack: 'abc'[id % 3]! }))
    const rackOf = (id: number) => 'abc'[id % 3]!
    for (let seed = 1; seed <= 50; seed++) {
      const placed = placeReplicas(brokers, 6, 3, seededRandom(seed))
      for (const replicas of placed) {
        expect(replicas.map(rackOf).sort()).toEqual(['a', 'b', 'c'])
      }
      const leaders = placed.map(([leader]) => rackOf(leader!))
      expect(leaders.sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c'])
    }
  })

  test('goes through the racks in the order of their names, those without one first', () => {
    const racks = ['b', null, 'a']
    const brokers = racks.map((rack, index) => broker(index + 1, { rack }))
    expect(placeReplicas(brokers, 3, 3, first)).toEqual([
      [2, 3, 1],
      [3, 1, 2],
      [1, 2, 3],
    ])
  })

  test('has fenced brokers follow only, behind the others of their rack', () => {
    const brokers = [broker(1, { fenced: true }), broker(2), broker(3)]
    for (let seed = 1; seed <= 20; seed++) {
      for (const replicas of placeReplicas(brokers, 6, 3, seededRandom(seed))) {
        expect(replicas[2]).toBe(1)
        expect(replicas.slice(0, 2).sort()).toEqual([2, 3])
      }
      for (const replicas of placeReplicas(brokers, 6, 2, seededRandom(seed))) {
        expect(replicas).not.toContain(1)
      }
    }
  })

  test('looks for a leader in another rack where all of one are fenced', () => {
    const brokers = [broker(1, { rack: 'a', fenced: true }), broker(2, { rack: 'b' })]
    expect(placeReplicas(brokers, 2, 2, first)).toEqual([
      [2, 1],
      [2, 1],
    ])
  })

  describe('on machines that several brokers share', () => {
    const on = (id: number, host: string, parts: Partial<BrokerImage> = {}): BrokerImage =>
      broker(id, {
        endPoints: [{ name: 'PLAINTEXT', host, port: 9092 + id, securityProtocol: 0 }],
        ...parts,
      })
    const machines = (brokers: readonly BrokerImage[], replicas: readonly number[]) =>
      replicas.map((id) => brokers.find((each) => each.id === id)!.endPoints[0]!.host)

    test('puts no two replicas of a partition on one, racks or none, and leads on all brokers alike', () => {
      const hosts = ['a', 'a', 'b', 'b', 'c', 'c']
      for (const racks of [hosts.map(() => null), ['r', 's', 'r', 's', 'r', 's']]) {
        const brokers = hosts.map((host, index) => on(index + 1, host, { rack: racks[index]! }))
        for (let seed = 1; seed <= 50; seed++) {
          const placed = placeReplicas(brokers, 12, 3, seededRandom(seed))
          for (const replicas of placed) {
            expect(machines(brokers, replicas).sort()).toEqual(['a', 'b', 'c'])
          }
          const leaders = counts(placed.map(([leader]) => leader!))
          expect(Math.max(...Object.values(leaders))).toBeLessThanOrEqual(3)
        }
      }
    })

    test('spreads replicas evenly over brokers of machines with different numbers of them', () => {
      const brokers = ['a', 'a', 'a', 'a', 'b', 'b'].map((host, index) => on(index + 1, host))
      const placed = placeReplicas(brokers, 6, 2, first)
      for (const replicas of placed) expect(machines(brokers, replicas).sort()).toEqual(['a', 'b'])
      expect(counts(placed.map(([leader]) => leader!))).toEqual({
        1: 1,
        2: 1,
        3: 1,
        4: 1,
        5: 1,
        6: 1,
      })
      const followers = counts(placed.map(([, follower]) => follower!))
      expect([followers[5], followers[6]]).toEqual([2, 2])
    })

    test('has as many on each as it must where there are more replicas than machines', () => {
      const brokers = ['a', 'a', 'a', 'b', 'b', 'b'].map((host, index) => on(index + 1, host))
      for (const replicas of placeReplicas(brokers, 12, 4, seededRandom(3))) {
        expect(new Set(replicas).size).toBe(4)
        expect(machines(brokers, replicas).sort()).toEqual(['a', 'a', 'b', 'b'])
      }
    })

    test('takes a broker that is down on another machine before a second one on the same', () => {
      const brokers = [on(1, 'a'), on(2, 'a'), on(3, 'b', { fenced: true })]
      for (const replicas of placeReplicas(brokers, 6, 2, seededRandom(3))) {
        expect(replicas[1]).toBe(3)
      }
    })

    test('knows them by all listeners: one alone may be of a proxy before all brokers', () => {
      const behind = (id: number, host: string): BrokerImage => {
        const { endPoints, ...rest } = on(id, host)
        const proxy = { name: 'OUTSIDE', host: 'proxy', port: 9000 + id, securityProtocol: 0 }
        return { ...rest, endPoints: [proxy, ...endPoints] }
      }
      const brokers = [behind(1, 'a'), behind(2, 'A'), behind(3, 'b')]
      for (const replicas of placeReplicas(brokers, 6, 2, seededRandom(3))) {
        expect(replicas).toContain(3)
      }
    })
  })

  test('leaves out who is stopping', () => {
    const brokers = [broker(1, { inControlledShutdown: true }), broker(2)]
    expect(placeReplicas(brokers, 3, 1, first)).toEqual([[2], [2], [2]])
  })

  test.each([
    ['nobody is alive', [broker(1, { fenced: true })], 1, 'All brokers are currently fenced.'],
    ['nobody is there', [], 1, 'All brokers are currently fenced.'],
    [
      'there are fewer brokers than replicas',
      [broker(1), broker(2, { fenced: true })],
      3,
      'The target replication factor of 3 cannot be reached because only 2 broker(s) are registered.',
    ],
    [
      'a stopping one would be needed',
      [broker(1), broker(2, { inControlledShutdown: true })],
      2,
      'The target replication factor of 2 cannot be reached because only 1 broker(s) are registered.',
    ],
  ])('is refused where %s', (_, brokers, replicationFactor, message) => {
    const place = () => placeReplicas(brokers, 1, replicationFactor, first)
    expect(place).toThrow(PlacementError)
    expect(place).toThrow(message)
  })
})
