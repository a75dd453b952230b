import type { ControllerChannel } from '../../../src/metadata/controller/channel.ts'
import type { ControllerCommands } from '../../../src/metadata/controller/commands.ts'
import { ShardError } from '../../../src/machine/runtime.ts'
import { IsrChanges } from '../../../src/replication/isr/isr-changes.ts'
import type { IsrProposal } from '../../../src/replication/isr/isr-changes.ts'
import { HeldClock } from '../fetch/support.ts'
import { leaderServices } from '../leader-services.ts'

type Alter = ControllerCommands['alterPartition']
const TOPICS = ['AAAAAAAAAAAAAAAAAAAAAQ', 'BAAAAAAAAAAAAAAAAAAAAQ'] as const

const proposal = (topicId: string, partitionIndex: number): IsrProposal => ({
  topicId,
  partitionIndex,
  leaderEpoch: 3,
  partitionEpoch: 4,
  newIsr: [{ brokerId: 1, brokerEpoch: 9 }],
  leaderRecoveryState: 0,
})

function begin() {
  const clock = new HeldClock()
  const asked: Alter['command'][] = []
  const answers: { resolve(reply: Alter['reply']): void; reject(error: Error): void }[] = []
  const channel = {
    submit: (command: Alter['command']) => {
      asked.push(command)
      return new Promise((resolve, reject) => answers.push({ resolve, reject }))
    },
  } as unknown as ControllerChannel
  const { log } = leaderServices(clock)
  const identity = () => ({ brokerId: 1, brokerEpoch: 9 })
  const changes = new IsrChanges({ clock, log, channel, identity })
  const told: string[] = []
  const submit = (topicId: string, index: number): void =>
    changes.submit(proposal(topicId, index), ({ errorCode }) =>
      told.push(`${TOPICS.indexOf(topicId as never)}-${index} ${errorCode}`),
    )
  const places = (): string[][] =>
    asked.map(({ topics }) =>
      topics.flatMap(({ topicId, partitions }) =>
        partitions.map(
          ({ partitionIndex }) => `${TOPICS.indexOf(topicId as never)}-${partitionIndex}`,
        ),
      ),
    )
  /** To what was asked last. */
  const reply = async (errorCode: 'NONE' | 'FENCED_LEADER_EPOCH', leftOut = -1): Promise<void> => {
    const partitions = asked.at(-1)!.topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions
        .filter(({ partitionIndex }) => partitionIndex !== leftOut)
        .map(({ partitionIndex }) => ({
          partitionIndex,
          errorCode,
          leaderId: 1,
          leaderEpoch: 3,
          isr: [1],
          leaderRecoveryState: 0,
          partitionEpoch: 5,
        })),
    }))
    answers.at(-1)!.resolve({ errorCode: 'NONE', errorMessage: null, topics: partitions })
    await settled()
  }
  return { clock, changes, asked, answers, told, submit, places, reply }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('Changes of ISRs', () => {
  test('go together in one request, and what comes meanwhile in the next one', async () => {
    const { clock, submit, places, reply, told, asked } = begin()
    submit(TOPICS[0], 0)
    submit(TOPICS[1], 1)
    clock.endTask()
    submit(TOPICS[0], 2)
    clock.endTask()
    expect(places()).toEqual([['0-0', '1-1']])
    expect(asked[0]).toMatchObject({ brokerId: 1, brokerEpoch: 9 })
    await reply('NONE')
    expect(places()).toEqual([['0-0', '1-1'], ['0-2']])
    await reply('FENCED_LEADER_EPOCH')
    expect(told).toEqual(['0-0 NONE', '1-1 NONE', '0-2 FENCED_LEADER_EPOCH'])
  })

  test('are one at a time of each partition', async () => {
    const { clock, submit, told, reply, places } = begin()
    submit(TOPICS[0], 0)
    submit(TOPICS[0], 0)
    clock.endTask()
    expect(told).toEqual(['0-0 OPERATION_NOT_ATTEMPTED'])
    await reply('NONE')
    submit(TOPICS[0], 0)
    clock.endTask()
    expect(places()).toEqual([['0-0'], ['0-0']])
  })

  test('of very many partitions go in several requests', async () => {
    const { clock, submit, reply, places, told } = begin()
    for (let index = 0; index < 700; index++) submit(TOPICS[0], index)
    clock.endTask()
    await reply('NONE')
    expect(places().map(({ length }) => length)).toEqual([500, 200])
    await reply('NONE')
    expect(new Set(told).size).toBe(700)
  })

  test('are asked for again where no controller has answered, or it refused all, or left one out', async () => {
    const { clock, submit, answers, places, reply, told } = begin()
    submit(TOPICS[0], 0)
    submit(TOPICS[0], 1)
    clock.endTask()
    answers[0]!.reject(new ShardError('ERR_SHARD_LOST', 'gone'))
    await settled()
    expect(places()).toHaveLength(1)
    const pauses = (): number[] => Array.from(clock.timers, ({ delayMs }) => delayMs)
    expect(pauses()).toEqual([50])
    clock.ring()
    answers[1]!.resolve({ errorCode: 'STALE_BROKER_EPOCH', errorMessage: null, topics: [] })
    await settled()
    expect(pauses()).toEqual([100])
    clock.ring()
    await reply('NONE', 1)
    await reply('NONE')
    expect(places()).toEqual([['0-0', '0-1'], ['0-0', '0-1'], ['0-0', '0-1'], ['0-1']])
    expect(told).toEqual(['0-0 NONE', '0-1 NONE'])
  })

  test('end with the broker', async () => {
    const { clock, changes, submit, answers, places, told } = begin()
    submit(TOPICS[0], 0)
    clock.endTask()
    changes.close()
    answers[0]!.reject(new ShardError('ERR_SHARD_LOST', 'gone'))
    await settled()
    clock.ring()
    expect([places().length, told]).toEqual([1, []])
  })
})
