import type { Assignment } from '../../../../src/metadata/controller/partition/reassignment.ts'
import {
  completed,
  replicationFactorOf,
  reverted,
  towards,
} from '../../../../src/metadata/controller/partition/reassignment.ts'
import { newPartition } from '../../../../src/metadata/facts.ts'

const still = (replicas: number[]): Assignment => ({
  replicas,
  addingReplicas: [],
  removingReplicas: [],
})
const back = (assignment: Assignment, isr: number[]) =>
  reverted({ ...newPartition(assignment.replicas, isr, []), ...assignment })

// KIP-455.
describe('a reassignment', () => {
  test('adds what is new, and keeps what is to go behind it', () => {
    expect(towards(still([2, 1, 3]), [4, 1])).toEqual({
      replicas: [4, 1, 2, 3],
      addingReplicas: [4],
      removingReplicas: [2, 3],
    })
    expect(towards(still([1, 2]), [2, 1])).toEqual(still([2, 1]))
  })

  test('that goes elsewhere on its way can still go back to where it began', () => {
    const first = towards(still([1, 2, 3]), [4, 5, 6])
    const second = towards(first, [1, 2, 7])
    expect(second.replicas).toEqual([1, 2, 7, 3, 4, 5, 6])
    expect(second.removingReplicas).toEqual([3, 4, 5, 6])
    expect(replicationFactorOf(second)).toBe(3)
    expect(back(second, [1, 2, 3, 4]).assignment).toEqual(still([1, 2, 3]))
    expect(completed(second, [1, 2, 3, 7])).toEqual({
      assignment: still([1, 2, 7]),
      isr: [1, 2, 7],
    })
  })

  test('is not done before all that stay are in sync, nor where nobody would be left in sync', () => {
    const moving = towards(still([1, 2]), [3, 4])
    expect(completed(moving, [1, 2, 3])).toBeNull()
    expect(completed(moving, [1, 2])).toBeNull()
    expect(completed(moving, [4, 3])).toEqual({ assignment: still([3, 4]), isr: [4, 3] })
    expect(completed(still([1, 2]), [1, 2])).toBeNull()
  })

  test('that is given up leaves who was in sync before; where nobody was, that may lose records', () => {
    const moving = towards(still([1, 2]), [3, 1])
    expect(back(moving, [1, 3])).toEqual({
      assignment: still([1, 2]),
      isr: [1],
      isUnclean: false,
    })
    expect(back(moving, [3])).toEqual({ assignment: still([1, 2]), isr: [1], isUnclean: true })
  })
})
