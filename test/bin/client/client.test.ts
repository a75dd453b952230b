import {
  BrokerError,
  connect,
  listOffsets,
  PartitionReader,
  Producer,
  type Client,
} from '../../../bin/client/index.ts'
import { ApiVersions } from '../../../protocol/messages/api-versions.ts'
import { DeleteGroups } from '../../../protocol/messages/delete-groups.ts'
import { Fetch } from '../../../protocol/messages/fetch.ts'
import { FindCoordinator } from '../../../protocol/messages/find-coordinator.ts'
import { InitProducerId } from '../../../protocol/messages/init-producer-id.ts'
import { ListOffsets } from '../../../protocol/messages/list-offsets.ts'
import { Metadata } from '../../../protocol/messages/metadata.ts'
import { Produce } from '../../../protocol/messages/produce.ts'
import { batchBaseSequence, batchRecordCount, buildBatch } from '../../../protocol/records/batch.ts'
import { encodeControlRecord } from '../../../protocol/state/control-records.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import {
  answer,
  apiVersions,
  fakeBroker,
  metadata,
  type Answer,
  type FakeBroker,
} from '../../peer/fake-broker.ts'

const codecs = nodeCodecs()
const brokers: FakeBroker[] = []
const clients: Client[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
  for (const broker of brokers.splice(0)) broker.close()
})

async function start(...answers: Answer[]): Promise<FakeBroker> {
  const broker = await fakeBroker(answers)
  brokers.push(broker)
  return broker
}

async function clientOf({ port }: FakeBroker): Promise<Client> {
  const client = await connect('127.0.0.1', port, { requestTimeoutMs: 60_000 })
  clients.push(client)
  return client
}

const noTopics = answer(Metadata, () => ({ brokers: [], topics: [] }))
const record = (value: string) => ({ timestamp: 1, key: null, value: Buffer.from(value) })

/** A broker that is the whole cluster, and leads the one partition of topic t. */
async function single(...answers: Answer[]): Promise<FakeBroker> {
  let port = 0
  const broker = await start(
    metadata(() => [{ id: 1, port }]),
    ...answers,
  )
  port = broker.port
  return broker
}

/** What a client asks first. */
const LATEST_API_VERSIONS = `ApiVersions ${ApiVersions.versions[1]}`

describe('Versions', () => {
  test('are the highest that both have', async () => {
    const broker = await start(answer(Metadata, () => ({ brokers: [], topics: [] }), [1, 8]))
    const client = await clientOf(broker)
    await client.metadata(null)
    expect(broker.asked).toEqual([LATEST_API_VERSIONS, 'Metadata 8', 'Metadata 8'])
    await client.request(Metadata, { topics: null }, { version: 2 })
    expect(broker.asked.at(-1)).toBe('Metadata 2')
  })

  test('of an older broker are asked for in a version that it knows', async () => {
    const has = apiVersions([noTopics]).answer
    const broker = await start(
      noTopics,
      answer(ApiVersions, (request, version) =>
        version > 2
          ? {
              errorCode: 'UNSUPPORTED_VERSION',
              apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 2 }],
            }
          : (has(request as never, version) as object),
      ),
    )
    await clientOf(broker)
    expect(broker.asked).toEqual([LATEST_API_VERSIONS, 'ApiVersions 2', 'Metadata 13'])
  })

  test('that are not final are not used', async () => {
    const initialize = answer(InitProducerId, () => ({ errorCode: 'NONE', producerEpoch: 0 }))
    const broker = await start(noTopics, initialize)
    const client = await clientOf(broker)
    await client.request(InitProducerId, { transactionalId: null, transactionTimeoutMs: 1 })
    expect(broker.asked.at(-1)).toBe('InitProducerId 5')
  })

  test('that the broker lacks are an error that says so', async () => {
    const client = await clientOf(await start(noTopics))
    await expect(client.request(DeleteGroups, { groupsNames: [] })).rejects.toMatchObject({
      code: 'UNSUPPORTED_VERSION',
      message: expect.stringContaining("doesn't serve DeleteGroups"),
    })
  })
})

