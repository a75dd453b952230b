import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { EndTxn } from '../../protocol/messages/end-txn.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { ListOffsets } from '../../protocol/messages/list-offsets.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { startBroker } from '../../src/index.ts'
import type { RunningBroker } from '../../src/index.ts'
import { batch } from '../handlers/test-node.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
let broker: RunningBroker | null = null
let client: RawClient
afterAll(async () => {
  client.destroy()
  await broker?.close()
  directories.removeAll()
})

async function start(directory: string): Promise<void> {
  await broker?.close()
  const settings = { 'transaction.state.log.num.partitions': 2 }
  broker = await startBroker({ directory, settings })
  client = await RawClient.connect(broker)
}

interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** Writes a record that nobody has announced; the error once it is no longer one that passes. */
async function produce(producer: Identity, value: string): Promise<string> {
  const records = batch([value], { ...producer, baseSequence: 0, isTransactional: true })
  for (;;) {
    const { responses } = await client.request(Produce, 12, {
      transactionalId: 'x',
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: 't', partitionData: [{ index: 0, records }] }],
    })
    const { errorCode } = responses[0]!.partitionResponses[0]!
    if (errorCode !== 'CONCURRENT_TRANSACTIONS' && errorCode !== 'NOT_ENOUGH_REPLICAS') {
      return errorCode
    }
  }
}

async function end(producer: Identity, committed: boolean): Promise<Identity> {
  for (;;) {
    const body = { transactionalId: 'x', ...producer, committed }
    const { errorCode, producerId, producerEpoch } = await client.request(EndTxn, 5, body)
    if (errorCode === 'NONE') return { producerId, producerEpoch }
    expect(['COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR']).toContain(errorCode)
  }
}

/** Up to where who reads what is committed may read. */
async function stableOffset(): Promise<number> {
  const partitions = [{ partitionIndex: 0, timestamp: -1n, currentLeaderEpoch: -1 }]
  const { topics } = await client.request(ListOffsets, 8, {
    replicaId: -1,
    isolationLevel: 1,
    topics: [{ name: 't', partitions }],
  })
  return Number(topics[0]!.partitions[0]!.offset)
}

test('[KIP-890] a new cluster has transaction.version 2: an epoch for each transaction, also over a restart', async () => {
  const directory = directories.make()
  await start(directory)
  const { finalizedFeatures } = await client.request(ApiVersions, 4, {
    clientSoftwareName: 'test',
    clientSoftwareVersion: '1',
  })
  expect(finalizedFeatures).toContainEqual(
    expect.objectContaining({ name: 'transaction.version', maxVersionLevel: 2 }),
  )
  await client.request(CreateTopics, 7, {
    topics: [{ name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 10_000,
    validateOnly: false,
  })
  await client.request(FindCoordinator, 4, { keyType: 1, coordinatorKeys: ['x'] })
  let producer: Identity
  for (;;) {
    const asked = { transactionalId: 'x', transactionTimeoutMs: 60_000 }
    const { errorCode, ...given } = await client.request(InitProducerId, 5, asked)
    producer = given
    if (errorCode === 'NONE') break
    expect(errorCode).toBe('COORDINATOR_LOAD_IN_PROGRESS')
  }
  const { producerId } = producer
  expect(await produce(producer, 'committed')).toBe('NONE')
  expect(await stableOffset()).toBe(0)
  const second = await end(producer, true)
  expect(second).toEqual({ producerId, producerEpoch: 1 })
  // The epoch of before is over, whatever comes late.
  expect(await produce(producer, 'late')).toBe('INVALID_PRODUCER_EPOCH')
  expect(await produce(second, 'open')).toBe('NONE')

  await start(directory)
  expect(await stableOffset()).toBe(2)
  const third = await end(second, false)
  expect(third).toEqual({ producerId, producerEpoch: 2 })
  // Asked again, it is told the same.
  expect(await end(second, false)).toEqual(third)
  while ((await stableOffset()) !== 4) await new Promise((resolve) => setImmediate(resolve))
})
