import { BrokerConfig } from '../../src/config/broker-config.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { SimMachine } from '../../src/host/sim/machine.ts'
import { SimNetwork } from '../../src/host/sim/network.ts'
import { Scheduler } from '../../src/host/sim/scheduler.ts'
import { LogManager } from '../../src/log/manager.ts'
import { MetadataNode } from '../../src/metadata/node.ts'
import type { PeerListener, Peers } from '../../src/quorum/peers.ts'
import { snapshotPath } from '../../src/quorum/snapshot.ts'
import type { LogPosition, Voter } from '../../src/quorum/types.ts'
import { CLUSTER_ID } from './support.ts'

const ROOT = '/data'
const METADATA = `${ROOT}/__cluster_metadata-0`
const PATIENCE_MS = 60_000
const WAY_MS = 1

export interface QuorumNode {
  readonly id: number
  readonly machine: SimMachine
  readonly node: MetadataNode
  readonly failures: Error[]
}

/** Metadata nodes that are the voters of one quorum, on simulated machines; who is cut off hears and is heard no more. */
export class SimulatedQuorum {
  readonly scheduler = new Scheduler(7)
  readonly nodes: QuorumNode[] = []
  readonly #world = {
    scheduler: this.scheduler,
    network: new SimNetwork(this.scheduler),
    codecs: nodeCodecs(),
  }
  readonly #voters: readonly Voter[]
  readonly #settings: Readonly<Record<string, string>>
  readonly #listeners = new Map<number, PeerListener>()
  readonly #cutOff = new Set<number>()

  /** @param absent so many of the voters are not started */
  static async start(count: number, settings = {}, absent = 0): Promise<SimulatedQuorum> {
    const quorum = new SimulatedQuorum(count, settings)
    for (let id = 1; id <= count - absent; id++) await quorum.startNode(id)
    return quorum
  }

  private constructor(count: number, settings: Readonly<Record<string, string>>) {
    this.#settings = settings
    this.#voters = Array.from({ length: count }, (_, index) => ({
      id: index + 1,
      directoryId: `${index + 1}`.repeat(21) + 'Q',
      endpoints: [{ name: 'CONTROLLER', host: `node${index + 1}`, port: 9093 }],
    }))
  }

  async startNode(id: number): Promise<QuorumNode> {
    const started = this.#start(this.#voters[id - 1]!, new SimMachine(`node${id}`, this.#world))
    await this.resolve(started, 'start')
    return this.nodes.at(-1)!
  }

  cutOff({ id }: QuorumNode): void {
    this.#cutOff.add(id)
  }

  heal(): void {
    this.#cutOff.clear()
  }

  /** The one that is in office, and not cut off. */
  async controller(): Promise<QuorumNode> {
    const find = (): QuorumNode | undefined =>
      this.nodes.find(({ id, node }) => node.isController && !this.#cutOff.has(id))
    await this.until(() => find() !== undefined, 'controller')
    return find()!
  }

  until(condition: () => boolean, what: string): Promise<void> {
    return this.scheduler.until(condition, PATIENCE_MS, what)
  }

  resolve<Result>(promise: Promise<Result>, what: string): Promise<Result> {
    return this.scheduler.resolve(promise, PATIENCE_MS, what)
  }

  async #start({ id, directoryId }: Voter, machine: SimMachine): Promise<void> {
    machine.disk.makeDirectory(METADATA)
    const host = machine.start()
    const codecs = nodeCodecs()
    const failures: Error[] = []
    const logs = LogManager.open({
      host,
      codecs,
      directories: [ROOT],
      onDirectoryFailed: (_directory, error) => void failures.push(error),
    })
    const settings = { 'node.id': id, 'log.dirs': ROOT, ...this.#settings }
    const node = new MetadataNode({
      host,
      codecs,
      logs,
      directory: logs.directories[0]!,
      identity: {
        clusterId: CLUSTER_ID,
        nodeId: id,
        directoryId,
        directoryIds: [directoryId],
        formatted: true,
      },
      config: new BrokerConfig({ settings }),
      incarnationId: directoryId,
      quorum: { voters: this.#voters, peers: this.#peers(id) },
      onFailed: (error) => void failures.push(error),
    })
    this.nodes.push({ id, machine, node, failures })
    await node.open()
  }

  #peers(self: number): Peers {
    return {
      discovers: false,
      listenerName: null,
      endpointOf: (_id, voter) => voter?.endpoints[0] ?? null,
      attach: (listener) => void this.#listeners.set(self, listener),
      send: (to, _voter, request) => {
        this.#pass(self, to, request.type, () => {
          const target = this.nodes.find(({ id }) => id === to)
          target?.node.quorum?.request(request, (reply) => {
            if (reply === null) return
            this.#pass(to, self, reply.type, () => this.#listeners.get(self)?.replied(to, reply))
          })
        })
      },
      kraftVersionsOf: () => Promise.resolve({ min: 0, max: 1 }),
      disconnect: (id) => {
        throw new Error(`Node ${self} does not believe node ${id}`)
      },
      fetchSnapshot: (from, _voter, snapshot) => this.#snapshot(from, self, snapshot),
    }
  }

  async *#snapshot(from: number, to: number, snapshot: LogPosition): AsyncIterable<Buffer> {
    if (!this.#passes(from, to)) throw new Error(`Node ${from} is not reached`)
    const { machine } = this.nodes.find(({ id }) => id === from)!
    yield await Promise.resolve(machine.disk.readFile(snapshotPath(METADATA, snapshot)))
  }

  #pass(from: number, to: number, what: string, arrives: () => void): void {
    this.scheduler.after(WAY_MS, `${from} to ${to}: ${what}`, () => {
      if (this.#passes(from, to)) arrives()
    })
  }

  #passes(from: number, to: number): boolean {
    return !this.#cutOff.has(from) && !this.#cutOff.has(to)
  }
}
