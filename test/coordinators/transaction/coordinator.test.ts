import { buildBatch } from '../../../protocol/records/batch.ts'
import type { DurableFact } from '../../../src/coordinators/transaction/facts.ts'
import { TRANSACTIONS_TOPIC } from '../../../src/coordinators/transaction/kind.ts'
import { encodeFact } from '../../../src/coordinators/transaction/records.ts'
import { newTransaction } from '../../../src/coordinators/transaction/transaction.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import type { Partition } from '../../../src/replication/partition/partition.ts'
import { TestNode } from '../../handlers/test-node.ts'
import {
  addPartitions,
  describeTransaction,
  initProducer,
  nodeWithTransactions,
  settled,
} from '../../handlers/transactional-producer.ts'
import type { Producer } from '../../handlers/transactional-producer.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

function partitionOf(node: TestNode, topic: string): Partition {
  const partition = node.replicas.find(topic, 0)
  if (typeof partition === 'string') throw new Error(partition)
  return partition
}

function commit(node: TestNode, producer: Producer) {
  return node.transactions.end({ ...producer, result: 'COMMIT', clientVersion: 2 })
}

/** Another broker leads the partition, or this one again. */
function lead(partition: Partition, leader: number): void {
  const { assignment } = partition
  partition.update({ ...assignment, leader, leaderEpoch: assignment.leaderEpoch + 1 })
}

/** Has the fact in the log of `__transaction_state`, as another coordinator has left it. */
async function write(node: TestNode, fact: DurableFact): Promise<void> {
  const { key, value } = encodeFact(fact)
  const batch = buildBatch({ records: [{ timestamp: 0, key, value }] }, nodeCodecs())
  await new Promise<void>((resolve) =>
    partitionOf(node, TRANSACTIONS_TOPIC).append(batch, 1, 'coordinator', 0, () => resolve()),
  )
}

describe('the transaction coordinator', () => {
  test('answers for the ids of the partitions that it leads, and goes on where it leads again', async () => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    await addPartitions(node, producer)
    const state = partitionOf(node, TRANSACTIONS_TOPIC)
    lead(state, 2)
    node.transactions.follow()
    await expect(commit(node, producer)).rejects.toMatchObject({ code: 'NOT_COORDINATOR' })
    lead(state, 1)
    node.transactions.follow()
    await node.transactionsLoaded()
    expect(await commit(node, producer)).toMatchObject({ errorCode: 'NONE' })
    await settled(node, 'CompleteCommit')
  })

  test('has markers written once it leads again, of what was about to end', async () => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    await addPartitions(node, producer)
    const partition = partitionOf(node, 't')
    lead(partition, 2)
    await commit(node, producer)
    const state = partitionOf(node, TRANSACTIONS_TOPIC)
    lead(state, 2)
    node.transactions.follow()
    lead(partition, 1)
    lead(state, 1)
    node.transactions.follow()
    await node.transactionsLoaded()
    await settled(node, 'CompleteCommit')
    expect(partition.log!.logEndOffset).toBe(1)
  })

  test('aborts a transaction that takes too long, and fences its producer', async () => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    await addPartitions(node, producer)
    node.clock.skip(MINUTE_MS - 1000)
    expect((await describeTransaction(node)).transactionState).toBe('Ongoing')
    node.clock.skip(11_000)
    await settled(node, 'CompleteAbort')
    const partitions = [{ topic: 't', partition: 1 }]
    const asked = { ...producer, partitions, clientVersion: 2 }
    expect(await node.transactions.addPartitions(asked)).toBe('PRODUCER_FENCED')
    expect(node.logged.map(({ message }) => message)).toContain(
      'A transaction took too long and is aborted',
    )
  })

  test('takes another producer id where one has no epoch left to fence it with', async () => {
    const node = new TestNode()
    await node.addTopic('t')
    const transaction = {
      ...newTransaction('x', 1000, MINUTE_MS, node.clock.now()),
      state: 'Ongoing' as const,
      producerEpoch: 32_766,
      partitions: new Map([['t', new Set([0])]]),
      startTimestamp: node.clock.now(),
    }
    await node.addTopic(TRANSACTIONS_TOPIC)
    await write(node, { type: 'TransactionStored', transaction, version: 1 })
    node.transactions.follow()
    await node.transactionsLoaded()
    node.clock.skip(MINUTE_MS + 20_000)
    await settled(node, 'CompleteAbort')
    expect(await describeTransaction(node)).toMatchObject({ producerId: 7000, producerEpoch: 0 })
  })

  test('takes a producer id only where one is needed', async () => {
    const node = await nodeWithTransactions()
    await initProducer(node)
    await addPartitions(node, await initProducer(node))
    await initProducer(node)
    expect((await initProducer(node, 'other')).producerId).toBe(7001)
  })

  test('forgets ids that nobody has used for a week', async () => {
    const node = await nodeWithTransactions()
    await initProducer(node)
    node.clock.skip(6 * DAY_MS)
    expect((await describeTransaction(node)).errorCode).toBe('NONE')
    node.clock.skip(DAY_MS + 60 * MINUTE_MS)
    expect((await describeTransaction(node)).errorCode).toBe('TRANSACTIONAL_ID_NOT_FOUND')
  })

  test('tells leaders of partitions what is part of a transaction, and adds to it', async () => {
    const node = await nodeWithTransactions()
    const producer = await initProducer(node)
    const partitions = [
      { topic: 't', partition: 0 },
      { topic: 't', partition: 1 },
    ]
    await addPartitions(node, producer)
    const verify = (addPartition: boolean) =>
      node.transactions.verify({ ...producer, partitions, addPartition })
    expect(await verify(false)).toEqual(['NONE', 'TRANSACTION_ABORTABLE'])
    expect(await verify(true)).toEqual(['NONE', 'NONE'])
    expect(await verify(false)).toEqual(['NONE', 'NONE'])
    node.transactions.close()
    expect(await verify(true)).toEqual(['NOT_COORDINATOR', 'NOT_COORDINATOR'])
  })
})
