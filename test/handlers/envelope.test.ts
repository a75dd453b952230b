import { codecOf } from '../../protocol/codec.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { CreatePartitions } from '../../protocol/messages/create-partitions.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { Envelope } from '../../protocol/messages/envelope.ts'
import { ResponseHeader, responseHeaderVersion } from '../../protocol/messages/headers.ts'
import type { Api, Encoded, Shape } from '../../protocol/schema.ts'
import { Reader } from '../../protocol/wire/reader.ts'
import { encodePrincipal } from '../../src/security/principal-data.ts'
import { guardedNode } from './test-authorizer.ts'
import { TestNode, requestFrame } from './test-node.ts'

const ALICE = encodePrincipal({ type: 'User', name: 'alice' })
const ADDRESS = Buffer.from([10, 0, 0, 9])
const CORRELATION_ID = 77

const partitions = {
  topics: [{ name: 't', count: 3, assignments: null }],
  timeoutMs: 1000,
  validateOnly: false,
}
const quorum = {
  topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
}

function wrapped<Q extends Shape>(api: Api<Q, Shape>, version: number, body: Encoded<Q>) {
  const header = { correlationId: CORRELATION_ID, clientId: 'admin' }
  return {
    requestData: requestFrame(api, version, header, body),
    requestPrincipal: ALICE,
    clientHostAddress: ADDRESS,
  }
}

function unwrapped<R extends Shape>(api: Api<Shape, R>, version: number, bytes: Buffer | null) {
  const reader = new Reader(bytes!)
  const header = codecOf(ResponseHeader, responseHeaderVersion(api, version)).read(reader)
  const answer = codecOf(api.response, version).read(reader)
  expect([header.correlationId, reader.remaining]).toEqual([CORRELATION_ID, 0])
  return answer
}

describe('Envelope', () => {
  test('answers the request inside as the controller answers it', async () => {
    const node = new TestNode()
    node.controller = () => [{ name: 't', errorCode: 'INVALID_PARTITIONS', errorMessage: 'why' }]
    for (const version of [2, 3]) {
      const envelope = wrapped(CreatePartitions, version, partitions)
      const { errorCode, responseData } = await node.ask(Envelope, 0, envelope)
      expect(errorCode).toBe('NONE')
      expect(unwrapped(CreatePartitions, version, responseData)).toEqual({
        throttleTimeMs: 0,
        results: [{ name: 't', errorCode: 'INVALID_PARTITIONS', errorMessage: 'why' }],
      })
    }
    expect(node.commands).toMatchObject([
      { type: 'createPartitions' },
      { type: 'createPartitions' },
    ])
  })

  test('asks what its client may do, not the broker, by the client’s own address', async () => {
    const { node, authorizer } = await guardedNode()
    authorizer.allows = (operation) => operation === 'CLUSTER_ACTION'
    const envelope = wrapped(CreatePartitions, 3, partitions)
    const { responseData } = await node.ask(Envelope, 0, envelope)
    expect(unwrapped(CreatePartitions, 3, responseData).results).toMatchObject([
      { name: 't', errorCode: 'TOPIC_AUTHORIZATION_FAILED' },
    ])
    expect(authorizer.asked).toEqual([
      {
        principal: { type: 'User', name: 'ANONYMOUS' },
        host: '127.0.0.1',
        question: 'CLUSTER_ACTION CLUSTER kafka-cluster',
      },
      {
        principal: { type: 'User', name: 'alice' },
        host: '10.0.0.9',
        question: 'ALTER TOPIC t',
      },
    ])
  })

  test('is refused as a whole where this isn’t the active controller', async () => {
    const node = new TestNode()
    node.isController = false
    const envelope = wrapped(CreatePartitions, 3, partitions)
    const refused = { errorCode: 'NOT_CONTROLLER', responseData: null }
    expect(await node.ask(Envelope, 0, envelope)).toEqual(refused)
    expect(node.commands).toEqual([])
    // It was one when the request came, and lost its office with it.
    node.isController = true
    node.controller = () => {
      throw Object.assign(new Error('lost'), { code: 'ERR_SHARD_LOST' })
    }
    expect(await node.ask(Envelope, 0, envelope)).toEqual(refused)
    expect(node.commands).toHaveLength(1)
  })

  test('sends the broker on where the quorum is asked of who doesn’t lead it', async () => {
    const node = new TestNode()
    const envelope = wrapped(DescribeQuorum, 2, quorum)
    expect(await node.ask(Envelope, 0, envelope)).toMatchObject({ errorCode: 'NONE' })
    node.quorum = { ...node.quorum, leaderId: 2 }
    expect(await node.ask(Envelope, 0, envelope)).toMatchObject({ errorCode: 'NOT_CONTROLLER' })
  })

  test('takes nothing inside that brokers don’t forward', async () => {
    const node = new TestNode()
    const client = { clientSoftwareName: 'a', clientSoftwareVersion: '1' }
    const inner = wrapped(CreatePartitions, 3, partitions)
    for (const envelope of [wrapped(ApiVersions, 4, client), wrapped(Envelope, 0, inner)]) {
      expect(await node.ask(Envelope, 0, envelope)).toEqual({
        errorCode: 'INVALID_REQUEST',
        responseData: null,
      })
    }
    expect(node.commands).toEqual([])
  })

  test('tells the broker of a request that it can’t read', async () => {
    const node = new TestNode()
    const envelope = wrapped(CreatePartitions, 3, partitions)
    const { requestData } = envelope
    const newer = Buffer.from(requestData)
    newer.writeInt16BE(99, 2)
    const nobodys = Buffer.from(requestData)
    nobodys.writeInt16BE(999, 0)
    for (const unreadable of [newer, nobodys, requestData.subarray(0, 20), Buffer.alloc(3)]) {
      expect(await node.ask(Envelope, 0, { ...envelope, requestData: unreadable })).toEqual({
        errorCode: 'UNSUPPORTED_VERSION',
        responseData: null,
      })
    }
    expect(node.commands).toEqual([])
  })

  test('is refused where its client can’t be made out', async () => {
    const node = new TestNode()
    const envelope = wrapped(CreatePartitions, 3, partitions)
    const errorOf = async (wrong: Partial<typeof envelope> | { requestPrincipal: null }) =>
      (await node.ask(Envelope, 0, { ...envelope, ...wrong })).errorCode
    const noPrincipal = 'PRINCIPAL_DESERIALIZATION_FAILURE'
    expect(await errorOf({ requestPrincipal: null })).toBe(noPrincipal)
    expect(await errorOf({ requestPrincipal: Buffer.from([0]) })).toBe(noPrincipal)
    expect(await errorOf({ requestPrincipal: ALICE.subarray(0, 8) })).toBe(noPrincipal)
    expect(await errorOf({ clientHostAddress: Buffer.alloc(5) })).toBe('INVALID_REQUEST')
    expect(node.commands).toEqual([])
  })
})
