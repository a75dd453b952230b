import { codecOf } from '../../../protocol/codec.ts'
import { ApiVersions } from '../../../protocol/messages/api-versions.ts'
import { Fetch } from '../../../protocol/messages/fetch.ts'
import { Metadata } from '../../../protocol/messages/metadata.ts'
import { Produce } from '../../../protocol/messages/produce.ts'
import { Vote } from '../../../protocol/messages/vote.ts'
import type { AnyApi } from '../../../protocol/schema.ts'
import { Reader } from '../../../protocol/wire/reader.ts'
import { encodeRequest } from '../../support/raw-client.ts'
import type { RawClient } from '../../support/raw-client.ts'
import type { BadInput, Told } from './case.ts'
import { batchOf, whether } from './case.ts'

const lengthBefore = (length: number, bytes: Buffer = Buffer.alloc(0)): Buffer => {
  const prefix = Buffer.alloc(4)
  prefix.writeInt32BE(length)
  return Buffer.concat([prefix, bytes])
}

const sends = (name: string, bytes: () => Buffer, log: RegExp): BadInput => ({
  name,
  log,
  ask: (client) => {
    client.sendBytes(bytes())
    return whether(client)
  },
})

const sendsFrame = (name: string, frame: () => Buffer, log?: RegExp): BadInput => ({
  name,
  ...(log === undefined ? {} : { log }),
  ask: (client) => {
    client.sendFrame(frame())
    return whether(client)
  },
})

/** A request header of version 1, with nothing after it. */
const header = (key: number, version: number, clientId = 'raw'): Buffer => {
  const bytes = Buffer.alloc(10)
  bytes.writeInt16BE(key, 0)
  bytes.writeInt16BE(version, 2)
  bytes.writeInt32BE(7, 4)
  bytes.writeInt16BE(clientId.length, 8)
  return Buffer.concat([bytes, Buffer.from(clientId)])
}

const metadata = (): Buffer =>
  encodeRequest(Metadata, 9, { topics: [{ name: 'plain' }], allowAutoTopicCreation: false })

const produce = (): Buffer =>
  encodeRequest(Produce, 9, {
    acks: 1,
    timeoutMs: 1000,
    topicData: [{ name: 'plain', partitionData: [{ index: 0, records: batchOf() }] }],
  })

const cut = (bytes: Buffer, by: number): Buffer => bytes.subarray(0, bytes.length - by)

const lengths: BadInput[] = [
  sends('a frame above socket.request.max.bytes', () => lengthBefore(104_857_601), /104857601/),
  sends('a negative length', () => lengthBefore(-1), /-1/),
  sends('the greatest length', () => lengthBefore(0x7fff_ffff), /2147483647/),
  sends('HTTP', () => Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), /1195725856/),
  sends(
    'TLS',
    () => Buffer.from('16030100a5010000a10303', 'hex'),
    /speaks TLS, which this listener has not/,
  ),
  sends('an empty frame', () => lengthBefore(0), /request of 0 bytes/),
  sendsFrame('a frame of three bytes', () => Buffer.from([0, 3, 0]), /header of 3 bytes/),
  sendsFrame('a header without its client id', () => header(3, 9).subarray(0, 8), /RequestHeader/),
  sendsFrame(
    'a client id longer than the frame',
    () => {
      const bytes = header(3, 1)
      bytes.writeInt16BE(20_000, 8)
      return bytes
    },
    /RequestHeader/,
  ),
]

const unknown = (api: AnyApi, version: number): BadInput =>
  sendsFrame(
    `${api.name} v${version}`,
    () => header(api.key, version),
    new RegExp(`${api.name} v${version}`),
  )

const versions: BadInput[] = [
  sendsFrame('an unknown API', () => header(12_345, 0), /API key 12345/),
  sendsFrame('an API with a negative key', () => header(-1, 0), /API key -1/),
  sendsFrame('an API of controllers', () => encodeRequest(Vote, 2, vote), /API key 52/),
  unknown(Produce as unknown as AnyApi, 2),
  unknown(Produce as unknown as AnyApi, 14),
  unknown(Fetch as unknown as AnyApi, 3),
  unknown(Metadata as unknown as AnyApi, 99),
  unknown(Metadata as unknown as AnyApi, -1),
]