describe('Requests', () => {
  test('go to the brokers that lead, and answers come back in the order asked', async () => {
    const offsetsOf = (offset: number): Answer =>
      answer(ListOffsets, ({ topics }) => ({
        topics: topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionIndex }) => ({
            partitionIndex,
            errorCode: 'NONE',
            offset: offset + partitionIndex,
          })),
        })),
      }))
    const ports = [0, 0]
    const leaders = metadata(() => ports.map((port, index) => ({ id: index + 1, port })))
    const first = await start(leaders, offsetsOf(100))
    const second = await start(leaders, offsetsOf(200))
    ports[0] = first.port
    ports[1] = second.port
    const client = await clientOf(first)
    const queries = [1, 0].map((partition) => ({ topic: 't', partition, timestamp: -1n }))
    expect((await listOffsets(client, queries)).map(({ offset }) => offset)).toEqual([201, 100])
    expect(second.asked).toEqual([LATEST_API_VERSIONS, 'ListOffsets 11'])
  })

  test('wait for a coordinator that is not there yet', async () => {
    let tries = 0
    const client = await clientOf(
      await start(
        noTopics,
        answer(FindCoordinator, () => {
          const errorCode = ++tries < 3 ? 'COORDINATOR_NOT_AVAILABLE' : 'NONE'
          return {
            coordinators: [
              { key: 'g', nodeId: 4, host: 'h', port: 1, errorCode, errorMessage: null },
            ],
          }
        }),
      ),
    )
    expect(await client.coordinator('g')).toBe(4)
    expect(tries).toBe(3)
  })

  test('open a connection anew when the old one has ended', async () => {
    let isFirst = true
    const broker = await start(
      noTopics,
      answer(DeleteGroups, () => {
        const response = isFirst ? null : { results: [] }
        isFirst = false
        return response
      }),
    )
    const client = await clientOf(broker)
    const ask = () => client.request(DeleteGroups, { groupsNames: [] })
    await expect(ask()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect(await ask()).toMatchObject({ results: [] })
  })

  test('are not tried again when the error is final', async () => {
    const client = await clientOf(await start(noTopics))
    let tries = 0
    const attempt = (): Promise<never> => {
      tries++
      return Promise.reject(new BrokerError('INVALID_CONFIG', 'It'))
    }
    await expect(client.retry(attempt)).rejects.toMatchObject({ error: 'INVALID_CONFIG' })
    expect(tries).toBe(1)
  })
})

describe('Producing', () => {
  const initialize = answer(InitProducerId, () => ({
    errorCode: 'NONE',
    producerId: 7,
    producerEpoch: 0,
  }))

  test('goes on after a change of leader and a lost answer, with the same sequence numbers', async () => {
    const sequences: number[] = []
    const outcomes = ['NOT_LEADER_OR_FOLLOWER', 'lost', 'NONE', 'NONE']
    const produce = answer(Produce, ({ topicData }) => {
      const batch = topicData[0]!.partitionData[0]!.records!
      sequences.push(batchBaseSequence(batch, 0))
      const outcome = outcomes.shift()!
      if (outcome === 'lost') return null
      const errorCode = outcome
      const { topicId } = topicData[0]!
      const partition = { index: 0, errorCode, baseOffset: batchRecordCount(batch, 0) }
      return { responses: [{ topicId, partitionResponses: [partition] }] }
    })
    const client = await clientOf(await single(initialize, produce))
    const producer = new Producer(client, { topic: 't', codecs })
    expect(await producer.send([record('a'), record('b')])).toEqual([
      { partition: 0, count: 2, baseOffset: 2 },
    ])
    await producer.send([record('c')])
    expect(sequences).toEqual([0, 0, 0, 2])
  })

  test('without idempotence, what may have been written is not sent twice', async () => {
    const produce = answer(Produce, () => null)
    const client = await clientOf(await single(produce))
    const producer = new Producer(client, { topic: 't', codecs, acks: 'leader' })
    await expect(producer.send([record('a')])).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  })
})

