import type { Assignment } from '../../bin/client/assignments.ts'
import { planned, type PlanBroker } from '../../bin/reassign-plan.ts'

const at = (partition: number, ...replicas: number[]): Assignment => ({
  topic: 't',
  partition,
  replicas,
})
const on = (...ids: number[]): PlanBroker[] => ids.map((id) => ({ id, rack: null, host: `h${id}` }))

/** All partitions, moved or not. */
function after(current: readonly Assignment[], plan: readonly Assignment[]): Assignment[] {
  return current.map((one) => plan.find(({ partition }) => partition === one.partition) ?? one)
}
function counts(ids: readonly number[]): Record<number, number> {
  const found: Record<number, number> = {}
  for (const id of ids) found[id] = (found[id] ?? 0) + 1
  return found
}

describe('a plan', () => {
  test('changes nothing that is even already', () => {
    const even = [at(0, 1, 2), at(1, 2, 3), at(2, 3, 1)]
    expect(planned(even, { brokers: on(1, 2, 3), replicationFactor: null })).toEqual([])
  })

  test('empties a broker, and leaves all other replicas where they are', () => {
    const current = [at(0, 1, 2), at(1, 2, 3), at(2, 3, 1), at(3, 1, 3)]
    const plan = planned(current, { brokers: on(1, 2, 4), replicationFactor: null })
    const moved = after(current, plan)
    for (const [index, { replicas }] of moved.entries()) {
      expect(replicas).not.toContain(3)
      expect(new Set(replicas).size).toBe(2)
      const kept = current[index]!.replicas.filter((id) => id !== 3)
      expect(replicas.filter((id) => kept.includes(id)).length).toBe(kept.length)
    }
  })

  test('fills a new broker with its share, by as few moves as that takes', () => {
    const current = Array.from({ length: 6 }, (_, index) =>
      at(index, ...(index % 2 ? [1, 2] : [2, 1])),
    )
    const plan = planned(current, { brokers: on(1, 2, 3), replicationFactor: null })
    const moved = after(current, plan)
    expect(counts(moved.flatMap(({ replicas }) => replicas))).toEqual({ 1: 4, 2: 4, 3: 4 })
    const copied = moved.filter(({ replicas }) => replicas.includes(3)).length
    expect(copied).toBe(4)
    expect(counts(moved.map(({ replicas }) => replicas[0]!))).toEqual({ 1: 2, 2: 2, 3: 2 })
  })

  test('puts no two replicas of a partition on one machine, new ones or those that move', () => {
    const host = (id: number): string =>
      id <= 2 ? 'One.example' : id === 3 ? 'one.EXAMPLE' : 'two'
    const brokers = [1, 2, 3, 4, 5].map((id) => ({ id, rack: null, host: host(id) }))
    const machines = ({ replicas }: Assignment): number =>
      new Set(replicas.map((id) => host(id).toLowerCase())).size
    const one = [at(0, 1), at(1, 2), at(2, 4), at(3, 5), at(4, 3)]
    const more = planned(one, { brokers, replicationFactor: 2 })
    expect(more.map(machines)).toEqual([2, 2, 2, 2, 2])
    // The fifth has nothing: what it is given comes from the fourth, where one would be on each machine still.
    const current = Array.from({ length: 6 }, (_, index) => at(index, 1 + (index % 3), 4))
    const moved = after(current, planned(current, { brokers, replicationFactor: null }))
    expect(moved.map(machines)).toEqual([2, 2, 2, 2, 2, 2])
    expect(counts(moved.flatMap(({ replicas }) => replicas))).toMatchObject({ 4: 3, 5: 3 })
  })

  test('has racks before machines, where all brokers have the host of a proxy', () => {
    const brokers = ['a', 'a', 'b'].map((rack, index) => ({ id: index + 1, rack, host: 'proxy' }))
    const [more] = planned([at(0, 1)], { brokers, replicationFactor: 2 })
    expect(more!.replicas.toSorted()).toEqual([1, 3])
  })

  test('gives more replicas, each on another rack where there is one, and fewer from the end', () => {
    const brokers = [
      { id: 1, rack: 'a', host: 'h1' },
      { id: 2, rack: 'a', host: 'h2' },
      { id: 3, rack: 'b', host: 'h3' },
      { id: 4, rack: 'c', host: 'h4' },
    ]
    const [more] = planned([at(0, 1)], { brokers, replicationFactor: 3 })
    expect([...more!.replicas].sort()).toEqual([1, 3, 4])
    expect(planned([at(0, 3, 2, 1)], { brokers: on(1, 2, 3), replicationFactor: 2 })).toEqual([
      at(0, 3, 2),
    ])
  })

  test('puts no two replicas into one rack to have brokers even', () => {
    const brokers = [
      { id: 1, rack: 'a', host: 'h1' },
      { id: 2, rack: 'b', host: 'h2' },
      { id: 3, rack: 'b', host: 'h3' },
    ]
    const current = [at(0, 1, 2), at(1, 1, 2), at(2, 1, 2), at(3, 1, 2)]
    const moved = after(current, planned(current, { brokers, replicationFactor: null }))
    for (const { replicas } of moved) expect(replicas).toContain(1)
    expect(counts(moved.flatMap(({ replicas }) => replicas))).toEqual({ 1: 4, 2: 2, 3: 2 })
  })
})