const vote = { clusterId: null, voterId: 1, topics: [] }

/** [KIP-511] */
const apiVersionsTold = async (client: RawClient): Promise<Told> => {
  const frame = await client.nextFrame()
  if (frame === null) return 'closed'
  const reader = new Reader(frame)
  const correlationId = reader.int32()
  const { errorCode, apiKeys } = codecOf(ApiVersions.response, 0).read(reader)
  const own = apiKeys.find(({ apiKey }) => apiKey === ApiVersions.key)
  return {
    correlationId,
    errorCode,
    own: own === undefined ? null : [own.minVersion, own.maxVersion],
    left: reader.remaining,
  }
}

const apiVersions: BadInput[] = [
  {
    name: 'ApiVersions of a version to come',
    ask: (client) => {
      client.sendFrame(Buffer.concat([header(18, 99), Buffer.from('\0what will be')]))
      return apiVersionsTold(client)
    },
  },
  {
    name: 'ApiVersions of a negative version',
    ask: (client) => {
      client.sendFrame(header(18, -1))
      return apiVersionsTold(client)
    },
  },
  ...['', '-java', 'ja va', 'java!'].map((software) => ({
    name: `ApiVersions of a software called "${software}"`,
    ask: async (client: RawClient) => {
      const answer = await client.request(ApiVersions, 3, {
        clientSoftwareName: software,
        clientSoftwareVersion: '1.0',
      })
      return { errorCode: answer.errorCode }
    },
  })),
  // [KIP-1242] The connection stays open: whoever was told asks for the versions again on it.
  ...[
    { what: 'another cluster', meant: { clusterId: 'another', nodeId: 0 } },
    { what: 'a node of no cluster', meant: { nodeId: 0 } },
    { what: 'a cluster and no node', meant: { clusterId: 'another' } },
  ].map(({ what, meant }) => ({
    name: `ApiVersions that means ${what}`,
    ask: async (client: RawClient) => {
      const software = { clientSoftwareName: 'raw', clientSoftwareVersion: '1.0' }
      const { errorCode, apiKeys } = await client.request(ApiVersions, 5, { ...software, ...meant })
      const after = await client.request(ApiVersions, 5, software)
      return { errorCode, apiKeys: apiKeys.length, after: after.errorCode }
    },
  })),
]

const replaced = (bytes: Buffer, at: number, by: number[]): Buffer => {
  bytes.set(by, at < 0 ? bytes.length + at : at)
  return bytes
}

const bodies: BadInput[] = [
  sendsFrame('a request without a body', () => header(3, 1), /MetadataRequest v1/),
  sendsFrame('a body that lacks its last byte', () => cut(metadata(), 1), /MetadataRequest v9/),
  sendsFrame('half a body', () => cut(produce(), 40), /ProduceRequest v9/),
  sendsFrame('a Produce without its last byte', () => cut(produce(), 1), /ProduceRequest v9/),
  sendsFrame(
    'an array of two milliards',
    () => Buffer.concat([header(3, 1), Buffer.from([0x7f, 0xff, 0xff, 0xff])]),
    /MetadataRequest v1/,
  ),
  {
    // Kafka takes any negative length for null, whose length is -1.
    ...sendsFrame(
      'an array of a negative length',
      () => Buffer.concat([header(3, 1), Buffer.from([0xff, 0xff, 0xff, 0xfe])]),
      /MetadataRequest v1/,
    ),
    instead: 'closed',
  },
  sendsFrame(
    'null in place of a name',
    () => Buffer.concat([header(3, 1), Buffer.from([0, 0, 0, 1, 0xff, 0xff])]),
    /MetadataRequest v1/,
  ),
  sendsFrame('a tagged field longer than the frame', () =>
    Buffer.concat([cut(metadata(), 1), Buffer.from([1, 99, 100])]),
  ),
  sendsFrame('an unknown tagged field', () =>
    Buffer.concat([cut(metadata(), 1), Buffer.from([1, 99, 2, 1, 2])]),
  ),
  sendsFrame('bytes after the body', () => Buffer.concat([metadata(), Buffer.from('more')])),
  sendsFrame('a flag that is neither 0 nor 1', () => replaced(metadata(), -4, [7])),
]

export const framing: readonly BadInput[] = [...lengths, ...versions, ...apiVersions, ...bodies]
