import { AllocateProducerIds } from '../../../protocol/messages/allocate-producer-ids.ts'
import { AlterConfigs } from '../../../protocol/messages/alter-configs.ts'
import { AlterPartition } from '../../../protocol/messages/alter-partition.ts'
import { AssignReplicasToDirs } from '../../../protocol/messages/assign-replicas-to-dirs.ts'
import { BrokerHeartbeat } from '../../../protocol/messages/broker-heartbeat.ts'
import { BrokerRegistration } from '../../../protocol/messages/broker-registration.ts'
import { CreateTopics } from '../../../protocol/messages/create-topics.ts'
import { IncrementalAlterConfigs } from '../../../protocol/messages/incremental-alter-configs.ts'
import { codecOf } from '../../../protocol/codec.ts'
import { Envelope } from '../../../protocol/messages/envelope.ts'
import type { EnvelopeRequest } from '../../../protocol/messages/envelope.ts'
import {
  RequestHeader,
  ResponseHeader,
  requestHeaderVersion,
  responseHeaderVersion,
} from '../../../protocol/messages/headers.ts'
import type { AnyApi, Shape } from '../../../protocol/schema.ts'
import { Reader } from '../../../protocol/wire/reader.ts'
import { Writer } from '../../../protocol/wire/writer.ts'
import type { ControllerCommand } from '../../../src/metadata/controller/commands.ts'
import { RemoteControllerChannel } from '../../../src/metadata/controller/remote-channel.ts'
import { nodeHost } from '../../../src/host/node.ts'
import { ControllerLink } from '../../../src/peer/controller-link.ts'
import { IN_THE_CLEAR } from '../../../src/peer/security.ts'
import { encodePrincipal } from '../../../src/security/principal-data.ts'
import type { Answer } from '../../peer/fake-broker.ts'
import { answer, fakeBroker } from '../../peer/fake-broker.ts'

const DIRECTORY = 'D'.repeat(21) + 'A'
const TOPIC = 'T'.repeat(21) + 'A'
const identity = { brokerId: 7, brokerEpoch: 12 }
const endPoints = [{ name: 'PLAINTEXT', host: 'h', port: 9092, securityProtocol: 0 }]
const features = [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 33 }]
const directories = [
  { id: DIRECTORY, topics: [{ topicId: TOPIC, partitions: [{ partitionIndex: 3 }] }] },
]
const topic = {
  name: 't',
  numPartitions: -1,
  replicationFactor: -1,
  assignments: [{ partitionIndex: 0, brokerIds: [7] }],
  configs: [{ name: 'retention.ms', value: '1' }],
}
const resource = { resourceType: 2, resourceName: 't' }
const altered = { errorCode: 'INVALID_CONFIG', errorMessage: 'why', ...resource }

const open: { close(): void }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

async function channelTo(answers: readonly Answer[], { timeoutMs = 60_000 } = {}) {
  const broker = await fakeBroker(answers)
  const host = nodeHost({ log: { level: 'silent' } })
  const link = (): ControllerLink => {
    const made = new ControllerLink({
      host: { ...host, security: IN_THE_CLEAR },
      log: host.log,
      metadata: {
        activeController: { id: 1, host: '127.0.0.1', port: broker.port },
        onActiveController: () => () => undefined,
      },
      clientId: '7',
      connectTimeoutMs: 10_000,
      answerTimeoutMs: 10_000,
      retryBackoffMs: 1,
    })
    open.push(made)
    return made
  }
  open.push(broker)
  return new RemoteControllerChannel({
    lifecycle: link(),
    directories: link(),
    partitions: link(),
    others: link(),
    heartbeatTimeoutMs: timeoutMs,
    requestTimeoutMs: timeoutMs,
  })
}

