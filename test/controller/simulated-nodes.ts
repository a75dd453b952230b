import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { batchNextOffset, readBatches } from '../../protocol/records/batch.ts'
import type { Api, Decoded, Encoded, Shape } from '../../protocol/schema.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { SimMachine } from '../../src/host/sim/machine.ts'
import { SimNetwork } from '../../src/host/sim/network.ts'
import { Scheduler } from '../../src/host/sim/scheduler.ts'
import { writeBootstrap } from '../../src/metadata/bootstrap.ts'
import { INITIAL_FEATURES } from '../../src/metadata/features.ts'
import { startBroker } from '../../src/index.ts'
import { Connection } from '../../src/peer/connection.ts'
import { IN_THE_CLEAR, towards } from '../../src/peer/security.ts'

const PATIENCE_MS = 60_000
const PORT = 9093
export const CLUSTER_ID = 'AAAAAAAAAAAAAAAAAAAACQ'

type Running = Awaited<ReturnType<typeof startBroker>>
export type Settings = Readonly<Record<string, string>>

interface SimulatedNode {
  readonly id: number
  readonly machine: SimMachine
  running: Running | null
}

/** Nodes as they ship, on simulated machines with a network between them, and a client's machine beside. */
export class SimulatedNodes {
  readonly scheduler: Scheduler
  readonly nodes: SimulatedNode[]
  /** What all nodes are told as they start; null: they have to agree on one. */
  clusterId: string | null = CLUSTER_ID
  readonly #client
  readonly #settings: (id: number) => Settings

  constructor(count: number, settings: (id: number) => Settings = () => ({}), seed = 7) {
    this.scheduler = new Scheduler(seed)
    const network = new SimNetwork(this.scheduler)
    const world = { scheduler: this.scheduler, network, codecs: nodeCodecs() }
    this.#settings = settings
    this.#client = new SimMachine('client', world).start()
    this.nodes = Array.from({ length: count }, (_, index) => {
      const machine = new SimMachine(`node${index + 1}`, world)
      machine.disk.makeDirectory('/data')
      machine.disk.syncDirectory('/')
      return { id: index + 1, machine, running: null }
    })
  }

  /** Static voters, all of them, that are nothing but controllers. */
  static controllers(count: number): SimulatedNodes {
    const voters = Array.from(
      { length: count },
      (_, index) => `${index + 1}@node${index + 1}:${PORT}`,
    )
    return new SimulatedNodes(count, (id) => ({
      'process.roles': 'controller',
      listeners: `CONTROLLER://node${id}:${PORT}`,
      'controller.quorum.voters': voters.join(),
      // Logs whose ends are looked at stand still.
      'metadata.max.idle.interval.ms': '0',
    }))
  }

  /** As `kafka-storage format --no-initial-controllers` does it: to join a quorum that is there. @returns its directory's id */
  format(id: number, letter = `${id}`): string {
    return this.#format(id, letter, 1)
  }

  /** A directory of a broker, for a cluster. */
  formatFor(id: number, clusterId: string): void {
    const { machine } = this.#node(id)
    const { disk } = machine.start()
    const owner = `cluster.id=${clusterId}\nnode.id=${id}\ndirectory.id=${'b'.repeat(21)}Q\n`
    disk.replaceFile('/data/meta.properties', `version=1\n${owner}`)
    disk.syncDirectory('/data')
    machine.kill()
  }

  /** As `kafka-storage format` does it where controller.quorum.voters names the voters. @returns its directory's id */
  formatStatic(id: number): string {
    return this.#format(id, `${id}`, 0)
  }

