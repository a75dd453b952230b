import { DescribeTransactions } from '../../protocol/messages/describe-transactions.ts'
import type { DescribeTransactionsResponse } from '../../protocol/messages/describe-transactions.ts'
import type { ProducerIdentity } from '../../src/coordinators/transaction/transaction.ts'
import { TestNode } from './test-node.ts'

export interface Producer extends ProducerIdentity {
  readonly transactionalId: string
}

/** Coordinates transactional ids, and has a topic `t` of three partitions. */
export async function nodeWithTransactions(): Promise<TestNode> {
  const node = new TestNode()
  await node.addTransactions()
  await node.addTopic('t', { partitions: [{}, {}, {}] })
  return node
}

/** Asks the coordinator for a producer, until it has aborted what was open. */
export async function initProducer(node: TestNode, transactionalId = 'x'): Promise<Producer> {
  const asked = { transactionalId, timeoutMs: 60_000, expected: null }
  for (;;) {
    const { errorCode, ...producer } = await node.transactions.initProducer(asked)
    if (errorCode === 'NONE') return { transactionalId, ...producer }
    expect(errorCode).toBe('CONCURRENT_TRANSACTIONS')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Asks the coordinator to take partitions of a topic into the transaction. */
export async function addPartitions(
  node: TestNode,
  { transactionalId, producerId, producerEpoch }: Producer,
  { partitions = [0], topic = 't' } = {},
): Promise<void> {
  const error = await node.transactions.addPartitions({
    transactionalId,
    producerId,
    producerEpoch,
    partitions: partitions.map((partition) => ({ topic, partition })),
    clientVersion: 2,
  })
  expect(error).toBe('NONE')
}

export async function describeTransaction(
  node: TestNode,
  transactionalId = 'x',
): Promise<DescribeTransactionsResponse['transactionStates'][number]> {
  const body = { transactionalIds: [transactionalId] }
  return (await node.ask(DescribeTransactions, 0, body)).transactionStates[0]!
}

/** Resolves when the transaction has come to a state. */
export async function settled(node: TestNode, state: string, transactionalId = 'x'): Promise<void> {
  for (;;) {
    const { transactionState } = await describeTransaction(node, transactionalId)
    if (transactionState === state) return
    await new Promise((resolve) => setImmediate(resolve))
  }
}
