import { Raft } from '../../src/quorum/raft.ts'
import type { ElectionState, LogPosition, RaftOutput, Voter } from '../../src/quorum/types.ts'
import { DEFAULT_TIMEOUTS } from '../../src/quorum/types.ts'

/** Numbers from a seed (mulberry32). */
export function seeded(seed: number) {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return { next, below: (limit: number) => Math.floor(next() * limit) }
}

/** One record a batch: its epoch and a value. Eight bytes each in a fetch. */
interface Entry {
  readonly epoch: number
  readonly value: number
}

/** A node without a disk: what is synced survives a crash, the rest does not. */
class SimNode {
  readonly id: number
  readonly voters: readonly Voter[]
  log: Entry[] = []
  synced = 0
  election: ElectionState | null = null
  raft!: Raft
  isUp = false
  pendingSync = false

  constructor(id: number, voters: readonly Voter[]) {
    this.id = id
    this.voters = voters
  }

  boot(random: { below(limit: number): number }): void {
    this.log.length = this.synced
    this.isUp = true
    this.pendingSync = false
    const entries = (): readonly Entry[] => this.log
    this.raft = new Raft({
      self: this.voters.find(({ id }) => id === this.id)!,
      voters: this.voters,
      election: this.election,
      random,
      timeouts: DEFAULT_TIMEOUTS,
      log: {
        startOffset: 0,
        get end() {
          return { offset: entries().length, epoch: entries().at(-1)?.epoch ?? 0 }
        },
        latestSnapshot: null,
        endOfEpoch: (epoch: number): LogPosition => {
          let offset = entries().length
          while (offset > 0 && entries()[offset - 1]!.epoch > epoch) offset--
          return { offset, epoch: entries()[offset - 1]?.epoch ?? 0 }
        },
      },
    })
  }
}

interface Delivery {
  readonly at: number
  readonly run: () => void
}

/**
 * Some nodes, the network between them, and the time, all from one seed: messages are delayed and lost, links are cut,
 * nodes crash and lose what they had not synced. Checks on the way that no epoch has two leaders and that what is
 * committed stays and is the same everywhere.
 */
export class Simulation {
  readonly nodes: SimNode[]
  readonly leaders = new Map<number, number>()
  /** What anybody has seen committed, by offset. */
  readonly committed: Entry[] = []
  now = 0
  lossRate = 0
  readonly #random: ReturnType<typeof seeded>
  readonly #cut = new Set<string>()
  #queue: Delivery[] = []
  #values = 0

  constructor(seed: number, count: number) {
    this.#random = seeded(seed)
    const voters = Array.from({ length: count }, (_, id) => ({
      id,
      directoryId: String(id).repeat(22),
      endpoints: [],
    }))
    this.nodes = voters.map(({ id }) => new SimNode(id, voters))
    for (const node of this.nodes) this.start(node.id)
  }

