import type { ErrorName } from '../../protocol/errors.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { setBatchCrc } from '../../protocol/records/batch.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { CLOSED, SILENCE, TestNode, batch } from './test-node.ts'
import { fetchCommitted, partitionOf, PRODUCER, writeMarker } from './transaction-client.ts'

/** Of a batch. */
const PRODUCER_ID_AT = 43

interface Asked {
  readonly version?: number
  readonly acks?: number
  /** Of each partition, the batch. */
  readonly records?: readonly Buffer[]
}

const records = (baseSequence = 0, more: { producerId?: number; producerEpoch?: number } = {}) =>
  batch(['x'], {
    isTransactional: true,
    producerId: PRODUCER,
    producerEpoch: 0,
    baseSequence,
    ...more,
  })

const asking = ({ acks = -1, records: all = [records()] }: Asked) => ({
  transactionalId: 'mine',
  acks,
  timeoutMs: 1000,
  topicData: [{ name: 't', partitionData: all.map((one, index) => ({ index, records: one })) }],
})

async function produced(node: TestNode, asked: Asked = {}) {
  const { responses } = await node.ask(Produce, asked.version ?? 12, asking(asked))
  return responses[0]!.partitionResponses
}

async function errors(node: TestNode, asked: Asked = {}): Promise<ErrorName[]> {
  return (await produced(node, asked)).map(({ errorCode }) => errorCode)
}

async function nodeWithTopic(...answers: ErrorName[]): Promise<TestNode> {
  const node = new TestNode()
  await node.addTopic('t', { partitions: [{}, {}] })
  node.verify = ({ partitions }) =>
    Promise.resolve(partitions.map((_, at) => answers[at] ?? 'NONE'))
  return node
}

describe('Produce in a transaction', () => {
  test('appends once the coordinator has agreed, and until the marker without asking again', async () => {
    const node = await nodeWithTopic()
    const asked: object[] = []
    const { verify } = node
    node.verify = (question) => {
      asked.push(question)
      return verify(question)
    }
    expect(await errors(node)).toEqual(['NONE'])
    expect(await errors(node, { records: [records(1)] })).toEqual(['NONE'])
    const partitions = [{ topic: 't', partition: 0 }]
    const identity = { transactionalId: 'mine', producerId: PRODUCER, producerEpoch: 0 }
    expect(asked).toEqual([{ ...identity, partitions, addPartition: true }])
    expect(await fetchCommitted(node, 't')).toMatchObject({ lastStableOffset: 0 })
    await writeMarker(node)
    expect(await fetchCommitted(node, 't')).toMatchObject({ lastStableOffset: 3 })
    await errors(node, { records: [records(2)], version: 11 })
    expect(asked[1]).toEqual({ ...identity, partitions, addPartition: false })
  })

  test.each<[number, ErrorName, ErrorName, string | null]>([
    [
      10,
      'TRANSACTION_ABORTABLE',
      'INVALID_TXN_STATE',
      'Partition was not added to the transaction',
    ],
    [11, 'TRANSACTION_ABORTABLE', 'TRANSACTION_ABORTABLE', null],
    [12, 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS', null],
    [12, 'INVALID_TXN_STATE', 'INVALID_TXN_STATE', 'Partition was not added to the transaction'],
    [10, 'PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH', null],
    [
      10,
      'NOT_COORDINATOR',
      'NOT_ENOUGH_REPLICAS',
      'Unable to verify the partition has been added to the transaction. Underlying error: NOT_COORDINATOR',
    ],
    [
      11,
      'CONCURRENT_TRANSACTIONS',
      'NOT_ENOUGH_REPLICAS',
      'Unable to verify the partition has been added to the transaction. Underlying error: CONCURRENT_TRANSACTIONS',
    ],
  ])('v%i is told of %s as %s', async (version, error, errorCode, errorMessage) => {
    const node = await nodeWithTopic(error)
    expect(await produced(node, { version })).toMatchObject([
      { errorCode, errorMessage, baseOffset: -1 },
    ])
    expect(partitionOf(node, 't').log!.logEndOffset).toBe(0)
  })

  test('tells each partition its own', async () => {
    const node = await nodeWithTopic('NONE', 'INVALID_TXN_STATE')
    expect(await errors(node, { records: [records(), records()] })).toEqual([
      'NONE',
      'INVALID_TXN_STATE',
    ])
  })

  test('appends what is in no transaction at once', async () => {
    const node = await nodeWithTopic()
    node.verify = () => new Promise(() => undefined)
    void node.answer(Produce, 12, asking({ records: [batch(['plain']), records()] }))
    await partitionOf(node, 't', 0).log!.whenIdle()
    expect(partitionOf(node, 't', 0).log!.logEndOffset).toBe(1)
    expect(partitionOf(node, 't', 1).log!.logEndOffset).toBe(0)
  })

  test('keeps the order of a producer that does not wait for answers', async () => {
    const node = await nodeWithTopic()
    const all = await Promise.all([0, 1, 2].map((at) => produced(node, { records: [records(at)] })))
    expect(all.map(([one]) => one!.baseOffset)).toEqual([0, 1, 2])
  })

  test('refuses a request with records of several producers, or of several epochs of one', async () => {
    const node = await nodeWithTopic()
    const refused = ['INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING']
    const other = records(0, { producerId: PRODUCER + 1 })
    expect(await errors(node, { records: [records(), other] })).toEqual(refused)
    const later = records(0, { producerEpoch: 1 })
    expect(await errors(node, { records: [records(), later] })).toEqual(refused)
    expect(partitionOf(node, 't').log!.logEndOffset).toBe(0)
  })

  test.each([[true], [false]])('refuses a producer id beyond 2^53, sound: %s', async (isSound) => {
    const node = await nodeWithTopic()
    const strange = records()
    strange.writeBigInt64BE(1n << 60n, PRODUCER_ID_AT)
    if (isSound) setBatchCrc(strange, 0, nodeCodecs().crc32c)
    const refused = isSound ? 'INVALID_RECORD' : 'CORRUPT_MESSAGE'
    expect(await errors(node, { records: [batch(['x']), strange] })).toEqual(['NONE', refused])
    expect(await errors(node, { records: [strange, Buffer.from(strange)] })).toEqual([
      refused,
      refused,
    ])
    expect(await errors(node, { records: [records(), strange] })).toEqual([
      'INVALID_PRODUCER_ID_MAPPING',
      'INVALID_PRODUCER_ID_MAPPING',
    ])
  })

  test('without an answer closes the connection where the coordinator refuses', async () => {
    const node = await nodeWithTopic('INVALID_TXN_STATE')
    expect(await node.answer(Produce, 12, asking({ acks: 0 }))).toBe(CLOSED)
    node.verify = () => Promise.resolve(['NONE'])
    expect(await node.answer(Produce, 12, asking({ acks: 0 }))).toBe(SILENCE)
  })

  test('verifies nothing where transaction.partition.verification.enable says so', async () => {
    const node = new TestNode({ 'transaction.partition.verification.enable': 'false' })
    await node.addTopic('t')
    node.verify = () => Promise.reject(new Error('nobody should be asked'))
    expect(await errors(node, { version: 11 })).toEqual(['NONE'])
  })
})
