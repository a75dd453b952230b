import type { ErrorName } from '../../../protocol/errors.ts'
import { TestNode, batch } from '../../handlers/test-node.ts'
import { partitionOf, PRODUCER, writeMarker, writeOpen } from '../../handlers/transaction-client.ts'

const END = {
  producerId: PRODUCER,
  producerEpoch: 0,
  coordinatorEpoch: 0,
  transactionVersion: 0,
  result: 'COMMIT',
} as const

async function nodeWithTopic(): Promise<TestNode> {
  const node = new TestNode()
  await node.addTopic('t')
  return node
}

test('who waits for what is decided is told of it by the marker: of all bytes since, whoever wrote them', async () => {
  const node = await nodeWithTopic()
  const partition = partitionOf(node, 't')
  const told: number[][] = []
  partition.wait({ advanced: (...sizes) => told.push(sizes) })
  const plain = () =>
    new Promise((resolve) => partition.append(batch(['x']), -1, 'client', 1000, resolve))
  await plain()
  expect(told).toEqual([[batch(['x']).length, batch(['x']).length]])
  const [[sizeBytes]] = told as [[number]]
  await writeOpen(node, 't')
  await plain()
  expect(told.slice(1)).toEqual([
    [sizeBytes, -1],
    [sizeBytes, -1],
  ])
  await writeMarker(node)
  const [markerBytes, decidedBytes] = told[3]!
  expect(decidedBytes).toBe(2 * sizeBytes + markerBytes!)
  await plain()
  expect(told[4]).toEqual([sizeBytes, sizeBytes])
})

test('a marker for a partition that was deleted, or is led elsewhere, is refused', async () => {
  const node = await nodeWithTopic()
  const partition = partitionOf(node, 't')
  const end = () => new Promise<ErrorName>((resolve) => partition.appendMarker(END, 1000, resolve))
  expect(await end()).toBe('NONE')
  partition.update({ ...partition.assignment, leader: 2, leaderEpoch: 1 })
  expect(await end()).toBe('NOT_LEADER_OR_FOLLOWER')
  partition.delete()
  expect(await end()).toBe('UNKNOWN_TOPIC_OR_PARTITION')
})

test('a marker does not overtake records that wait for a thread', async () => {
  const node = new TestNode()
  await node.addTopic('t', { configs: { 'compression.type': 'gzip' } })
  const written = writeOpen(node, 't', {
    values: Array.from({ length: 3000 }, () => 'x'.repeat(100)),
  })
  expect(await writeMarker(node)).toEqual(['NONE'])
  expect(await written).toBe('NONE')
  const { lastStableOffset, logEndOffset } = partitionOf(node, 't').log!
  expect([lastStableOffset, logEndOffset]).toEqual([3001, 3001])
})

test('records that were being verified when their partition moved to another directory are appended there', async () => {
  const node = await nodeWithTopic()
  await node.addTopic('copy')
  const partition = partitionOf(node, 't')
  const guard = partition.log!.transactions.beginVerification(PRODUCER, 0, 0, true, Date.now())
  const { log } = partitionOf(node, 'copy')
  partition.replaceLog(log!)
  const marks = { producerId: PRODUCER, producerEpoch: 0, baseSequence: 0, isTransactional: true }
  const written = new Promise<ErrorName>((resolve) => {
    const done = ({ errorCode }: { errorCode: ErrorName }): void => resolve(errorCode)
    partition.append(batch(['x'], marks), -1, 'client', 1000, done, -1, { guard })
  })
  expect(await written).toBe('NONE')
  expect(log!.logEndOffset).toBe(1)
})
