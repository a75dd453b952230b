import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Driver, startDriver } from '../clients/driver.ts'
import { type Program, javascriptProgram } from '../clients/programs.ts'
import { eventually, exited } from '../clients/wait.ts'
import type { BrokerProcess, Ended } from '../support/broker-process.ts'
import { startCommand } from '../support/broker-process.ts'
import { Hosts } from '../support/hosts.ts'
import { type Service, servicesOf } from './compose.ts'

const RELAY = fileURLToPath(new URL('../support/relay.js', import.meta.url))
const KAFKAJS = javascriptProgram('kafkajs')
/** What the image has in this folder is in the repository's. */
const IMAGE = '/ottla/'
/** Where clients are that are other services of the file. */
const NEIGHBOUR = 'neighbour'

/** With its own name for the host, and a volume: `sh -c … NAME VOLUME PATH COMMAND`. What is mounted only this process sees. */
const CONTAINED =
  'hostname "$0" && mount -t tmpfs none "${2%/*}" && mkdir "$2" && mount --bind "$1" "$2" && shift 2 && exec "$@"'

interface DescribedPartition {
  readonly leader: number | null
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
}

interface DescribedTopic {
  readonly name: string
  readonly partitions: readonly DescribedPartition[]
}

/** What runs of a service. */
interface Container {
  readonly process: BrokerProcess
  readonly relay: ChildProcess
}

/**
 * The services of a compose file without an engine: each is a process with a network of its own, as a container has it, with the
 * environment, the command, the volume and the published ports that the file and the image say. On the machine that they
 * all run on, which is a network of its own, too, nothing but their published ports is reached.
 */
export class ComposedCluster {
  readonly hosts: Hosts
  readonly #root: string
  readonly #services = new Map<string, Service>()
  readonly #more: Readonly<Record<string, string>>
  readonly #containers = new Map<string, Container>()
  readonly #drivers: Driver[] = []
  readonly #mounted: string[] = []

  /**
   * @param root where the volumes are
   * @param more environment that all services have besides
   */
  constructor(path: string, root: string, more: Readonly<Record<string, string>> = {}) {
    this.#root = root
    this.#more = more
    for (const service of servicesOf(path)) this.#services.set(service.name, service)
    this.hosts = new Hosts([NEIGHBOUR])
    for (const name of this.names) this.#addHost(name)
  }

  get names(): string[] {
    return [...this.#services.keys()]
  }

  get running(): string[] {
    return [...this.#containers.keys()]
  }

  /** The service that is the node with this id. */
  nameOf(nodeId: number): string {
    const services = [...this.#services.values()]
    return services.find(({ environment }) => environment['KAFKA_NODE_ID'] === `${nodeId}`)!.name
  }

  /** An engine names a container's host by its id, by which others find it, too. */
  #addHost(name: string): void {
    this.hosts.add(name, idOf(name))
  }

  #service(name: string): Service {
    return this.#services.get(name)!
  }

  /** Where the service's node has its log directory: the volume. */
  volumeOf(name: string): string {
    return join(this.#root, this.#service(name).volumes[0]!.volume)
  }

  /** Has a service a disk of its own, of so many bytes, for its volume; before it starts for the first time. */
  limitVolume(name: string, bytes: number): void {
    const volume = this.volumeOf(name)
    mkdirSync(volume, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'none', volume])
    this.#mounted.push(volume)
  }

  /** The process of a service that ends by itself, or has. */
  async ended(name: string): Promise<Ended> {
    const { process, relay } = this.#containers.get(name)!
    const ended = await process.ended()
    this.#containers.delete(name)
    relay.kill('SIGKILL')
    await exited(relay)
    return ended
  }

  #contained(name: string, command: readonly string[]): string[] {
    const { volumes } = this.#service(name)
    const volume = this.volumeOf(name)
    mkdirSync(volume, { recursive: true })
    const inside = command.map((word) =>
      word.startsWith(IMAGE) ? resolve(word.slice(IMAGE.length)) : word,
    )
    const shell = ['unshare', '--uts', '/bin/sh', '-c', CONTAINED, idOf(name)]
    return [...this.hosts.on(name), ...shell, volume, volumes[0]!.path, ...inside]
  }

  #environmentOf(name: string): Record<string, string> {
    return { HOSTNAME: idOf(name), ...this.#service(name).environment, ...this.#more }
  }

  /** Starts services, all at once; resolves when each serves. */
  async start(...names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#start(name)))
  }

  async #start(name: string): Promise<void> {
    const { command, ports } = this.#service(name)
    const address = this.hosts.addressOf(name)
    const published = ports.map(({ port, target }) => `${port}=${address}:${target}`)
    const [program, ...args] = [...this.hosts.outside(), process.execPath, RELAY, ...published]
    const relay = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ready = new Promise((seen) => relay.stdout.once('data', seen))
    const [started] = await Promise.all([
      startCommand(this.#contained(name, command), this.#environmentOf(name)),
      ready,
    ])
    this.#containers.set(name, { process: started, relay })
  }

  /** Resolves when the image's health check has been passed. */
  async isHealthy(name: string): Promise<void> {
    const [program, ...args] = this.#contained(name, this.#service(name).healthCheck)
    const env = {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      ...this.#environmentOf(name),
    }
    const check = () => promisify(execFile)(program!, args, { env }).then(() => true)
    await eventually(check, `${name} to be healthy`)
  }

  processOf(name: string): BrokerProcess {
    return this.#containers.get(name)!.process
  }

