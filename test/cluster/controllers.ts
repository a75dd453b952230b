import { execFile } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { UpdateFeatures } from '../../protocol/messages/update-features.ts'
import type { ReceivedResponse } from '../../protocol/schema.ts'
import { nodeHost } from '../../src/host/node.ts'
import { Connection } from '../../src/peer/connection.ts'
import { IN_THE_CLEAR, towards } from '../../src/peer/security.ts'
import { formatApacheController, propertiesText, startApacheNode } from '../interchange/apache.ts'
import { startProcess } from '../support/broker-process.ts'
import { eventually } from '../clients/wait.ts'

const HOST = '127.0.0.1'
export const IDS = [1, 2, 3]
const CLUSTER_ID = 'AAAAAAAAAAAAAAAAAAAACQ'

const host = towards(nodeHost({ log: { level: 'silent' } }), IN_THE_CLEAR)
const options = { clientId: 'test', connectTimeoutMs: 10_000, requestTimeoutMs: 30_000 }
/** What is answered while the lead changes, and by a disk that is busy. */
const NOT_YET = ['NOT_CONTROLLER', 'REQUEST_TIMED_OUT']
const directoryIdOf = (id: number): string => `${id}`.repeat(21) + 'Q'

interface Running {
  kill9(): Promise<void>
}

type Partition = ReceivedResponse<typeof DescribeQuorum>['topics'][number]['partitions'][number]

/** Controllers in processes of their own, the voters of one quorum: a static one until their directories are formatted otherwise. */
export class Controllers {
  readonly #ports: readonly number[]
  readonly #directories: readonly string[]
  #isDynamic = false
  readonly #processes = new Map<number, Running>()

  constructor(ports: readonly number[], directories: readonly string[]) {
    this.#ports = ports
    this.#directories = directories
  }

