import { connect } from 'node:net'
import type { Socket } from 'node:net'
import path from 'node:path'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { handlers } from '../../src/handlers/index.ts'
import { dearestRequests } from '../support/dearest-request.ts'
import type { Known } from '../support/dearest-request.ts'
import { RawClient, SilenceError } from '../support/raw-client.ts'
import { type Broker, prepareBroker, removeAll } from './brokers.ts'
import { Pinger } from './longest-wait.ts'
import { pause } from './processes.ts'
import type { Line } from './report.ts'
import type { StartsOptions } from './starts.ts'

interface At {
  readonly host: string
  readonly port: number
}

const requestBytes = 1_000_000
const answerLimitMs = 5_000
const connectionsWanted = 10_000
const topic = 'known'

/** A topic and a coordinator, so that requests find something. */
const prepare = async (at: At): Promise<Known> => {
  const client = await RawClient.connect(at)
  const asked = {
    name: topic,
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }
  await client.request(CreateTopics, 7, { topics: [asked], timeoutMs: 10_000 })
  const { topics } = await client.request(Metadata, 12, { topics: [{ name: topic }] })
  await client.request(FindCoordinator, 3, { key: 'group', keyType: 0 })
  client.destroy()
  return { topic, topicId: topics[0]!.topicId, group: 'group' }
}

/** Sends one request on a connection of its own and waits for its answer or for the end of the connection. */
const heldMs = async (at: At, frame: Buffer, pinger: Pinger): Promise<number> => {
  const client = await RawClient.connect(at)
  await pinger.longestMs()
  client.sendFrame(frame)
  await client.nextFrame(answerLimitMs).catch((error: Error) => {
    // A broker that waits for something holds nobody up.
    if (!(error instanceof SilenceError)) throw error
  })
  await pause(2)
  client.destroy()
  return pinger.longestMs()
}

interface Worst {
  readonly ms: number
  readonly about: string
}

/** For each API the request that holds the loop longest; what else the machine does is left out by asking again. */
const measureRequests = async (of: StartsOptions, at: At, pinger: Pinger): Promise<Worst> => {
  const known = await prepare(at)
  let worst: Worst = { ms: 0, about: '' }
  for (const { api, versions, maxCostBytes } of handlers) {
    let worstOfApi: Worst = { ms: 0, about: api.name }
    for (const version of new Set(versions)) {
      // As much as is allowed, and a whole megabyte, which may be refused.
      for (const most of [maxCostBytes, Infinity]) {
        for (const { frame, about } of dearestRequests(api, version, requestBytes, known, most)) {
          let ms = Infinity
          for (let round = 0; round < of.plan.rounds; round += 1) {
            ms = Math.min(ms, await heldMs(at, frame, pinger))
          }
          if (ms > worstOfApi.ms) worstOfApi = { ms, about }
        }
      }
    }
    of.progress(`hostile: ${worstOfApi.ms.toFixed(1)} ms, ${worstOfApi.about}`)
    if (worstOfApi.ms > worst.ms) worst = worstOfApi
  }
  return worst
}

const open = (at: At): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(at)
    socket.once('error', reject).once('connect', () => resolve(socket.off('error', reject)))
  })

/** Connections that say nothing, and as many that have begun a large request and don't go on. */
const measureConnections = async (at: At, broker: Broker): Promise<number> => {
  const begun = Buffer.alloc(100)
  begun.writeInt32BE(requestBytes)
  const sockets: Socket[] = []
  try {
    while (sockets.length < connectionsWanted) {
      const some = await Promise.all(Array.from({ length: 100 }, () => open(at)))
      for (const [index, socket] of some.entries()) {
        socket.on('error', () => {})
        if (index % 2 === 0) socket.write(begun)
      }
      sockets.push(...some)
    }
    await pause(2_000)
    return broker.residentBytes() / 1e6
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

/**
 * What clients of bad will can do to others: hold the event loop with requests that cost more than they look, and take
 * memory with connections that say nothing.
 */
export const measureHostile = async (of: StartsOptions): Promise<Line[]> => {
  const lines: Line[] = []
  const line = (work: string, measure: string, most: number, value: number | Error): void => {
    lines.push({
      work,
      measure,
      ottla: value instanceof Error ? null : value,
      kafka: null,
      client: null,
      target: { ottlaAtMost: most },
      failures: value instanceof Error ? [`${work}: ${value.message}`] : [],
    })
  }
  const on = async (name: string, run: (at: At, broker: Broker) => Promise<void>) => {
    const directory = path.join(of.directory, `hostile-${name}`)
    const broker = await prepareBroker('ottla', { ...of.options, directory })
    try {
      await broker.start(0)
      const [host, port] = broker.address.split(':') as [string, string]
      await run({ host, port: Number(port) }, broker)
    } finally {
      await broker.stop()
      await removeAll(directory)
    }
  }
  await on('requests', async (at) => {
    const pinger = new Pinger(at)
    try {
      const { ms, about } = await measureRequests(of, at, pinger)
      line(`the dearest request of 1 MB (${about})`, 'loop held, ms', 50, ms)
    } catch (error) {
      line('the dearest request of 1 MB', 'loop held, ms', 50, error as Error)
    } finally {
      await pinger.end()
    }
  })
  await on('connections', async (at, broker) => {
    const work = '10,000 connections, silent or slow'
    const measured = await measureConnections(at, broker).catch((error: Error) => error)
    line(work, 'resident memory, MB', 300, measured)
  })
  return lines
}
