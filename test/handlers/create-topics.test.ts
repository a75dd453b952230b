import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { ConfigSource } from '../../src/config/describe.ts'
import type { ControllerCommand } from '../../src/metadata/controller/commands.ts'
import { ShardError } from '../../src/machine/runtime.ts'
import { TestNode } from './test-node.ts'

const TOPIC_ID = 'BBBBBBBBBBBBBBBBBBBBBA'

const topic = (name: string, configs: { name: string; value: string }[] = []) => ({
  name,
  numPartitions: 2,
  replicationFactor: 1,
  assignments: [],
  configs,
})

/** Makes the topics that begin with 'new'. */
function node(settings: Readonly<Record<string, string>> = {}): TestNode {
  const made = new TestNode(settings)
  made.controller = (command: ControllerCommand) => {
    if (command.type !== 'createTopics') throw new Error(command.type)
    return command.topics.map(({ name }) =>
      name.startsWith('new')
        ? {
            name,
            errorCode: 'NONE',
            errorMessage: null,
            topicId: TOPIC_ID,
            numPartitions: 2,
            replicationFactor: 1,
          }
        : {
            name,
            errorCode: 'TOPIC_ALREADY_EXISTS',
            errorMessage: `Topic '${name}' already exists.`,
            topicId: ZERO_UUID,
            numPartitions: -1,
            replicationFactor: -1,
          },
    )
  }
  return made
}

describe('CreateTopics', () => {
  test('hands the topics to the controller and answers each with its id, size and settings', async () => {
    const served = node({ 'log.retention.bytes': '5000' })
    const { topics } = await served.ask(CreateTopics, 7, {
      topics: [topic('new', [{ name: 'retention.ms', value: '1234' }]), topic('old')],
      timeoutMs: 1000,
      validateOnly: true,
    })
    expect(served.commands).toMatchObject([{ type: 'createTopics', validateOnly: true }])
    expect(topics).toHaveLength(2)
    const [made, refused] = topics
    expect(made).toMatchObject({
      name: 'new',
      topicId: TOPIC_ID,
      errorCode: 'NONE',
      topicConfigErrorCode: 'NONE',
      numPartitions: 2,
      replicationFactor: 1,
    })
    const names = made!.configs!.map(({ name }) => name)
    expect(names).toEqual([...names].sort())
    expect(names).toContain('cleanup.policy')
    expect(made!.configs!.find(({ name }) => name === 'retention.ms')).toEqual({
      name: 'retention.ms',
      value: '1234',
      readOnly: false,
      configSource: ConfigSource.DYNAMIC_TOPIC_CONFIG,
      isSensitive: false,
    })
    expect(made!.configs!.find(({ name }) => name === 'retention.bytes')).toMatchObject({
      value: '5000',
      configSource: ConfigSource.STATIC_BROKER_CONFIG,
    })
    expect(refused).toEqual({
      name: 'old',
      topicId: ZERO_UUID,
      errorCode: 'TOPIC_ALREADY_EXISTS',
      errorMessage: "Topic 'old' already exists.",
      topicConfigErrorCode: 'NONE',
      numPartitions: -1,
      replicationFactor: -1,
      configs: [],
    })
  })

  test.each([2, 3, 4])('v%i tells neither size nor settings', async (version) => {
    const { topics } = await node().ask(CreateTopics, version, {
      topics: [topic('new')],
      timeoutMs: 1000,
      validateOnly: false,
    })
    expect(topics).toMatchObject([{ name: 'new', errorCode: 'NONE', configs: [] }])
  })

  test('answers when the new partitions serve', async () => {
    const served = node()
    const events: string[] = []
    served.replicas.settled = async () => {
      await new Promise((resolve) => setImmediate(resolve))
      events.push('they serve')
    }
    await served.ask(CreateTopics, 7, { topics: [topic('new')], timeoutMs: 1000 })
    events.push('the answer is here')
    expect(events).toEqual(['they serve', 'the answer is here'])
  })

  test.each([0, -1])('with a time-out of %i nothing is made', async (timeoutMs) => {
    const served = node()
    const { topics } = await served.ask(CreateTopics, 7, { topics: [topic('new')], timeoutMs })
    expect(topics).toMatchObject([
      { name: 'new', errorCode: 'REQUEST_TIMED_OUT', errorMessage: null },
    ])
    expect(served.commands).toEqual([])
  })

  test('waits for the controller as long as the client does, and no longer', async () => {
    const served = node()
    served.controller = () => new Promise(() => {})
    const { topics } = await served.ask(CreateTopics, 7, { topics: [topic('new')], timeoutMs: 5 })
    expect(topics).toMatchObject([{ name: 'new', errorCode: 'REQUEST_TIMED_OUT' }])
  })

  test('tells each topic when the controller is lost', async () => {
    const served = node()
    served.controller = () => {
      throw new ShardError('ERR_SHARD_LOST', 'lost')
    }
    const { topics } = await served.ask(CreateTopics, 7, {
      topics: [topic('a'), topic('b'), topic('a')],
      timeoutMs: 1000,
    })
    expect(topics).toMatchObject([
      { name: 'a', errorCode: 'NOT_CONTROLLER', errorMessage: 'lost' },
      { name: 'b', errorCode: 'NOT_CONTROLLER', errorMessage: 'lost' },
    ])
  })

  const sizesOf = (served: TestNode): number[] =>
    served.commands.flatMap((command) => ('topics' in command ? command.topics!.length : []))

  test('has many topics made a few at a time, and what is named twice judged at once', async () => {
    const served = node()
    const many = Array.from({ length: 240 }, (_, index) => topic(`new-${index}`))
    const { topics } = await served.ask(CreateTopics, 7, {
      topics: [...many, topic('new-0')],
      timeoutMs: 10_000,
    })
    // Each with its two partitions counts for 1.2 changes.
    expect(sizesOf(served)).toEqual([84, 84, 73])
    expect(topics.map(({ name }) => name)).toEqual(
      // The first two are of the same topic: this controller tells each.
      ['new-0', ...many.map(({ name }) => name)],
    )
    expect(topics.every(({ configs }) => configs!.length > 10)).toBe(true)
  })

  test('shows the controller the whole of what is more than one request may make', async () => {
    const served = node()
    const many = Array.from({ length: 151 }, (_, index) => ({
      ...topic(`old-${index}`),
      numPartitions: index === 0 ? 9_851 : 1,
    }))
    await served.ask(CreateTopics, 7, { topics: many, timeoutMs: 10_000 })
    await served.ask(CreateTopics, 7, { topics: many.slice(0, 150), timeoutMs: 10_000 })
    expect(sizesOf(served)).toEqual([151, 1, 91, 58])
  })

  test('tells of what was made although there is no time left for the rest', async () => {
    const served = node()
    const { controller } = served
    served.controller = (command) => {
      served.clock.skip(900_000)
      return controller(command)
    }
    const many = Array.from({ length: 201 }, (_, index) => topic(`new-${index}`))
    const { topics } = await served.ask(CreateTopics, 7, { topics: many, timeoutMs: 1_000_000 })
    expect(sizesOf(served)).toEqual([84, 84])
    expect([0, 83, 84, 200].map((index) => topics[index]!.errorCode)).toEqual([
      'NONE',
      'NONE',
      'REQUEST_TIMED_OUT',
      'REQUEST_TIMED_OUT',
    ])
  })
})