  /** Tells containers to stop, all at once; what they ended with. */
  stop(...names: readonly string[]): Promise<Ended[]> {
    return Promise.all(names.map((name) => this.#end(name, 'SIGTERM')))
  }

  /** Kills the process of a service. Its host stays. */
  kill9(name: string): Promise<Ended> {
    return this.#end(name, 'SIGKILL')
  }

  /** Kills a container: as an engine does, its network goes as soon as its process has ended. */
  async remove(name: string): Promise<void> {
    await this.kill9(name)
    this.hosts.remove(name)
  }

  /** Starts a container again that was removed. */
  async add(name: string): Promise<void> {
    this.#addHost(name)
    await this.#start(name)
  }

  #end(name: string, signal: NodeJS.Signals): Promise<Ended> {
    this.processOf(name).kill(signal)
    return this.ended(name)
  }

  /** A client on the machine that has the containers: it knows the published ports alone. */
  outsideClient(program = KAFKAJS): Driver {
    return this.#driver(this.hosts.outside(), program, this.#bootstrap(true))
  }

  /** A client that is another service of the file. */
  insideClient(program = KAFKAJS): Driver {
    return this.#driver(this.hosts.on(NEIGHBOUR), program, this.#bootstrap(false))
  }

  #driver(where: readonly string[], { name, command }: Program, bootstrap: string): Driver {
    const driver = startDriver(name, [...where, ...command], bootstrap)
    this.#drivers.push(driver)
    return driver
  }

  /** What the services advertise, to clients of the machine or to each other. */
  #bootstrap(isOutside: boolean): string {
    const all = [...this.#services.values()].flatMap(({ environment }) =>
      environment['KAFKA_ADVERTISED_LISTENERS']!.split(',').map((url) => url.split('//')[1]!),
    )
    return all.filter((address) => address.startsWith('localhost:') === isOutside).join()
  }

  /** The service whose node is the active controller. */
  async activeController(): Promise<string> {
    const { leaderId } = (await this.#ask('quorum', 'describe')) as { leaderId: number }
    return this.nameOf(leaderId)
  }

  /** The service that leads the first partition of a topic. */
  async leaderOf(topic: string): Promise<string> {
    let leader: number | null = null
    await eventually(async () => {
      ;({ leader } = await this.#firstPartition(topic))
      return leader !== null
    }, `a leader of ${topic}`)
    return this.nameOf(leader!)
  }

  /** Resolves when all that run are in sync with the leader of a topic's first partition. */
  async inSync(topic: string): Promise<void> {
    let found: readonly number[] = []
    await eventually(
      async () => {
        ;({ inSyncReplicas: found } = await this.#firstPartition(topic))
        return found.length === this.running.length
      },
      () => `all to be in sync, not only ${found.join()}`,
    )
  }

  /** Resolves when all that there is has all its replicas in sync. */
  async isWhole(): Promise<void> {
    let lacking: readonly string[] = []
    await eventually(
      async () => {
        const topics = (await this.#ask('topics', 'describe')) as DescribedTopic[]
        const isLacking = ({ inSyncReplicas, replicas }: DescribedPartition): boolean =>
          inSyncReplicas.length < replicas.length
        lacking = topics.filter((topic) => topic.partitions.some(isLacking)).map(({ name }) => name)
        return lacking.length === 0
      },
      () => `all to be in sync, those of ${lacking.join()}, too`,
    )
  }

  /** Makes topics of one partition each, which every node is the first to lead some of. */
  async makeLed(topics: readonly string[]): Promise<void> {
    const ids = [...this.#services.values()].map(({ environment }) => environment['KAFKA_NODE_ID']!)
    for (const [index, topic] of topics.entries()) {
      const replicas = ids.map((_, at) => ids[(index + at) % ids.length]!)
      await this.#ask('topics', 'create', topic, '--assignment', replicas.join(':'))
    }
  }

  /** Resolves when each partition is led by its first replica. */
  async preferredLeaders(): Promise<void> {
    await eventually(async () => {
      await this.#ask('elect', 'preferred')
      const topics = (await this.#ask('topics', 'describe')) as DescribedTopic[]
      const partitions = topics.flatMap((topic) => topic.partitions)
      return partitions.every(({ leader, replicas }) => leader === replicas[0])
    }, 'the first replicas to lead')
  }

  async #firstPartition(topic: string): Promise<DescribedPartition> {
    const [described] = (await this.#ask('topics', 'describe', topic)) as DescribedTopic[]
    return described!.partitions[0]!
  }

  /** What a command says, which is another service of the file. */
  async #ask(...words: readonly string[]): Promise<unknown> {
    const args = [...words, '--json', '-b', this.#bootstrap(false)]
    const command = [...this.hosts.on(NEIGHBOUR), process.execPath, 'bin/ottla', ...args]
    const [program, ...rest] = command
    const { stdout } = await promisify(execFile)(program!, rest)
    return JSON.parse(stdout)
  }

  /** Ends what runs, however it is, and its networks. */
  async close(): Promise<void> {
    await Promise.all(this.#drivers.splice(0).map((driver) => driver.kill9()))
    await Promise.all(this.running.map((name) => this.kill9(name)))
    this.hosts.close()
    for (const volume of this.#mounted.splice(0)) execFileSync('umount', ['--lazy', volume])
  }
}

const idOf = (name: string): string => createHash('sha256').update(name).digest('hex').slice(0, 12)
