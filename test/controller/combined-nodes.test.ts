import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { SimulatedNodes } from './simulated-nodes.ts'

const VOTERS = [1, 2, 3].map((id) => `${id}@node${id}:9093`).join()
const BROKER_PORT = 9092

const listeners = (id: number): string =>
  `PLAINTEXT://node${id}:${BROKER_PORT},CONTROLLER://node${id}:9093`

const combined = (id: number) => ({
  'process.roles': 'broker,controller',
  listeners: listeners(id),
  'controller.quorum.voters': VOTERS,
})

const creating = (name: string) => ({
  topics: [{ name, numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] }],
  timeoutMs: 10_000,
  validateOnly: false,
})

async function brokersAt(nodes: SimulatedNodes, id: number): Promise<number[]> {
  const body = { topics: [], includeTopicAuthorizedOperations: false }
  const answer = await nodes.ask(id, Metadata, body, 12, BROKER_PORT)
  return (answer?.brokers ?? []).map(({ nodeId }) => nodeId).sort()
}

async function create(nodes: SimulatedNodes, id: number, name: string) {
  const answer = await nodes.ask(id, CreateTopics, creating(name), 7, BROKER_PORT)
  return answer?.topics[0]?.errorCode
}

test('three nodes that are brokers and controllers serve as one cluster, whichever is asked, and without their leader', async () => {
  const nodes = new SimulatedNodes(3, combined)
  await nodes.startTogether()
  for (const id of [1, 2, 3]) {
    while ((await brokersAt(nodes, id)).length < 3) await nodes.pass(10)
    expect(await create(nodes, id, `by-${id}`)).toBe('NONE')
  }
  const first = await nodes.leader()
  nodes.kill(first)
  const others = [1, 2, 3].filter((id) => id !== first)
  await nodes.leader()
  for (const id of others) {
    let created: string | undefined
    for (let tries = 0; created !== 'NONE' && tries < 100; tries++) {
      created = await create(nodes, id, `after-${id}-${tries}`)
      if (created !== 'NONE') await nodes.pass(100)
    }
    expect(created).toBe('NONE')
  }
  await nodes.start(first)
  expect(await brokersAt(nodes, first)).toEqual([1, 2, 3])
})

test.each([1, 2, 3, 4, 5, 6])(
  'three of them that are told to stop at once have all handed over when the first controller leaves (seed %i)',
  async (seed) => {
    const nodes = new SimulatedNodes(3, combined, seed)
    await nodes.startTogether()
    expect(await create(nodes, 1, 'led-by-all')).toBe('NONE')
    const before = nodes.scheduler.now
    await nodes.stopTogether()
    expect(nodes.scheduler.now - before).toBeLessThan(4000)
    for (const id of [1, 2, 3]) expect(nodes.linesOf(id).join('\n')).not.toContain('though')
  },
)

test('one that is left alone by the other controllers does not wait long for them as it stops', async () => {
  const nodes = new SimulatedNodes(3, combined)
  await nodes.startTogether()
  expect(await create(nodes, 1, 'led-by-all')).toBe('NONE')
  const last = await nodes.leader()
  for (const id of [1, 2, 3]) if (id !== last) nodes.kill(id)
  const before = nodes.scheduler.now
  await nodes.stop(last)
  expect(nodes.scheduler.now - before).toBeLessThan(8000)
  expect(nodes.linesOf(last).join('\n')).toContain('no controller answers')
})
