import { readFileSync } from 'node:fs'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import { UpdateFeatures } from '../../protocol/messages/update-features.ts'
import type { ReceivedResponse } from '../../protocol/schema.ts'
import { nodeHost } from '../../src/host/node.ts'
import { Connection } from '../../src/peer/connection.ts'
import { killAll, startProcess } from '../support/broker-process.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const HOST = '127.0.0.1'
const IDS = [1, 2, 3]
const CLUSTER_ID = 'AAAAAAAAAAAAAAAAAAAACQ'
/** Far above what it takes, for a machine that is busy. */
const PATIENCE_MS = 30_000

const host = nodeHost({ log: { level: 'silent' } })
const options = { clientId: 'test', connectTimeoutMs: 1000, requestTimeoutMs: 10_000 }
type Partition = ReceivedResponse<typeof DescribeQuorum>['topics'][number]['partitions'][number]

/** Controllers in processes of their own. */
class Controllers {
  readonly #ports: readonly number[]
  readonly #directories: readonly string[]
  readonly #processes = new Map<number, BrokerProcess>()

  constructor(ports: readonly number[], directories: readonly string[]) {
    this.#ports = ports
    this.#directories = directories
  }

  async start(id: number): Promise<void> {
    const voters = IDS.map((each) => `${each}@${HOST}:${this.portOf(each)}`)
    const settings = {
      'process.roles': 'controller',
      'node.id': id,
      listeners: `CONTROLLER://${HOST}:${this.portOf(id)}`,
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.voters': voters.join(),
      'log.dirs': this.#directories[id - 1]!,
    }
    const environment = { CLUSTER_ID }
    this.#processes.set(id, await startProcess(settings, { environment }))
  }

  portOf(id: number): number {
    return this.#ports[id - 1]!
  }

  async kill(id: number): Promise<void> {
    const process = this.#processes.get(id)!
    this.#processes.delete(id)
    process.kill('SIGKILL')
    await process.ended()
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
    await until(async () => {
      for (const id of this.running) if ((await this.describe(id)) !== null) leader = id
      return leader !== null
    }, 'a leader')
    return leader!
  }

  /** Changes the metadata at whoever leads by then; a leader that is lost meanwhile is no error. */
  async change(): Promise<void> {
    const update = { feature: 'metadata.version', maxVersionLevel: 33, upgradeType: 1 }
    const body = { timeoutMs: 10_000, featureUpdates: [update], validateOnly: false }
    await until(async () => {
      const address = { host: HOST, port: this.portOf(await this.leader()) }
      try {
        const connection = await Connection.open(host, address, options)
        const { errorCode } = await connection.request(UpdateFeatures, body)
        connection.close()
        if (errorCode !== 'NONE' && errorCode !== 'NOT_CONTROLLER') throw new Error(errorCode)
        return errorCode === 'NONE'
      } catch (error) {
        if ((error as { code?: string }).code === undefined) throw error
        return false
      }
    }, 'a change')
  }

  /** All that run have everything that the leader has. */
  async caughtUp(): Promise<void> {
    await until(async () => {
      const partition = await this.describe(await this.leader())
      const voters = partition?.currentVoters ?? []
      const live = voters.filter(({ replicaId }) => this.running.includes(replicaId))
      const isLevel = new Set(live.map(({ logEndOffset }) => logEndOffset)).size === 1
      return isLevel && partition!.highWatermark === live[0]!.logEndOffset
    }, 'level logs')
  }

  logOf(id: number): Buffer {
    const directory = this.#directories[id - 1]!
    return readFileSync(`${directory}/__cluster_metadata-0/${'0'.repeat(20)}.log`)
  }
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise<void>((resolve) => void host.clock.after(20, resolve))
  }
}

const { make, removeAll } = temporaryDirectories()
afterAll(async () => {
  await killAll()
  removeAll()
})

test('three controllers elect a leader, survive that it is killed, three times, and have one log in the end', async () => {
  const directories = IDS.map(make)
  const controllers = new Controllers(await freePorts(IDS.length), directories)
  await Promise.all(IDS.map((id) => controllers.start(id)))
  await controllers.change()
  for (let round = 0; round < 3; round++) {
    const before = await controllers.leader()
    await controllers.kill(before)
    await controllers.change()
    expect(await controllers.leader()).not.toBe(before)
    await controllers.start(before)
    await controllers.change()
  }
  await controllers.caughtUp()
  const logs = IDS.map((id) => controllers.logOf(id))
  for (const log of logs.slice(1)) expect(log.equals(logs[0]!)).toBe(true)
  // Who led first, its bootstrap records, and seven changes in four epochs at least.
  expect(logs[0]!.length).toBeGreaterThan(500)
}, 120_000)
