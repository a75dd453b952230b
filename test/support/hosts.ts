import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'

const NAMESPACES = '/run/netns'
/** Files here are put in the place of those of /etc by `ip netns exec`. */
const FILES = '/etc/netns'
const PREFIX = 'ottla-test-'
/** Where a frame to it goes, nobody is. */
const NOBODY = '02:00:00:00:00:01'

const ip = (...args: readonly string[]): void => {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/**
 * Why this machine can have no hosts of ours, or null. That takes Linux, the rights of root, and `ip`, which `.ci/prepare-clients`
 * installs.
 */
export function hostsMissing(): string | null {
  if (process.platform !== 'linux') return 'Linux'
  try {
    ip('-V')
  } catch {
    if (process.env['OTTLA_REQUIRE_CLIENTS'] === '1') throw new Error('ip is not installed')
    return 'ip, of iproute2'
  }
  try {
    new Hosts(['probe']).close()
    return null
  } catch (error) {
    return `the right to make network namespaces: ${(error as Error).message.trim()}`
  }
}

interface Namespace {
  readonly address: string
  /** All by which the others find it. */
  readonly names: readonly string[]
  readonly namespace: string
}

/**
 * Machines, as far as a network goes: each is a network namespace with an address of its own, and a file of the others' names. A
 * bridge connects them, which is in the namespace of the machine that they all run on: from there they are reached, too.
 * Nothing of it is seen outside.
 */
export class Hosts {
  /** The machine that has the others. */
  readonly outer: string
  readonly #run: string
  readonly #hosts = new Map<string, Namespace>()
  /** Those that were removed keep theirs. */
  readonly #numbers = new Map<string, number>()

  /** @throws Error where this machine doesn't allow it */
  constructor(names: readonly string[]) {
    removeAbandoned()
    this.#run = `${PREFIX}${process.pid}-${threadId}-${runs++}`
    this.outer = `${this.#run}-outer`
    try {
      ip('netns', 'add', this.outer)
      mkdirSync(join(FILES, this.outer), { recursive: true })
      this.#within(this.outer, ['link', 'set', 'lo', 'up'])
      this.#within(this.outer, ['link', 'add', 'bridge', 'type', 'bridge'])
      this.#within(this.outer, ['addr', 'add', `${addressOf(1)}/24`, 'dev', 'bridge'])
      this.#within(this.outer, ['link', 'set', 'bridge', 'up'])
      for (const name of names) this.add(name)
    } catch (error) {
      this.close()
      throw error
    }
  }

  #within(namespace: string, args: readonly string[]): void {
    ip('-n', namespace, ...args)
  }

  /** A machine that is new, or one that was removed, with its former address. The others find it by its name. */
  add(name: string, ...more: readonly string[]): void {
    const number = this.#numberOf(name)
    const namespace = `${this.#run}-${name}`
    const [address, port] = [addressOf(number), `port${number}`]
    ip('netns', 'add', namespace)
    mkdirSync(join(FILES, namespace), { recursive: true })
    this.#hosts.set(name, { address, namespace, names: [name, ...more] })
    const peer = ['peer', 'name', 'eth0', 'netns', namespace, 'address', hardwareAddressOf(number)]
    this.#within(this.outer, ['link', 'add', port, 'type', 'veth', ...peer])
    this.#within(this.outer, ['link', 'set', port, 'master', 'bridge', 'up'])
    this.#within(namespace, ['addr', 'add', `${address}/24`, 'dev', 'eth0'])
    this.#within(namespace, ['link', 'set', 'lo', 'up'])
    this.#within(namespace, ['link', 'set', 'eth0', 'up'])
    this.#tellNames()
  }

  #numberOf(name: string): number {
    const number = this.#numbers.get(name) ?? 2 + this.#numbers.size
    this.#numbers.set(name, number)
    return number
  }

  /** The files are written where they are: what runs sees them change. */
  #tellNames(): void {
    const lines = [...this.#hosts.values()].map(
      ({ address, names }) => `${address} ${names.join(' ')}\n`,
    )
    const text = ['127.0.0.1 localhost\n', ...lines].join('')
    for (const { namespace } of this.#hosts.values())
      writeFileSync(join(FILES, namespace, 'hosts'), text)
    writeFileSync(join(FILES, this.outer, 'hosts'), '127.0.0.1 localhost\n')
  }

  #host(name: string): Namespace {
    const host = this.#hosts.get(name)
    if (host === undefined) throw new Error(`there is no host ${name}`)
    return host
  }

  addressOf(name: string): string {
    return this.#host(name).address
  }

  /** What a command begins with that is to run on a host; its process is the command's own. */
  on(name: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.#host(name).namespace]
  }

  /** The same on the machine that has the others. */
  outside(): readonly string[] {
    return ['ip', 'netns', 'exec', this.outer]
  }

  /** Nothing comes to a host any more, and nothing from it. */
  cut(name: string): void {
    this.#within(this.outer, ['link', 'set', this.#portOf(name), 'down'])
  }

  /** Nothing that one host sends comes to another one any more; what the other sends does. */
  cutOneWay(from: string, to: string): void {
    const entry = [this.addressOf(to), 'lladdr', NOBODY, 'dev', 'eth0', 'nud', 'permanent']
    this.#within(this.#host(from).namespace, ['neigh', 'replace', ...entry])
  }

  /** Takes back what was cut of a host. */
  mend(name: string): void {
    this.#within(this.outer, ['link', 'set', this.#portOf(name), 'up'])
    this.#within(this.#host(name).namespace, ['neigh', 'flush', 'nud', 'permanent', 'dev', 'eth0'])
  }

  #portOf(name: string): string {
    return `port${this.#numberOf(name)}`
  }

  /** The network of a host is removed as soon as no process is left that has it, as that of a container. */
  remove(name: string): void {
    removeNamespace(this.#host(name).namespace)
    this.#hosts.delete(name)
    this.#tellNames()
  }

  /** To be called when no process of theirs runs any more. */
  close(): void {
    for (const { namespace } of this.#hosts.values()) removeNamespace(namespace)
    this.#hosts.clear()
    removeNamespace(this.outer)
  }
}

let runs = 0

/** Of a network that nobody else sees. */
const addressOf = (number: number): string => `10.99.0.${number}`
/** As Docker has them, the same again for the same address: others may still know it. */
const hardwareAddressOf = (number: number): string =>
  `02:42:0a:63:00:${number.toString(16).padStart(2, '0')}`

function removeNamespace(namespace: string): void {
  rmSync(join(FILES, namespace), { recursive: true, force: true })
  if (listed().includes(namespace)) ip('netns', 'del', namespace)
}

function listed(): readonly string[] {
  try {
    return readdirSync(NAMESPACES)
  } catch (error) {
    // Nobody has made one on this machine.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Those of runs that were killed. */
function removeAbandoned(): void {
  for (const namespace of listed()) {
    const [, pid] = new RegExp(`^${PREFIX}(\\d+)-`).exec(namespace) ?? []
    if (pid !== undefined && !runsStill(Number(pid))) removeNamespace(namespace)
  }
}

function runsStill(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