  async start(id: number): Promise<void> {
    const started = await startProcess(this.#settings(id), { environment: { CLUSTER_ID } })
    this.#processes.set(id, {
      kill9: async () => {
        started.kill('SIGKILL')
        await started.ended()
      },
    })
  }

  /** The same with Apache Kafka in the place of Ottla; what it has logged since it started. */
  async startApache(id: number): Promise<() => string> {
    const settings = { ...this.#settings(id), 'advertised.listeners': this.#listenerOf(id) }
    await formatApacheController(CLUSTER_ID, settings)
    const started = await startApacheNode(settings)
    this.#processes.set(id, started)
    return () => started.tail()
  }

  /** Formats all directories for one dynamic quorum (KIP-853), as `kafka-storage format --initial-controllers` does. */
  async format(): Promise<void> {
    this.#isDynamic = true
    const voters = IDS.map((id) => `${id}@${HOST}:${this.portOf(id)}:${directoryIdOf(id)}`)
    for (const id of IDS) await this.#format(id, '--initial-controllers', voters.join())
  }

  /** Formats directories of static voters: they need not wait for the others to be there. */
  async formatStatic(...ids: readonly number[]): Promise<void> {
    for (const id of ids) await this.#format(id)
  }

  async #format(id: number, ...options: readonly string[]): Promise<void> {
    const path = `${this.#directories[id - 1]!}.properties`
    writeFileSync(path, propertiesText(this.#settings(id)))
    const command = ['bin/ottla', 'storage', 'format', '-t', CLUSTER_ID, '-c', path, ...options]
    await promisify(execFile)(process.execPath, command)
    rmSync(path)
  }

  #quorumSetting(): Record<string, string> {
    const servers = IDS.map((id) => `${HOST}:${this.portOf(id)}`)
    if (this.#isDynamic) return { 'controller.quorum.bootstrap.servers': servers.join() }
    const voters = servers.map((server, index) => `${IDS[index]}@${server}`)
    return { 'controller.quorum.voters': voters.join() }
  }

  #settings(id: number): Record<string, string> {
    return {
      ...this.#quorumSetting(),
      'process.roles': 'controller',
      'node.id': String(id),
      listeners: this.#listenerOf(id),
      'controller.listener.names': 'CONTROLLER',
      'log.dirs': this.#directories[id - 1]!,
      // No record but those of a change: logs that are level stay so while one after the other is read.
      'metadata.max.idle.interval.ms': '0',
    }
  }

  #listenerOf(id: number): string {
    return `CONTROLLER://${HOST}:${this.portOf(id)}`
  }

  portOf(id: number): number {
    return this.#ports[id - 1]!
  }

  async kill(id: number): Promise<void> {
    const process = this.#processes.get(id)!
    this.#processes.delete(id)
    await process.kill9()
  }

  get running(): number[] {
    return [...this.#processes.keys()]
  }

  /** What the quorum looks like to a node that leads; null where it doesn't. */
  async describe(id: number): Promise<Partition | null> {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    try {
      const connection = await Connection.open(host, { host: HOST, port: this.portOf(id) }, options)
      const answer = await connection.request(DescribeQuorum, { topics })
      connection.close()
      const partition = answer.topics[0]?.partitions[0]
      return partition?.errorCode === 'NONE' ? partition : null
    } catch {
      return null
    }
  }

  async leader(): Promise<number> {
    let leader: number | null = null
    await eventually(async () => {
      for (const id of this.running) if ((await this.describe(id)) !== null) leader = id
      return leader !== null
    }, 'a leader')
    return leader!
  }

  /** What the quorum looks like to whoever leads. */
  async described(): Promise<Partition> {
    let partition: Partition | null = null
    await eventually(async () => {
      partition = await this.describe(await this.leader())
      return partition !== null
    }, 'a leader that describes the quorum')
    return partition!
  }

  /** Changes the metadata at whoever leads by then; a leader that is lost meanwhile is no error. */
  async change(): Promise<void> {
    await eventually(async () => {
      const errorCode = await this.#update('metadata.version', 33, false)
      if (errorCode === null || NOT_YET.includes(errorCode)) return false
      if (errorCode !== 'NONE') throw new Error(errorCode)
      return true
    }, 'a change')
  }

  /** All voters have told whoever leads what they know of kraft.version, and which disks they have. */
  async mayRaise(): Promise<void> {
    await eventually(
      async () => (await this.#update('kraft.version', 1, true)) === 'NONE',
      'all voters to tell of themselves',
    )
  }

  /** Null where the leader could not be asked. */
  async #update(
    feature: string,
    maxVersionLevel: number,
    validateOnly: boolean,
  ): Promise<string | null> {
    const featureUpdates = [{ feature, maxVersionLevel, upgradeType: 1 }]
    const body = { timeoutMs: 10_000, featureUpdates, validateOnly }
    const address = { host: HOST, port: this.portOf(await this.leader()) }
    try {
      const connection = await Connection.open(host, address, options)
      const { errorCode } = await connection.request(UpdateFeatures, body)
      connection.close()
      return errorCode
    } catch (error) {
      if ((error as { code?: string }).code === undefined) throw error
      return null
    }
  }

  /** All that run have everything that the leader has. */
  async caughtUp(): Promise<void> {
    await eventually(async () => {
      const partition = await this.describe(await this.leader())
      const voters = partition?.currentVoters ?? []
      const live = voters.filter(({ replicaId }) => this.running.includes(replicaId))
      const isLevel = new Set(live.map(({ logEndOffset }) => logEndOffset)).size === 1
      return isLevel && partition!.highWatermark === live[0]!.logEndOffset
    }, 'level logs')
  }

  /** The id of a node's directory, as that says. */
  directoryOf(id: number): string {
    const properties = readFileSync(`${this.#directories[id - 1]!}/meta.properties`, 'utf8')
    return /^directory\.id=(\S+)/m.exec(properties)![1]!
  }

  logOf(id: number): Buffer {
    const directory = this.#directories[id - 1]!
    return readFileSync(`${directory}/__cluster_metadata-0/${'0'.repeat(20)}.log`)
  }
}
