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
    }))
  }

  /** As `kafka-storage format --no-initial-controllers` does it: to join a quorum that is there. @returns its directory's id */
  format(id: number, letter = `${id}`): string {
    const host = this.#node(id).machine.start()
    const directoryId = letter.repeat(21) + 'Q'
    writeBootstrap(host, nodeCodecs(), '/data', {
      kraftVersion: 1,
      voters: null,
      features: INITIAL_FEATURES,
    })
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
    await this.does(this.#starting(id), `start of node ${id}`)
  }

  /** For nodes that wait for each other as they start. */
  async startTogether(ids = this.nodes.map(({ id }) => id)): Promise<void> {
    await this.does(Promise.all(ids.map((id) => this.#starting(id))), 'start')
  }

  async #starting(id: number): Promise<void> {
    const node = this.#node(id)
    const settings = {
      'node.id': String(id),
      'log.dirs': '/data',
      'controller.listener.names': 'CONTROLLER',
      ...this.#settings(id),
    }
    const environment = { CLUSTER_ID }
    node.running = await startBroker({ host: node.machine.start(), settings, environment })
  }

  async startAll(): Promise<void> {
    for (const { id } of this.nodes) await this.start(id)
  }

  async stop(id: number): Promise<void> {
    const node = this.#node(id)
    const { running } = node
    node.running = null
    await this.does(running!.close())
    node.machine.kill()
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
      const connection = await Connection.open(this.#client, address, options)
      try {
        return await connection.request(api, body, version === undefined ? {} : { version })
      } finally {
        connection.close()
      }
    }
    return this.does(asking().catch(() => null))
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
    const { disk } = this.#node(id).machine
    const path = '/data/meta.properties'
    const content = disk.exists(path) ? disk.readFile(path).toString() : ''
    return /directory\.id=(\S+)/.exec(content)?.[1] ?? null
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
