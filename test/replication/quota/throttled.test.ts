import { isThrottled, throttledPartitions } from '../../../src/replication/quota/throttled.ts'

test('A list of throttled replicas names the partitions of each broker', () => {
  const replicas = ['0:1', '2:1', '3:2', '10:11']
  const [one, two, three] = [1, 2, 3].map((id) => throttledPartitions(replicas, id))
  const throttled = (partitions: typeof one) =>
    [0, 1, 2, 3, 10].filter((index) => isThrottled(partitions!, index))
  expect([throttled(one), throttled(two), throttled(throttledPartitions(replicas, 11))]).toEqual([
    [0, 2],
    [3],
    [10],
  ])
  expect(three).toBeNull()
})

test('An asterisk means all replicas, and an empty list none', () => {
  expect(isThrottled(throttledPartitions(['*'], 1), 77)).toBe(true)
  expect(throttledPartitions([], 1)).toBeNull()
  expect(isThrottled(null, 0)).toBe(false)
})