describe('Reading', () => {
  const aborted = { producerId: 5, producerEpoch: 0, isTransactional: true }
  const marker = (baseOffset: number, type: 'ABORT' | 'COMMIT'): Buffer =>
    buildBatch(
      {
        ...aborted,
        baseOffset,
        isControl: true,
        records: [
          { timestamp: 1, ...encodeControlRecord({ type, value: { coordinatorEpoch: 0 } }) },
        ],
      },
      codecs,
    )
  const log = Buffer.concat([
    buildBatch({ records: [record('0'), record('1')], compression: 'gzip' }, codecs),
    buildBatch({ ...aborted, baseOffset: 2, baseSequence: 0, records: [record('2')] }, codecs),
    marker(3, 'ABORT'),
    buildBatch({ ...aborted, baseOffset: 4, baseSequence: 1, records: [record('4')] }, codecs),
    marker(5, 'COMMIT'),
  ])
  const fetched = (errors: string[] = [], bytes = log): Answer =>
    answer(Fetch, ({ topics }) => ({
      responses: topics.map(({ topicId }) => ({
        topicId,
        partitions: [
          {
            partitionIndex: 0,
            errorCode: errors.shift() ?? 'NONE',
            highWatermark: 6,
            abortedTransactions: [{ producerId: 5, firstOffset: 2 }],
            // The rest of a batch that didn't fit.
            records: Buffer.concat([bytes, bytes.subarray(0, 30)]),
          },
        ],
      })),
    }))
  const read = async (
    offset: number,
    options: object,
    errors: string[] = [],
  ): Promise<string[]> => {
    const client = await clientOf(await single(fetched(errors)))
    const assignments = [{ topic: 't', partition: 0, offset, endOffset: 6 }]
    const reader = new PartitionReader(client, assignments, { codecs, ...options })
    const [result] = await reader.poll()
    expect(reader.isDone).toBe(true)
    expect(reader.positions).toEqual([{ topic: 't', partition: 0, offset: 6 }])
    return result!.records.map(({ value }) => value!.toString())
  }

  test('leaves out markers, what is before the offset, and half a batch', async () => {
    expect(await read(1, {})).toEqual(['1', '2', '4'])
  })

  test('leaves out what was aborted, when only what is committed is wanted', async () => {
    expect(await read(0, { isolationLevel: 'read_committed' })).toEqual(['0', '1', '4'])
  })

  test('ends at a batch whose checksum is wrong, and says where, after what is before it', async () => {
    const lastBytes = marker(5, 'COMMIT').length
    const damaged = Buffer.from(log)
    damaged[log.length - 1]! ^= 1
    const client = await clientOf(await single(fetched([], damaged)))
    const assignments = [{ topic: 't', partition: 0, offset: 1, endOffset: 6 }]
    const reader = new PartitionReader(client, assignments, { codecs })
    const [result] = await reader.poll()
    expect(result!.records.map(({ value }) => value!.toString())).toEqual(['1', '2', '4'])
    expect(reader.positions).toEqual([{ topic: 't', partition: 0, offset: 5 }])
    const atIt = new PartitionReader(
      await clientOf(await single(fetched([], damaged.subarray(-lastBytes)))),
      [{ topic: 't', partition: 0, offset: 5, endOffset: 6 }],
      { codecs },
    )
    await expect(atIt.poll()).rejects.toThrow('t-0 has a damaged batch at offset 5')
  })

  test('goes on after a change of leader', async () => {
    expect(await read(0, {}, ['NOT_LEADER_OR_FOLLOWER', 'LEADER_NOT_AVAILABLE'])).toHaveLength(4)
  })
})