/** What a controller in another process is asked, and what of its answer is told. */
async function exchange(
  command: ControllerCommand,
  answering: (respond: (request: object) => object) => Answer,
  told: object,
): Promise<{ request: object; reply: unknown }> {
  const requests: object[] = []
  const channel = await channelTo([
    answering((request) => {
      requests.push(request)
      return told
    }),
  ])
  const reply = await channel.submit(command)
  expect(requests).toHaveLength(1)
  return { request: requests[0]!, reply }
}

describe("what is asked in a client's name", () => {
  const sender = {
    clientId: 'app',
    requestPrincipal: encodePrincipal({ type: 'User', name: 'alice' }),
    clientHostAddress: Buffer.from([10, 0, 0, 1]),
  }
  const creation = { type: 'createTopics', topics: [topic], validateOnly: false } as const
  const made = { topics: [{ name: 't', errorCode: 'NONE', errorMessage: null }], throttleTimeMs: 0 }

  /** Answers Envelopes, and serves these APIs inside of them. */
  async function enveloping(api: AnyApi, respond: Parameters<typeof answer<Shape>>[1]) {
    return channelTo([answer(Envelope as unknown as AnyApi, respond), answer(api, () => null)])
  }

  test.each([
    ['topics', CreateTopics, creation, made, [{ name: 't', errorCode: 'NONE' }]],
    [
      'settings',
      AlterConfigs,
      { type: 'alterConfigs', resources: [{ ...resource, configs: [] }], validateOnly: true },
      { responses: [altered] },
      [altered],
    ],
    [
      'single settings',
      IncrementalAlterConfigs,
      {
        type: 'incrementalAlterConfigs',
        resources: [{ ...resource, configs: [] }],
        validateOnly: true,
      },
      { responses: [altered] },
      [altered],
    ],
  ] as const)('%s go in an Envelope, and the answer is what is in it', async (...row) => {
    const [, api, command, told, reply] = row
    const seen: object[] = []
    const channel = await enveloping(api as unknown as AnyApi, (envelope, _version) => {
      const { requestData, ...rest } = envelope as unknown as EnvelopeRequest
      const version = requestData.readInt16BE(2)
      const reader = new Reader(requestData)
      const header = codecOf(RequestHeader, requestHeaderVersion(api, version)).read(reader)
      seen.push({ ...rest, clientId: header.clientId, key: header.requestApiKey })
      const writer = new Writer()
      codecOf(ResponseHeader, responseHeaderVersion(api, version)).write(writer, {
        correlationId: header.correlationId,
      })
      codecOf(api.response as never, version).write(writer, told as never)
      return { errorCode: 'NONE', responseData: writer.toBuffer() }
    })
    expect(await channel.submit(command as unknown as ControllerCommand, sender)).toMatchObject(
      reply,
    )
    expect(seen).toEqual([{ ...sender, key: api.key }])
  })

  test('is asked again of another controller, and fails where none takes it from this broker', async () => {
    const answers = ['NOT_CONTROLLER', 'CLUSTER_AUTHORIZATION_FAILED']
    const channel = await enveloping(CreateTopics as unknown as AnyApi, () => ({
      errorCode: answers.shift(),
      responseData: null,
    }))
    await expect(channel.submit(creation, sender)).rejects.toMatchObject({
      code: 'ERR_SHARD_LOST',
      message: expect.stringContaining('CLUSTER_AUTHORIZATION_FAILED') as unknown,
    })
    expect(answers).toEqual([])
  })

  test('fails where its answer is none', async () => {
    const channel = await enveloping(CreateTopics as unknown as AnyApi, () => ({
      errorCode: 'NONE',
      responseData: Buffer.alloc(3),
    }))
    await expect(channel.submit(creation, sender)).rejects.toMatchObject({ code: 'ERR_SHARD_LOST' })
  })
})

