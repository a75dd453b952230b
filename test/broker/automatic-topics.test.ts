import { createTopicsAutomatically } from '../../src/broker/automatic-topics.ts'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import { systemClock } from '../../src/host/clock.ts'
import { ShardError } from '../../src/machine/runtime.ts'
import type { ControllerCommand, ErrorOutcome } from '../../src/metadata/controller/commands.ts'

type Means = Parameters<typeof createTopicsAutomatically>[1]

const OK: ErrorOutcome = { errorCode: 'NONE', errorMessage: null }
const numbers = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`)

/** What the controller was asked to make, and what a client is told. */
async function make(
  names: readonly string[],
  set: readonly string[] = [],
  outcomeOf: (name: string) => ErrorOutcome = () => OK,
) {
  const asked: string[][] = []
  let settled = 0
  const known: string[] = []
  const controller = {
    submit: (command: ControllerCommand) => {
      if (command.type !== 'createTopics') throw new Error(command.type)
      asked.push(command.topics.map(({ name }) => name))
      try {
        return Promise.resolve(command.topics.map(({ name }) => ({ name, ...outcomeOf(name) })))
      } catch (error) {
        return Promise.reject(error as Error)
      }
    },
  }
  const refused = await createTopicsAutomatically(names, {
    clock: systemClock(),
    config: new BrokerConfig({ set }),
    submit: controller.submit as unknown as Means['submit'],
    known: (made) => {
      known.push(...made)
      return Promise.resolve()
    },
    settled: () => {
      settled++
      return Promise.resolve()
    },
  })
  return { asked, refused, settled, known }
}

describe('topics that are made because a client named them', () => {
  test('are made a few at a time where they are many', async () => {
    const { asked, refused, settled } = await make(numbers(240))
    expect(asked.map(({ length }) => length)).toEqual([100, 100, 40])
    expect(asked.flat()).toEqual(numbers(240))
    expect([...refused]).toEqual([])
    expect(settled).toBe(1)
  })

  test("are told of where they can't be made, but not where somebody else has made them", async () => {
    const { refused, known } = await make(['a', 'b', 'c'], [], (name) => {
      if (name === 'a') return OK
      const errorCode = name === 'b' ? 'TOPIC_ALREADY_EXISTS' : 'INVALID_REPLICATION_FACTOR'
      return { errorCode, errorMessage: null }
    })
    expect([...refused]).toEqual([['c', 'INVALID_REPLICATION_FACTOR']])
    // Those that are there are waited for: the controller may be faster than its log.
    expect(known).toEqual(['a', 'b'])
  })

  test('are none where their partitions are more than one request may make', async () => {
    const most = await make(numbers(2000), ['num.partitions=5'])
    expect(most.asked.flat()).toHaveLength(2000)
    const more = await make(numbers(2001), ['num.partitions=5'])
    expect(more.asked).toEqual([])
    expect(more.refused.size).toBe(2001)
    expect(more.refused.get('t0')).toBe('POLICY_VIOLATION')
  })

  test('are judged by the controller where they are few, whatever the number of their partitions', async () => {
    const { asked } = await make(['__consumer_offsets'], ['num.partitions=20000'])
    expect(asked).toEqual([['__consumer_offsets']])
  })

  test('have no leader yet where the controller was lost', async () => {
    const { refused } = await make(numbers(250), [], (name) => {
      if (name === 't200') throw new ShardError('ERR_SHARD_LOST', 'lost')
      return OK
    })
    expect(refused.size).toBe(50)
    expect(refused.get('t249')).toBe('LEADER_NOT_AVAILABLE')
  })
})
