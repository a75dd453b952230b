import type { Http, Listener, Network, Socket, Tls } from '../host.ts'
import type { Life, Scheduler } from './scheduler.ts'
import { SimSocket, type Ending, type Wire } from './socket.ts'

const LEAST_DELAY_MS = 0.05
const MOST_DELAY_MS = 4
/** How long somebody dials who gets no answer at all. */
const DIAL_MS = 20_000
const FIRST_FREE_PORT = 30_000
const OWN_NAMES = ['localhost', '127.0.0.1', '::1']
const EVERY_ADDRESS = ['', '0.0.0.0', '::']

/** Simulated machines speak in the clear: what TLS does is none of what a simulation is about. */
const NO_TLS: Tls = {
  context: () => fail('ENOTSUP', 'TLS between simulated machines'),
  accept: () => fail('ENOTSUP', 'TLS between simulated machines'),
  connect: () => fail('ENOTSUP', 'TLS between simulated machines'),
}

/** Nor is there anybody who has documents. */
const noHttp = () => fail('ENOTSUP', 'HTTP between simulated machines')
const NO_HTTP: Http = { get: noHttp, post: noHttp }

/** A machine on the network: a kernel that answers for its ports while it has power, whatever its processes do. */
export interface NetworkMachine {
  readonly name: string
  readonly isPowered: boolean
}

interface Listening {
  readonly life: Life
  readonly accept: (socket: Socket) => void
  /** What the kernel has accepted since the life is over: it ends with the port. */
  readonly orphans: SimSocket[]
}

/** From one machine to a port of another one. */
export interface Way {
  readonly from: string
  readonly to: string
  readonly port: number
}

/** The processes at the two ends of a way. */
export interface Lives {
  readonly from: string
  readonly to: string
}

/** Somebody who sees what goes over the network: a checker, say. Lives are those of processes. */
export interface NetworkWatch {
  /** An attempt to connect was in vain. */
  failed(way: Way, outcome: 'refused' | 'silent'): void
  /** An attempt to connect was accepted, by this life if it goes on: whoever has tried has this end of the connection. */
  accepted(way: Way, life: string, end: object): void
  /** Bytes of one life have come to a port of another. */
  arrived(way: Way, connection: object, lives: Lives, bytes: Buffer): void
  /** The other machine has said to one end of a connection to a port that it is over. */
  ended(way: Way, end: object, how: Ending): void
}

/** The network between simulated machines: it delays, cuts (one way too), resets and refuses. */
export class SimNetwork {
  readonly #scheduler: Scheduler
  readonly #machines = new Map<string, NetworkMachine>()
  readonly #listening = new Map<string, Listening>()
  /** By `from to`: nothing arrives on these ways. */
  readonly #cuts = new Set<string>()
  /** Machines that refuse whoever connects. */
  readonly #refusing = new Set<string>()
  readonly #sockets = new Set<SimSocket>()
  #nextPort = FIRST_FREE_PORT
  watch: NetworkWatch | null = null

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  add(machine: NetworkMachine): void {
    this.#machines.set(machine.name, machine)
  }