describe('the way to a controller in another process', () => {
  test('a registration says all of a broker, and brings its epoch', async () => {
    const registration = {
      brokerId: 7,
      clusterId: 'c',
      incarnationId: TOPIC,
      features,
      rack: 'r',
      logDirs: [DIRECTORY],
      previousBrokerEpoch: 5,
      lacksLock: false,
    }
    const told = { errorCode: 'NONE', brokerEpoch: 30 }
    const { request, reply } = await exchange(
      { type: 'registerBroker', ...registration, endPoints },
      (respond) => answer(BrokerRegistration, respond),
      told,
    )
    expect(request).toEqual({ ...registration, listeners: endPoints, isMigratingZkBroker: false })
    expect(reply).toMatchObject({ ...told, errorMessage: null })
  })

  test('a heartbeat says all of it', async () => {
    const heartbeat = {
      ...identity,
      currentMetadataOffset: 31,
      wantFence: true,
      wantShutDown: false,
      offlineLogDirs: [DIRECTORY],
      cordonedLogDirs: [],
    }
    const told = { errorCode: 'NONE', isCaughtUp: true, isFenced: false, shouldShutDown: true }
    const { request, reply } = await exchange(
      { type: 'brokerHeartbeat', ...heartbeat },
      (respond) => answer(BrokerHeartbeat, respond),
      told,
    )
    expect(request).toEqual(heartbeat)
    expect(reply).toMatchObject(told)
  })

  test('the places of replicas', async () => {
    const partitions = [{ partitionIndex: 3, errorCode: 'UNKNOWN_TOPIC_ID' }]
    const told = [{ id: DIRECTORY, topics: [{ topicId: TOPIC, partitions }] }]
    const { request, reply } = await exchange(
      { type: 'assignReplicasToDirs', ...identity, directories },
      (respond) => answer(AssignReplicasToDirs, respond),
      { errorCode: 'NONE', directories: told },
    )
    expect(request).toEqual({ ...identity, directories })
    expect(reply).toMatchObject({ errorCode: 'NONE', errorMessage: null, directories: told })
  })

  test('who is in sync with a leader, with their broker epochs', async () => {
    const known = { partitionIndex: 3, leaderEpoch: 5, leaderRecoveryState: 0, partitionEpoch: 9 }
    const newIsr = [{ brokerId: 7, brokerEpoch: 12 }]
    const told = {
      partitionIndex: 3,
      errorCode: 'NONE',
      leaderId: 7,
      leaderEpoch: 5,
      isr: [7],
      leaderRecoveryState: 0,
      partitionEpoch: 10,
    }
    const topics = [{ topicId: TOPIC, partitions: [told] }]
    const { request, reply } = await exchange(
      {
        type: 'alterPartition',
        ...identity,
        topics: [{ topicId: TOPIC, partitions: [{ ...known, newIsr }] }],
      },
      (respond) => answer(AlterPartition, respond),
      { errorCode: 'NONE', topics },
    )
    const asked = { ...known, newIsr: [], newIsrWithEpochs: newIsr }
    expect(request).toEqual({ ...identity, topics: [{ topicId: TOPIC, partitions: [asked] }] })
    expect(reply).toMatchObject({ errorCode: 'NONE', errorMessage: null, topics })
  })

  test('producer ids', async () => {
    const told = { errorCode: 'NONE', producerIdStart: 3000, producerIdLen: 1000 }
    const { request, reply } = await exchange(
      { type: 'allocateProducerIds', ...identity },
      (respond) => answer(AllocateProducerIds, respond),
      told,
    )
    expect(request).toEqual(identity)
    expect(reply).toMatchObject(told)
  })

  test('topics that are made without being asked for', async () => {
    const made = { name: 't', topicId: TOPIC, numPartitions: 1, replicationFactor: 1 }
    const told = { ...made, errorCode: 'NONE', errorMessage: null, configs: null }
    const { request, reply } = await exchange(
      { type: 'createTopics', topics: [topic], validateOnly: false },
      (respond) => answer(CreateTopics, respond),
      { topics: [told] },
    )
    expect(request).toEqual({ topics: [topic], timeoutMs: 60_000, validateOnly: false })
    expect(reply).toMatchObject([{ ...made, errorCode: 'NONE', errorMessage: null }])
  })

  test('settings', async () => {
    const configs = [{ name: 'retention.ms', value: '1' }]
    const whole = await exchange(
      { type: 'alterConfigs', resources: [{ ...resource, configs }], validateOnly: true },
      (respond) => answer(AlterConfigs, respond),
      { responses: [altered] },
    )
    expect(whole.request).toEqual({ resources: [{ ...resource, configs }], validateOnly: true })
    expect(whole.reply).toEqual([altered])
    const single = [{ ...configs[0]!, configOperation: 2 }]
    const incremental = await exchange(
      {
        type: 'incrementalAlterConfigs',
        resources: [{ ...resource, configs: single }],
        validateOnly: true,
      },
      (respond) => answer(IncrementalAlterConfigs, respond),
      { responses: [altered] },
    )
    expect(incremental.request).toEqual({
      resources: [{ ...resource, configs: single }],
      validateOnly: true,
    })
    expect(incremental.reply).toEqual([altered])
  })

  test('asks again as long as who has answered isn’t the controller', async () => {
    const asked: string[] = []
    let isController = false
    const refusedOnce = (name: string, yes: object, no: object) => {
      asked.push(name)
      isController = !isController
      return isController ? no : yes
    }
    const error = { errorCode: 'NOT_CONTROLLER', errorMessage: null } as const
    const made = { ...altered, errorCode: 'NONE' }
    const created = { name: 't', topicId: TOPIC, errorMessage: null, configs: null }
    const channel = await channelTo([
      answer(BrokerHeartbeat, () =>
        refusedOnce(
          'heartbeat',
          { errorCode: 'NONE', shouldShutDown: false },
          { ...error, shouldShutDown: false },
        ),
      ),
      answer(CreateTopics, () =>
        refusedOnce(
          'topics',
          { topics: [{ ...created, errorCode: 'NONE' }] },
          { topics: [{ ...created, ...error }] },
        ),
      ),
      answer(AlterConfigs, () =>
        refusedOnce('configs', { responses: [made] }, { responses: [{ ...made, ...error }] }),
      ),
    ])
    const heartbeat = { currentMetadataOffset: 1, wantFence: true, wantShutDown: false }
    await channel.submit({
      type: 'brokerHeartbeat',
      ...identity,
      ...heartbeat,
      offlineLogDirs: [],
      cordonedLogDirs: null,
    })
    const topics = await channel.submit({
      type: 'createTopics',
      topics: [topic],
      validateOnly: false,
    })
    const resources = [{ ...resource, configs: [] }]
    const settings = await channel.submit({ type: 'alterConfigs', resources, validateOnly: false })
    expect([topics, settings]).toMatchObject([[{ errorCode: 'NONE' }], [{ errorCode: 'NONE' }]])
    expect(asked).toEqual(['heartbeat', 'heartbeat', 'topics', 'topics', 'configs', 'configs'])
  })

  test('nobody knows whether it was done where no answer comes in time', async () => {
    const channel = await channelTo([answer(AlterConfigs, () => null)], { timeoutMs: 50 })
    const command = { type: 'alterConfigs', resources: [], validateOnly: false } as const
    await expect(channel.submit(command)).rejects.toMatchObject({ code: 'ERR_COMMIT_TIMEOUT' })
  })

  test('there is none where the controller doesn’t know what is asked, or it isn’t a broker’s to ask', async () => {
    const channel = await channelTo([])
    const lost = { name: 'ShardError', code: 'ERR_SHARD_LOST' }
    const allocation = channel.submit({ type: 'allocateProducerIds', ...identity })
    await expect(allocation).rejects.toMatchObject(lost)
    const deletion = channel.submit({ type: 'deleteTopics', topics: [] })
    await expect(deletion).rejects.toMatchObject(lost)
  })
})
