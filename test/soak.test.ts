import { randomIntegers, seedOf } from './soak.ts'

const from = 806_352_165

test.each(['java', 'kafka-connect', 'kafka-streams-at-least-once-on-three'])(
  'each seed gives %s other numbers',
  (name) => {
    const first = Array.from({ length: 100 }, (_, round) =>
      randomIntegers(seedOf(name, from + round))(2 ** 30),
    )
    expect(new Set(first).size).toBe(100)
  },
)

test('what is run from the same seed has numbers of its own', () => {
  expect(seedOf('java', from)).not.toBe(seedOf('java-on-three', from))
})
