import type { Assignment } from './client/assignments.ts'
import { byPlace } from './client/assignments.ts'

/** A broker that may have replicas. */
export interface PlanBroker {
  readonly id: number
  readonly rack: string | null
  /** Where it listens: those that have one host are taken to be on one machine. */
  readonly host: string
}

/** What is to come out of a plan. */
export interface PlanOptions {
  /** Where replicas are to be from now on. */
  readonly brokers: readonly PlanBroker[]
  /** How many each partition is to have; as many as it has unless given. */
  readonly replicationFactor: number | null
}

/** A partition's replicas while they are being planned. */
interface Draft {
  readonly topic: string
  readonly partition: number
  readonly before: readonly number[]
  replicas: number[]
}

/**
 * Where partitions are to go so that the brokers have about as many replicas each, and lead about as many partitions, with the
 * replicas of a partition on different racks where there are some, and on different machines. What can stay stays: a replica that
 * moves is copied.
 * @returns the partitions that change, in the order of topics and numbers; there must be as many brokers as a partition is to have replicas
 */
export function planned(
  current: readonly Assignment[],
  { brokers, replicationFactor }: PlanOptions,
): Assignment[] {
  const loads = new Loads(brokers)
  const drafts = [...current].sort(byPlace).map(({ topic, partition, replicas }): Draft => {
    const factor = replicationFactor ?? replicas.length
    const kept = replicas.filter((id) => loads.has(id)).slice(0, factor)
    for (const id of kept) loads.add(id, 1)
    return { topic, partition, before: replicas, replicas: kept }
  })
  for (const draft of drafts) {
    const factor = replicationFactor ?? draft.before.length
    while (draft.replicas.length < factor) {
      const id = loads.best(draft.replicas)
      draft.replicas.push(id)
      loads.add(id, 1)
    }
  }
  even(drafts, loads)
  lead(drafts, brokers)
  return drafts
    .filter(({ before, replicas }) => before.join() !== replicas.join())
    .map(({ topic, partition, replicas }) => ({ topic, partition, replicas }))
}

/** How many replicas each broker has. */
class Loads {
  readonly #brokers: ReadonlyMap<number, PlanBroker>
  readonly #counts: Map<number, number>

  constructor(brokers: readonly PlanBroker[]) {
    const sorted = [...brokers].sort((left, right) => left.id - right.id)
    this.#brokers = new Map(sorted.map((broker) => [broker.id, broker]))
    this.#counts = new Map(sorted.map(({ id }) => [id, 0]))
  }

  has(id: number): boolean {
    return this.#counts.has(id)
  }

  of(id: number): number {
    return this.#counts.get(id)!
  }

  add(id: number, by: 1 | -1): void {
    this.#counts.set(id, this.of(id) + by)
  }

  /** The ids, those with the fewest replicas first. */
  ascending(): number[] {
    return [...this.#counts.keys()].sort((left, right) => this.of(left) - this.of(right))
  }

  /** The broker that a partition with these replicas is best put on: far from them before all, then who has fewest. */
  best(replicas: readonly number[]): number {
    const free = this.ascending().filter((id) => !replicas.includes(id))
    return free.reduce((best, id) =>
      this.nearness(id, replicas) < this.nearness(best, replicas) ? id : best,
    )
  }

  /** How much may fail with a broker of what these have: 2 for the rack, and 1 for the machine. */
  nearness(id: number, replicas: readonly number[]): number {
    const { rack, host } = this.#brokers.get(id)!
    const others = replicas.map((other) => this.#brokers.get(other)!)
    const inRack = rack !== null && others.some((other) => other.rack === rack)
    const onMachine = others.some((other) => other.host.toLowerCase() === host.toLowerCase())
    return (inRack ? 2 : 0) + (onMachine ? 1 : 0)
  }
}

/** Moves replicas from those who have more to those who have fewer, until none has two more than another that could take one. */
function even(drafts: readonly Draft[], loads: Loads): void {
  while (moveOne(drafts, loads));
}

/** From one of those who have most to one of those who have fewest. @returns whether one could be moved */
function moveOne(drafts: readonly Draft[], loads: Loads): boolean {
  const ascending = loads.ascending()
  for (const from of ascending.toReversed()) {
    for (const to of ascending) {
      if (loads.of(from) - loads.of(to) < 2) break
      const draft = drafts.find((one) => canMove(one, from, to, loads))
      if (draft === undefined) continue
      draft.replicas = draft.replicas.map((id) => (id === from ? to : id))
      loads.add(from, -1)
      loads.add(to, 1)
      return true
    }
  }
  return false
}

/** Whether a replica may go from one broker to another, and no two come into one rack or onto one machine by it that were not. */
function canMove({ replicas }: Draft, from: number, to: number, loads: Loads): boolean {
  if (!replicas.includes(from) || replicas.includes(to)) return false
  const others = replicas.filter((id) => id !== from)
  return loads.nearness(to, others) <= loads.nearness(from, others)
}

/** Has another replica lead where one broker would lead more than its share: that copies nothing. */
function lead(drafts: readonly Draft[], brokers: readonly PlanBroker[]): void {
  const share = Math.ceil(drafts.length / brokers.length)
  const leads = new Map(brokers.map(({ id }) => [id, 0]))
  for (const { replicas } of drafts) leads.set(replicas[0]!, leads.get(replicas[0]!)! + 1)
  for (const draft of drafts) {
    const [leader, ...others] = draft.replicas
    if (leads.get(leader!)! <= share) continue
    const next = others.sort((left, right) => leads.get(left)! - leads.get(right)!)[0]
    if (next === undefined || leads.get(next)! >= share) continue
    draft.replicas = [next, ...draft.replicas.filter((id) => id !== next)]
    leads.set(leader!, leads.get(leader!)! - 1)
    leads.set(next, leads.get(next)! + 1)
  }
}