  start(id: number): void {
    const node = this.nodes[id]!
    node.boot(this.#random)
    this.#do(node, node.raft.start(this.now))
  }

  crash(id: number): void {
    this.nodes[id]!.isUp = false
  }

  isolate(id: number): void {
    for (const { id: other } of this.nodes) this.#cut.add(`${id} ${other}`).add(`${other} ${id}`)
  }

  heal(): void {
    this.#cut.clear()
  }

  leader(): SimNode | undefined {
    const leading = this.nodes.filter(({ isUp, raft }) => isUp && raft.role.name === 'leader')
    return leading.sort((left, right) => right.raft.epoch - left.raft.epoch)[0]
  }

  /** A leader takes a record; its own batch is synced some time later. */
  append(): void {
    const node = this.leader()
    if (node === undefined) return
    node.log.push({ epoch: node.raft.epoch, value: ++this.#values })
    this.#sync(node)
  }

  run(forMs: number): void {
    const until = this.now + forMs
    while (this.now < until) {
      this.#queue.sort((left, right) => left.at - right.at)
      const due = this.nodes.filter(({ isUp }) => isUp)
      const tickAt = Math.min(...due.map(({ raft }) => raft.nextTick()))
      const next = Math.min(until, tickAt, this.#queue[0]?.at ?? Infinity)
      this.now = Math.max(this.now, next)
      if (next >= until) return
      while (this.#queue.length > 0 && this.#queue[0]!.at <= this.now) this.#queue.shift()!.run()
      for (const node of due) {
        if (node.isUp && node.raft.nextTick() <= this.now) {
          this.#do(node, node.raft.tick(this.now))
        }
      }
      // Time passes even where everything happens at once.
      this.now += 0.1
    }
  }

  runUntil(condition: () => boolean, limitMs: number): void {
    const until = this.now + limitMs
    while (!condition()) {
      if (this.now >= until) throw new Error(`Nothing came of it in ${limitMs} ms`)
      this.run(20)
    }
  }

  #later(run: () => void, most: number): void {
    this.#queue.push({ at: this.now + 0.2 + this.#random.next() * most, run })
  }

  #sync(node: SimNode): void {
    const { raft, log } = node
    const upTo = log.length
    this.#later(() => {
      if (!node.isUp || node.raft !== raft) return
      node.synced = Math.max(
        Math.min(upTo, node.log.length),
        Math.min(node.synced, node.log.length),
      )
      this.#do(node, raft.flushed(node.synced, this.now))
    }, 5)
  }

  #do(node: SimNode, output: RaftOutput): void {
    if (output.persist !== null) node.election = output.persist
    if (output.truncateTo !== null) {
      node.log.length = output.truncateTo
      node.synced = Math.min(node.synced, output.truncateTo)
      this.#sync(node)
    }
    if (output.beginEpoch !== null) {
      const { epoch } = output.beginEpoch
      const other = this.leaders.get(epoch)
      if (other !== undefined) throw new Error(`Epoch ${epoch} is led by ${other} and ${node.id}`)
      this.leaders.set(epoch, node.id)
      node.log.push({ epoch, value: 0 })
      this.#sync(node)
    }
    if (output.append !== null) {
      for (let at = 0; at < output.append.length; at += 8) {
        const epoch = output.append.readInt32BE(at)
        node.log.push({ epoch, value: output.append.readInt32BE(at + 4) })
      }
      this.#sync(node)
    }
    for (const { to, message } of output.send) this.#send(node.id, to, message)
    for (const { to, offset } of output.reads) {
      const entries = node.log.slice(offset, offset + 5)
      const bytes = Buffer.alloc(entries.length * 8)
      entries.forEach(({ epoch, value }, index) => {
        bytes.writeInt32BE(epoch, index * 8)
        bytes.writeInt32BE(value, index * 8 + 4)
      })
      this.#send(node.id, to, node.raft.fetchReplyFor(entries.length === 0 ? null : bytes))
    }
    if (output.commit !== null) this.#check(node, output.commit)
  }

  #send(from: number, to: number, message: Parameters<Raft['receive']>[1]): void {
    if (this.#cut.has(`${from} ${to}`) || this.#random.next() < this.lossRate) return
    // A follower that has everything is not answered at once, as with Kafka's maximum wait.
    const idle = message.type === 'fetchReply' && message.records === null ? 40 : 4
    this.#later(() => {
      const node = this.nodes[to]!
      if (node.isUp) this.#do(node, node.raft.receive(from, message, this.now))
    }, idle)
  }

  #check(node: SimNode, upTo: number): void {
    for (let offset = 0; offset < upTo; offset++) {
      const mine = node.log[offset]
      const known = this.committed[offset]
      if (mine === undefined)
        throw new Error(`Node ${node.id} committed ${offset} without having it`)
      if (known === undefined) this.committed[offset] = mine
      else if (known.epoch !== mine.epoch || known.value !== mine.value) {
        throw new Error(`Node ${node.id} has something else at ${offset}, which was committed`)
      }
    }
  }

  /** For the scenario's own choices. */
  choose(limit: number): number {
    return this.#random.below(limit)
  }
}
