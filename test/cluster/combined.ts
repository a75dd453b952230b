import { join } from 'node:path'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import type { BrokerProcess, Ended, Settings } from '../support/broker-process.ts'
import { startProcess } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { answers, ask, format, initialControllers, type Place } from './nodes.ts'

const HOST = '127.0.0.1'
const METADATA = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
export const IDS = [1, 2, 3]

/** Three processes, each a broker and a controller, the voters of one dynamic quorum. */
export class CombinedNodes {
  readonly #root: string
  readonly #ports: readonly number[]
  readonly #more: Settings
  readonly #processes = new Map<number, BrokerProcess>()
  /** How many were killed. */
  deaths = 0

  /** Formatted, and not started. */
  static async make(root: string, more: Settings = {}): Promise<CombinedNodes> {
    const nodes = new CombinedNodes(root, await freePorts(2 * IDS.length), more)
    const initial = initialControllers(nodes.#controllerPorts)
    for (const id of IDS) await format(nodes.settingsOf(id), initial)
    return nodes
  }

  private constructor(root: string, ports: readonly number[], more: Settings) {
    this.#root = root
    this.#ports = ports
    this.#more = more
  }

  get bootstrap(): string {
    return IDS.map((id) => `${HOST}:${this.broker(id).port}`).join()
  }

  get bootstrapController(): string {
    return this.#controllerPorts.map((port) => `${HOST}:${port}`).join()
  }

  get running(): number[] {
    return [...this.#processes.keys()]
  }

  get #controllerPorts(): readonly number[] {
    return this.#ports.slice(IDS.length)
  }

  settingsOf(id: number): Settings {
    const controller = (port: number): string => `${HOST}:${port}`
    return {
      'process.roles': 'broker,controller',
      'node.id': id,
      listeners: `PLAINTEXT://${HOST}:${this.broker(id).port},CONTROLLER://${HOST}:${this.controller(id).port}`,
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.bootstrap.servers': this.#controllerPorts.map(controller).join(),
      'log.dirs': this.directoryOf(id),
      'offsets.topic.replication.factor': 1,
      'offsets.topic.num.partitions': 4,
      'broker.heartbeat.interval.ms': 200,
      // A node that was killed may register again when its session is over.
      'broker.session.timeout.ms': 2000,
      ...this.#more,
    }
  }

  directoryOf(id: number): string {
    return join(this.#root, `node-${id}`)
  }

  /** Where clients find a node. */
  broker(id: number): Place {
    return { host: HOST, port: this.#ports[id - 1]! }
  }

  /** Where controllers find it. */
  controller(id: number): Place {
    return { host: HOST, port: this.#controllerPorts[id - 1]! }
  }

  async start(...ids: readonly number[]): Promise<void> {
    const starting = ids.map(async (id) =>
      this.#processes.set(id, await startProcess(this.settingsOf(id))),
    )
    await Promise.all(starting)
  }

  async kill9(id: number): Promise<void> {
    this.deaths++
    await this.#signal('SIGKILL', [id])
  }

  /** Tells them to stop, all at once; what they ended with. */
  stop(...ids: readonly number[]): Promise<Ended[]> {
    return this.#signal('SIGTERM', ids)
  }

  async #signal(signal: NodeJS.Signals, ids: readonly number[]): Promise<Ended[]> {
    const processes = ids.map((id) => this.#processes.get(id)!)
    for (const id of ids) this.#processes.delete(id)
    for (const each of processes) each.kill(signal)
    return Promise.all(processes.map((each) => each.ended()))
  }

  /** What the quorum looks like to the leader; null where a node doesn't lead, or isn't there. */
  async describe(id: number) {
    try {
      const { topics } = await ask(this.controller(id), DescribeQuorum, { topics: METADATA })
      const partition = topics[0]!.partitions[0]!
      return partition.errorCode === 'NONE' ? partition : null
    } catch {
      return null
    }
  }

  /** Who leads the quorum. */
  async leader(): Promise<number> {
    const found = await answers(
      'a leader',
      async () => {
        for (const id of this.running) if ((await this.describe(id)) !== null) return id
        return null
      },
      (id) => id !== null,
    )
    return found!
  }

  /** All who vote have all that the leader has. */
  async caughtUp(): Promise<void> {
    await answers(
      'level logs',
      async () => this.describe(await this.leader()),
      (partition) => {
        const ends = new Set(partition?.currentVoters.map(({ logEndOffset }) => logEndOffset))
        return ends.size === 1 && ends.has(partition!.highWatermark)
      },
    )
  }
}
