import { CreatePartitions } from '../../protocol/messages/create-partitions.ts'
import { TestNode } from './test-node.ts'

const topics = [
  { name: 'a', count: 3, assignments: null },
  { name: 'b', count: 2, assignments: [{ brokerIds: [1] }] },
]

describe('CreatePartitions', () => {
  test.each([0, 1, 2, 3])('v%i names every topic in its answer', async (version) => {
    const node = new TestNode()
    const results = [
      { name: 'a', errorCode: 'NONE', errorMessage: null },
      { name: 'b', errorCode: 'INVALID_PARTITIONS', errorMessage: 'why' },
    ]
    node.controller = () => results
    const answer = await node.ask(CreatePartitions, version, {
      topics,
      timeoutMs: 1000,
      validateOnly: true,
    })
    expect(answer.results).toEqual(results)
    expect(node.commands).toEqual([{ type: 'createPartitions', topics, validateOnly: true }])
  })

  test('without any time nothing is made', async () => {
    const node = new TestNode()
    const { results } = await node.ask(CreatePartitions, 3, {
      topics,
      timeoutMs: 0,
      validateOnly: false,
    })
    expect(results).toEqual(
      ['a', 'b'].map((name) => ({ name, errorCode: 'REQUEST_TIMED_OUT', errorMessage: null })),
    )
  })

  test('an error that nobody has foreseen ends the connection', async () => {
    const node = new TestNode()
    node.controller = () => {
      throw new Error('a bug')
    }
    const asked = node.ask(CreatePartitions, 3, { topics, timeoutMs: 1000, validateOnly: false })
    await expect(asked).rejects.toThrow('a bug')
  })
})
