import { parsePlan, planText } from '../../bin/plan-file.ts'
import { isChosen, parsePartitions } from '../../bin/partition-choice.ts'

const plan = [
  { topic: 'a', partition: 0, replicas: [1, 2] },
  { topic: 'b', partition: 3, replicas: [3] },
]

describe('a plan as a file', () => {
  test('is read as it was written, a partition a line', () => {
    expect(parsePlan(planText(plan), 'plan.json')).toEqual(plan)
    expect(planText(plan).split('\n').length).toBe(4)
    expect(parsePlan(planText([]), 'plan.json')).toEqual([])
  })

  test("may be one of Kafka's tool, which says more", () => {
    const text =
      '{"version":1,"partitions":[{"topic":"a","partition":0,"replicas":[1,2],"log_dirs":["any","any"]}]}'
    expect(parsePlan(text, 'plan.json')).toEqual([plan[0]])
  })

  test.each([
    ['no JSON', 'nothing'],
    ['version 1', '{"version":2,"partitions":[]}'],
    ['list of partitions', '{"version":1}'],
    ['without topic', '{"version":1,"partitions":[{"partition":0,"replicas":[1]}]}'],
    ['without topic', '{"version":1,"partitions":[{"topic":"a","partition":-1,"replicas":[1]}]}'],
    ['without topic', '{"version":1,"partitions":[{"topic":"a","partition":0,"replicas":[]}]}'],
    ['without topic', '{"version":1,"partitions":[null]}'],
  ])('is refused where it has %s (%#)', (why, text) => {
    expect(() => parsePlan(text, 'plan.json')).toThrow(why)
  })
})

describe('partitions', () => {
  test('are named by their topic, or with their numbers', () => {
    expect(parsePartitions('orders')).toEqual({ topic: 'orders', partitions: null })
    expect(parsePartitions('orders:0,12')).toEqual({ topic: 'orders', partitions: [0, 12] })
    for (const text of ['', ':1', 'orders:', 'orders:x', 'a:1:2']) {
      expect(() => parsePartitions(text)).toThrow('Partitions are named')
    }
  })

  test('are all meant where none is named', () => {
    expect(isChosen([], 't', 4)).toBe(true)
    const choices = ['orders', 'payments:0,2'].map(parsePartitions)
    expect(isChosen(choices, 'orders', 9)).toBe(true)
    expect(isChosen(choices, 'payments', 2)).toBe(true)
    expect(isChosen(choices, 'payments', 1)).toBe(false)
    expect(isChosen(choices, 'others', 0)).toBe(false)
  })
})
