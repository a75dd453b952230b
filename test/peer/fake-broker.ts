import net from 'node:net'
import { FrameCutter } from '../../src/peer/frames.ts'
import { codecOf } from '../../protocol/codec.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import {
  RequestHeader,
  requestHeaderVersion,
  ResponseHeader,
  responseHeaderVersion,
} from '../../protocol/messages/headers.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import type { AnyApi, Api, Decoded, Shape } from '../../protocol/schema.ts'
import { Reader } from '../../protocol/wire/reader.ts'
import { Writer } from '../../protocol/wire/writer.ts'

/** What a fake broker answers to one API; null hangs up, `SILENCE` says nothing. */
export interface Answer {
  readonly api: AnyApi
  /** The versions that it says it has; all unless given. */
  readonly versions?: readonly [number, number]
  readonly answer: (request: never, version: number) => unknown
}

export const SILENCE = Symbol('silence')

/**
 * Says what to answer to an API, in a body that the codec takes (throttleTimeMs may be missing); null hangs up, `SILENCE`
 * says nothing.
 */
export function answer<Q extends Shape>(
  api: Api<Q, Shape>,
  respond: (request: Decoded<Q>, version: number) => object | null | typeof SILENCE,
  versions?: readonly [number, number],
): Answer {
  const any = { api: api as unknown as AnyApi, answer: respond as Answer['answer'] }
  return versions === undefined ? any : { ...any, versions }
}

export interface FakeBroker {
  readonly port: number
  /** The APIs that were asked for, with their versions: `Metadata 13`. */
  readonly asked: string[]
  /** Ends the connections that there are. */
  endAll(): void
  close(): void
}

/** A broker that answers as it is told, however wrong that is. It answers ApiVersions by itself unless told otherwise. */
export async function fakeBroker(answers: readonly Answer[]): Promise<FakeBroker> {
  const asked: string[] = []
  const sockets = new Set<net.Socket>()
  const all = answers.some(({ api }) => api.key === ApiVersions.key)
    ? answers
    : [...answers, apiVersions(answers)]
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    const frames = new FrameCutter((frame) => {
      const response = respond(all, frame, asked)
      if (response === null) socket.destroy()
      else if (response !== SILENCE) socket.write(response)
    })
    socket.on('data', (bytes: Buffer) => void frames.push(bytes))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as net.AddressInfo).port,
    asked,
    endAll,
    close: () => {
      server.close()
      endAll()
    },
  }
}

export function apiVersions(answers: readonly Answer[]): Answer {
  return answer(ApiVersions, () => ({
    errorCode: 'NONE',
    apiKeys: answers.map(({ api, versions = api.versions }) => ({
      apiKey: api.key,
      minVersion: versions[0],
      maxVersion: versions[1],
    })),
    supportedFeatures: [],
    finalizedFeatures: [],
  }))
}

/** Metadata of a topic `t` whose partitions are led by the brokers given, by their ports. */
export function metadata(leaders: () => readonly { id: number; port: number }[]): Answer {
  return answer(Metadata, () => ({
    brokers: leaders().map(({ id, port }) => ({ nodeId: id, host: '127.0.0.1', port })),
    topics: [
      {
        errorCode: 'NONE',
        name: 't',
        topicId: 'BBBBBBBBBBBBBBBBBBBBBA',
        partitions: leaders().map(({ id }, partitionIndex) => ({
          errorCode: 'NONE',
          partitionIndex,
          leaderId: id,
          replicaNodes: [id],
          isrNodes: [id],
          offlineReplicas: [],
        })),
      },
    ],
  }))
}

function respond(
  answers: readonly Answer[],
  frame: Buffer,
  asked: string[],
): Buffer | null | typeof SILENCE {
  const key = frame.readInt16BE(0)
  const version = frame.readInt16BE(2)
  const found = answers.find(({ api }) => api.key === key)
  if (found === undefined) throw new Error(`Nobody said what to answer to API ${key}`)
  const { api } = found
  asked.push(`${api.name} ${version}`)
  const reader: Reader = new Reader(frame)
  const { correlationId } = codecOf(RequestHeader, requestHeaderVersion(api, version)).read(reader)
  const request = codecOf(api.request, version).read(reader) as never
  const told = found.answer(request, version) as { errorCode?: string } | null | typeof SILENCE
  if (told === null || told === SILENCE) return told
  const body = { throttleTimeMs: 0, ...told }
  // KIP-511: a version of ApiVersions that isn't known is answered in version 0.
  const isRefused = key === ApiVersions.key && body.errorCode === 'UNSUPPORTED_VERSION'
  const responseVersion = isRefused ? 0 : version
  const writer = new Writer()
  const header = codecOf(ResponseHeader, responseHeaderVersion(api, responseVersion))
  header.write(writer, { correlationId })
  codecOf(api.response, responseVersion).write(writer, body)
  const bytes = writer.toBuffer()
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