  #format(id: number, letter: string, kraftVersion: 0 | 1): string {
    const host = this.#node(id).machine.start()
    const directoryId = letter.repeat(21) + 'Q'
    const features = INITIAL_FEATURES
    writeBootstrap(host, nodeCodecs(), '/data', { kraftVersion, voters: null, features })
    const properties = `version=1\ncluster.id=${CLUSTER_ID}\nnode.id=${id}\ndirectory.id=${directoryId}\n`
    host.disk.replaceFile('/data/meta.properties', properties)
    host.disk.syncDirectory('/data')
    this.#node(id).machine.kill()
    return directoryId
  }

  /** Takes the disk of a node that is not running away, and puts an empty one there. */
  wipe(id: number): void {
    const { machine } = this.#node(id)
    const { disk } = machine.start()
    disk.removeDirectory('/data')
    disk.makeDirectory('/data')
    disk.syncDirectory('/')
    machine.kill()
  }

  async start(id: number): Promise<void> {
    await this.does(this.begin(id), `start of node ${id}`)
  }

  /** For nodes that wait for each other as they start. */
  async startTogether(ids = this.nodes.map(({ id }) => id)): Promise<void> {
    await this.does(Promise.all(ids.map((id) => this.begin(id))), 'start')
  }

  /** For one that may have to wait for others: nothing happens before somebody lets time go by. */
  async begin(id: number): Promise<void> {
    const node = this.#node(id)
    const settings = {
      'node.id': String(id),
      'log.dirs': '/data',
      'controller.listener.names': 'CONTROLLER',
      ...this.#settings(id),
    }
    const environment = this.clusterId === null ? {} : { CLUSTER_ID: this.clusterId }
    node.running = await startBroker({ host: node.machine.start(), settings, environment })
  }

  async startAll(): Promise<void> {
    for (const { id } of this.nodes) await this.start(id)
  }

  stop(id: number): Promise<void> {
    return this.stopTogether([id])
  }

  /** Tells nodes to stop at once. */
  async stopTogether(ids = this.nodes.map(({ id }) => id)): Promise<void> {
    const nodes = ids.map((id) => this.#node(id))
    await this.does(Promise.all(nodes.map(({ running }) => running!.close())), 'stop')
    for (const node of nodes) {
      node.running = null
      node.machine.kill()
    }
  }

  /** The log lines of a node. */
  linesOf(id: number): readonly string[] {
    return this.#node(id).machine.lines
  }

  kill(id: number): void {
    const node = this.#node(id)
    node.running = null
    node.machine.kill()
  }

  does<Result>(promise: Promise<Result>, what = 'step'): Promise<Result> {
    return this.scheduler.resolve(promise, PATIENCE_MS, what)
  }

  /** Asks a node, by its controller listener unless the port is another one; null where it can't be asked. */
  async ask<Q extends Shape, R extends Shape>(
    id: number,
    api: Api<Q, R>,
    body: Encoded<Q>,
    version?: number,
    port = PORT,
  ): Promise<Decoded<R> | null> {
    const asking = async (): Promise<Decoded<R>> => {
      const address = { host: `node${id}`, port }
      const options = { clientId: 'test', connectTimeoutMs: 500, requestTimeoutMs: 2000 }
      const connection = await Connection.open(
        towards(this.#client, IN_THE_CLEAR),
        address,
        options,
      )
      try {
        return await connection.request(api, body, version === undefined ? {} : { version })
      } finally {
        connection.close()
      }
    }
    return this.does(asking().catch(() => null))
  }

  /** Sends bytes to a node's controller listener; resolves when it has closed the connection. */
  async send(id: number, bytes: Buffer): Promise<void> {
    const sent = async (): Promise<void> => {
      const socket = await this.#client.network.connect(`node${id}`, PORT)
      await new Promise<void>((resolve) => {
        socket.attach({ data: () => undefined, drain: () => undefined, close: () => resolve() })
        socket.write([bytes])
      })
    }
    await this.does(sent(), 'the end of a connection')
  }

  /** The one that answers as the leader. */
  async leader(): Promise<number> {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    for (let tries = 0; tries < 500; tries++) {
      for (const { id, running } of this.nodes) {
        if (running === null) continue
        const answer = await this.ask(id, DescribeQuorum, { topics })
        const partition = answer?.topics[0]?.partitions[0]
        if (partition?.errorCode === 'NONE') return id
      }
      await this.pass(20)
    }
    throw new Error('Nobody leads')
  }

  async untilAsked(condition: () => Promise<boolean>, what: string): Promise<void> {
    for (let tries = 0; tries < 500; tries++) {
      if (await condition()) return
      await this.pass(20)
    }
    throw new Error(`Waited in vain for ${what}`)
  }

  /** Lets so much time go by. */
  pass(ms: number): Promise<void> {
    return this.does(new Promise<void>((resolve) => this.scheduler.after(ms, 'pause', resolve)))
  }

  /** Of the node's metadata; null before it is formatted. */
  directoryOf(id: number): string | null {
    return this.#property(id, 'directory.id')
  }

  /** The one that the node's directory says it is of; null before it is formatted. */
  clusterOf(id: number): string | null {
    return this.#property(id, 'cluster.id')
  }

  #property(id: number, name: string): string | null {
    const { disk } = this.#node(id).machine
    const path = '/data/meta.properties'
    const content = disk.exists(path) ? disk.readFile(path).toString() : ''
    return new RegExp(`^${name}=(\\S+)`, 'm').exec(content)?.[1] ?? null
  }

  /** The metadata log of a node, as its bytes. */
  logOf(id: number): Buffer {
    const path = `/data/__cluster_metadata-0/${'0'.repeat(20)}.log`
    const { disk } = this.#node(id).machine
    return disk.exists(path) ? disk.readFile(path) : Buffer.alloc(0)
  }

  endOf(id: number): number {
    let end = 0
    for (const batch of readBatches(this.logOf(id))) end = batchNextOffset(batch, 0)
    return end
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    await this.scheduler.until(condition, PATIENCE_MS, what)
  }

  #node(id: number): SimulatedNode {
    return this.nodes.find((node) => node.id === id)!
  }
}
