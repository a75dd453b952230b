import { codecOf } from '../../../protocol/codec.ts'
import { ApiVersions } from '../../../protocol/messages/api-versions.ts'
import { Fetch } from '../../../protocol/messages/fetch.ts'
import {
  RequestHeader,
  requestHeaderVersion,
  ResponseHeader,
  responseHeaderVersion,
} from '../../../protocol/messages/headers.ts'
import { Vote } from '../../../protocol/messages/vote.ts'
import type { AnyApi, Encoded, Shape } from '../../../protocol/schema.ts'
import { Reader } from '../../../protocol/wire/reader.ts'
import { Writer } from '../../../protocol/wire/writer.ts'
import type { Host, Socket } from '../../../src/host/host.ts'
import { FrameCutter } from '../../../src/peer/frames.ts'

const API_VERSION = 4

/** What a leader of epoch 6 answers that has nothing new. */
const NOTHING_NEW = {
  errorCode: 'NONE',
  responses: [
    {
      topic: '__cluster_metadata',
      topicId: 'A'.repeat(21) + 'Q',
      partitions: [
        {
          partitionIndex: 0,
          errorCode: 'NONE',
          highWatermark: 0,
          currentLeader: { leaderId: 2, leaderEpoch: 6 },
          abortedTransactions: [],
          records: null,
        },
      ],
    },
  ],
  nodeEndpoints: [],
} as const

/**
 * Listens, says which versions it knows of the APIs with these keys, and which features it offers; refuses every vote, and has
 * nothing new for who fetches.
 * @returns how many connections are open, whenever it is called
 */
export async function fakeController(
  host: Host,
  port: number,
  versions: Readonly<Record<number, readonly [number, number]>>,
  asked: (name: string, version: number) => void,
  supportedFeatures: readonly { name: string; minVersion: number; maxVersion: number }[] = [],
): Promise<() => number> {
  const all = { ...versions, [ApiVersions.key]: [0, API_VERSION] as const }
  const apiKeys = Object.entries(all).map(([apiKey, [minVersion, maxVersion]]) => ({
    apiKey: Number(apiKey),
    minVersion,
    maxVersion,
  }))
  let openCount = 0
  await host.network.listen('other', port, (socket) => {
    openCount++
    const frames = new FrameCutter((frame) => {
      const [key, version] = [frame.readInt16BE(0), frame.readInt16BE(2)]
      if (key === ApiVersions.key) {
        const isKnown = version <= API_VERSION
        const errorCode = isKnown ? 'NONE' : 'UNSUPPORTED_VERSION'
        const body = { errorCode, apiKeys, supportedFeatures } as const
        return answer(socket, ApiVersions, isKnown ? version : 0, frame, body)
      }
      if (key === Fetch.key) {
        asked(Fetch.name, version)
        return answer(socket, Fetch, version, frame, NOTHING_NEW)
      }
      asked(Vote.name, version)
      const partition = { partitionIndex: 0, errorCode: 'NONE', leaderId: -1 } as const
      const partitions = [{ ...partition, leaderEpoch: 6, voteGranted: false }]
      const topics = [{ topicName: '__cluster_metadata', partitions }]
      answer(socket, Vote, version, frame, { errorCode: 'NONE', topics })
    })
    socket.attach({
      data: (bytes) => void frames.push(bytes),
      drain: () => undefined,
      close: () => void openCount--,
    })
  })
  return () => openCount
}

function answer(
  socket: Socket,
  api: typeof Vote | typeof ApiVersions | typeof Fetch,
  version: number,
  frame: Buffer,
  body: object,
): void {
  const reader = new Reader(frame)
  const { correlationId } = codecOf(RequestHeader, requestHeaderVersion(api, version)).read(reader)
  const writer = new Writer()
  codecOf(ResponseHeader, responseHeaderVersion(api, version)).write(writer, { correlationId })
  const { response } = api as unknown as AnyApi
  codecOf(response, version).write(writer, body as Encoded<Shape>)
  const length = Buffer.alloc(4)
  length.writeInt32BE(writer.size)
  socket.write([length, ...writer.chunks()])
}