  /** Whatever is under way or sent later from one machine to the other waits until the way is healed, as TCP repeats it. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from} ${to}`)
  }

  /** The way from one machine to the other is free again. */
  mend(from: string, to: string): void {
    this.#cuts.delete(`${from} ${to}`)
    for (const socket of this.#sockets) socket.wake()
  }

  /** A machine refuses connections from now on, whoever listens there; those that are open go on. */
  refuse(name: string): void {
    this.#refusing.add(name)
  }

  accept(name: string): void {
    this.#refusing.delete(name)
  }

  /** All connections between a machine and others break, for both sides. */
  break(name: string): void {
    for (const socket of [...this.#sockets]) if (socket.isBetween(name)) socket.reset()
  }

  heal(): void {
    this.#cuts.clear()
    this.#refusing.clear()
    for (const socket of this.#sockets) socket.wake()
  }

  /** One of the connections breaks, for both sides; false where there is none. */
  resetOne(): boolean {
    const open = [...this.#sockets]
    if (open.length === 0) return false
    open[this.#scheduler.random.below(open.length)]!.reset()
    return true
  }

  /**
   * A life's ports and connections are gone. The kernel tells its peers where the machine still has power; else they
   * learn of it when they send something and the machine has come back.
   * @param portsMs the kernel closes the ports so much later than the connections
   */
  end(life: Life, isPowered: boolean, portsMs = 0): void {
    for (const [key, listening] of this.#listening) {
      if (listening.life !== life) continue
      const close = (): void => this.#closePort(key, listening)
      if (portsMs === 0) close()
      else this.#scheduler.after(portsMs, `port ${key} closes`, close)
    }
    for (const socket of this.#sockets) if (socket.life === life) socket.die(isPowered)
  }

  #closePort(key: string, listening: Listening): void {
    if (this.#listening.get(key) === listening) this.#listening.delete(key)
    for (const socket of listening.orphans.splice(0)) socket.die(true)
  }

  /** The network as one life of a machine's process sees it. */
  of(machine: NetworkMachine, life: Life): Network {
    return {
      hostName: machine.name,
      listen: (host, port, accept) => this.#listen(machine, life, host, port, accept),
      connect: (host, port) => this.#connect(machine, life, host, port),
      tls: NO_TLS,
      http: NO_HTTP,
    }
  }

  #listen(
    machine: NetworkMachine,
    life: Life,
    host: string,
    wanted: number,
    accept: (socket: Socket) => void,
  ): Promise<Listener> {
    const port = wanted === 0 ? this.#nextPort++ : wanted
    const key = `${machine.name}:${port}`
    return this.#settle(life, 'listen', () => {
      if (!isOwn(machine, host) && !EVERY_ADDRESS.includes(host)) {
        throw errorOf('EADDRNOTAVAIL', `listen ${host}:${port}`)
      }
      const before = this.#listening.get(key)
      // Whoever starts a process anew waits for the end of the one before.
      if (before?.life.isOver === true) this.#closePort(key, before)
      else if (before !== undefined) throw errorOf('EADDRINUSE', `listen ${host}:${port}`)
      const listening = { life, accept, orphans: [] }
      this.#listening.set(key, listening)
      const close = (): Promise<void> =>
        this.#settle(life, 'stop listening', () => {
          if (this.#listening.get(key) === listening) this.#listening.delete(key)
        })
      return { host, port, close }
    })
  }

  #connect(machine: NetworkMachine, life: Life, host: string, port: number): Promise<Socket> {
    const target = isOwn(machine, host) ? machine : this.#machines.get(host)
    const what = `connect ${host}:${port}`
    if (target === undefined) return this.#settle(life, what, () => fail('ENOTFOUND', what))
    return new Promise((resolve, reject) => {
      const later = (delayMs: number, run: () => void): void =>
        void this.#scheduler.after(delayMs, what, run, life)
      const giveUp = (): void => reject(errorOf('ETIMEDOUT', what))
      const way = { from: machine.name, to: target.name, port }
      later(this.#delay(), () => {
        if (this.#isSilent(machine, target)) {
          this.watch?.failed(way, 'silent')
          return later(DIAL_MS, giveUp)
        }
        const listening = this.#listening.get(`${target.name}:${port}`)
        const back = this.#delay()
        const refuses = target !== machine && this.#refusing.has(target.name)
        if (listening === undefined || refuses) {
          this.watch?.failed(way, 'refused')
          const refusal = Object.assign(errorOf('ECONNREFUSED', what), { address: target.name })
          return later(back, () => reject(refusal))
        }
        const [near, far] = this.#pair(machine, life, target, listening.life, port)
        const { isOver } = listening.life
        this.watch?.accepted(way, isOver ? '' : listening.life.name, near)
        // The kernel accepts at once, also for a process that stands still, and for one of which not all is closed yet.
        if (isOver) listening.orphans.push(far)
        else if (this.#scheduler.isPaused(listening.life)) {
          this.#scheduler.after(0, 'accept', () => listening.accept(far), listening.life)
        } else listening.accept(far)
        later(back, () => resolve(near))
      })
    })
  }

  #pair(
    machine: NetworkMachine,
    life: Life,
    target: NetworkMachine,
    targetLife: Life,
    port: number,
  ): [SimSocket, SimSocket] {
    const ownPort = this.#nextPort++
    const near = new SimSocket(this.#scheduler, life, this.#wire(machine, target, port))
    const far = new SimSocket(this.#scheduler, targetLife, this.#wire(target, machine, ownPort))
    const way = { from: machine.name, to: target.name, port }
    const lives = { from: life.name, to: targetLife.name }
    far.look({
      arrived: (bytes) => this.watch?.arrived(way, far, lives, bytes),
      ended: (how) => this.watch?.ended(way, far, how),
    })
    near.look({ arrived: () => undefined, ended: (how) => this.watch?.ended(way, near, how) })
    near.join(far)
    far.join(near)
    this.#sockets.add(near).add(far)
    return [near, far]
  }

  #wire(machine: NetworkMachine, peer: NetworkMachine, peerPort: number): Wire {
    return {
      address: machine.name,
      peerAddress: peer.name,
      peerPort,
      delayMs: () => this.#delay(),
      isCut: () => this.#cuts.has(`${machine.name} ${peer.name}`),
      isPeerPowered: () => peer.isPowered,
      closed: (socket) => void this.#sockets.delete(socket),
    }
  }

  #isSilent(from: NetworkMachine, to: NetworkMachine): boolean {
    const isCut =
      this.#cuts.has(`${from.name} ${to.name}`) || this.#cuts.has(`${to.name} ${from.name}`)
    return isCut || !to.isPowered
  }

  #delay(): number {
    return this.#scheduler.delay(LEAST_DELAY_MS, MOST_DELAY_MS)
  }

  #settle<Result>(life: Life, label: string, work: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#scheduler.after(
        0,
        label,
        () => {
          try {
            resolve(work())
          } catch (error) {
            reject(error as Error)
          }
        },
        life,
      )
    })
  }
}

function isOwn(machine: NetworkMachine, host: string): boolean {
  return host === machine.name || OWN_NAMES.includes(host)
}

function errorOf(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code })
}

function fail(code: string, what: string): never {
  throw errorOf(code, what)
}
