import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { deleteTopics } from '../../src/handlers/delete-topics.ts'
import { costOf, frameOf } from '../support/dearest-request.ts'
import { TestNode } from './test-node.ts'

const TOPIC_ID = 'BBBBBBBBBBBBBBBBBBBBBA'

describe('DeleteTopics', () => {
  test('by name up to v5', async () => {
    const node = new TestNode()
    node.controller = () => [
      { name: 'a', topicId: TOPIC_ID, errorCode: 'NONE', errorMessage: null },
      {
        name: 'b',
        topicId: ZERO_UUID,
        errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
        errorMessage: 'This server does not host this topic-partition.',
      },
    ]
    const body = { topicNames: ['a', 'b'], timeoutMs: 1000 }
    const { responses } = await node.ask(DeleteTopics, 5, body)
    expect(node.commands).toEqual([
      {
        type: 'deleteTopics',
        topics: [
          { name: 'a', topicId: ZERO_UUID },
          { name: 'b', topicId: ZERO_UUID },
        ],
      },
    ])
    expect(responses).toMatchObject([
      { name: 'a', errorCode: 'NONE' },
      { name: 'b', errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' },
    ])
    expect(await node.ask(DeleteTopics, 1, body)).toMatchObject({ responses: [{}, {}] })
  })

  test('by name or id in v6, and the answer has both', async () => {
    const node = new TestNode()
    node.controller = () => [
      { name: 'a', topicId: TOPIC_ID, errorCode: 'NONE', errorMessage: null },
    ]
    const topics = [{ name: null, topicId: TOPIC_ID }]
    const { responses } = await node.ask(DeleteTopics, 6, { topics, timeoutMs: 1000 })
    expect(node.commands).toEqual([{ type: 'deleteTopics', topics }])
    expect(responses).toEqual([
      { name: 'a', topicId: TOPIC_ID, errorCode: 'NONE', errorMessage: null },
    ])
  })

  test.each([
    [2, 'INVALID_REQUEST'],
    [3, 'TOPIC_DELETION_DISABLED'],
    [5, 'TOPIC_DELETION_DISABLED'],
  ])('v%i says %s where deletion is disabled', async (version, errorCode) => {
    const node = new TestNode({ 'delete.topic.enable': 'false' })
    const body = { topicNames: ['a'], timeoutMs: 1000 }
    const { responses } = await node.ask(DeleteTopics, version, body)
    expect(responses).toMatchObject([{ name: 'a', errorCode }])
    expect(node.commands).toEqual([])
  })

  test('without any time nothing is deleted', async () => {
    const node = new TestNode()
    const topics = [
      { name: null, topicId: TOPIC_ID },
      { name: 'b', topicId: ZERO_UUID },
    ]
    const { responses } = await node.ask(DeleteTopics, 6, { topics, timeoutMs: 0 })
    const timedOut = { errorCode: 'REQUEST_TIMED_OUT', errorMessage: null }
    expect(responses).toEqual(topics.map((topic) => ({ ...topic, ...timedOut })))
    expect(node.commands).toEqual([])
  })

  test('names as many topics in one request as the controller of Apache Kafka deletes in one operation', () => {
    const topics = Array.from({ length: 10_000 }, (_, index) => ({
      name: `some-department.some-topic-of-it-${index}`,
      topicId: ZERO_UUID,
    }))
    const frame = frameOf(DeleteTopics, 6, { topics, timeoutMs: 0 })
    expect(costOf(DeleteTopics, 6, frame)).toBeLessThan(deleteTopics.maxCostBytes)
  })

  test('has many topics deleted a few at a time, and one named by id and by name judged at once', async () => {
    const node = new TestNode()
    const topicId = await node.addTopic('known')
    node.controller = (command) =>
      command.type === 'deleteTopics'
        ? command.topics.map((topic) => ({ ...topic, errorCode: 'NONE', errorMessage: null }))
        : null
    const names = Array.from({ length: 150 }, (_, index) => ({
      name: `t${index}`,
      topicId: ZERO_UUID,
    }))
    const known = { name: 'known', topicId: ZERO_UUID }
    await node.ask(DeleteTopics, 6, {
      topics: [known, ...names, { name: null, topicId }],
      timeoutMs: 10_000,
    })
    const [first, second] = node.commands as unknown as { topics: object[] }[]
    expect(first!.topics).toHaveLength(100)
    expect(first!.topics.slice(0, 2)).toEqual([known, { name: null, topicId }])
    expect(second!.topics).toHaveLength(52)
  })
})
