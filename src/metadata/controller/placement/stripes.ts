import type { Random } from '../../../host/host.ts'
import { isCordoned } from '../../image.ts'
import type { BrokerImage } from '../../image.ts'
import { apart, machineOf } from './machines.ts'

type Chance = Pick<Random, 'below'>
type Machines = ReadonlyMap<number, string>

/** There are not enough brokers for as many replicas. The message is Kafka's. */
export class PlacementError extends Error {
  override readonly name = 'PlacementError'
}

/** Gives the brokers of a list in turn, from a place that moves on with every partition. */
class Turn {
  readonly #machines: Machines
  readonly #random: Chance
  #brokers: readonly number[]
  readonly #taken = new Set<number>()
  #offset = 0
  #round = 0

  constructor(brokers: number[], machines: Machines, random: Chance) {
    this.#brokers = apart(
      brokers.sort((left, right) => left - right),
      machines,
    )
    this.#machines = machines
    this.#random = random
    if (brokers.length > 0) this.#offset = random.below(brokers.length)
  }

  /**
   * The next broker that this round has not had; -1 where there is none.
   * @param avoided machines whose brokers are passed over
   */
  next(round: number, avoided: ReadonlySet<string>): number {
    const count = this.#brokers.length
    if (count === 0) return -1
    if (this.#round !== round) {
      this.#round = round
      this.#taken.clear()
      this.#offset = (this.#offset + 1) % count
    }
    for (let step = 0; step < count; step++) {
      const broker = this.#brokers[(this.#offset + step) % count]!
      if (this.#taken.has(broker) || avoided.has(this.#machines.get(broker)!)) continue
      this.#taken.add(broker)
      return broker
    }
    return -1
  }

  shuffle(): void {
    this.#brokers = apart(shuffled(this.#brokers, this.#random), this.#machines)
    this.#taken.clear()
  }
}

interface Rack {
  readonly unfenced: Turn
  readonly fenced: Turn
}

/**
 * Spreads replicas over racks and brokers in stripes, as Kafka's StripedReplicaPlacer does: the leader is on an unfenced
 * broker, consecutive partitions begin on different racks and brokers, fenced brokers come last within their rack. Beyond that
 * no two replicas of a partition are on one machine as long as there are others, racks or none.
 * @returns the replicas of each partition, the preferred leader first
 * @throws PlacementError
 */
export function placeReplicas(
  brokers: Iterable<BrokerImage>,
  partitions: number,
  replicationFactor: number,
  random: Chance,
): number[][] {
  const all = [...brokers].filter((broker) => !broker.inControlledShutdown && !isCordoned(broker))
  const unfenced = all.filter((broker) => !broker.fenced).length
  if (unfenced === 0) throw new PlacementError('All brokers are currently fenced.')
  if (replicationFactor > all.length) {
    throw new PlacementError(
      `The target replication factor of ${replicationFactor} cannot be reached because only ${all.length} broker(s) are registered.`,
    )
  }
  const machines = new Map(all.map((broker) => [broker.id, machineOf(broker)]))
  const names = [...new Set(all.map(({ rack }) => rack))].sort(compareRacks)
  const racks = names.map((name): Rack => {
    const turn = (fenced: boolean): Turn => {
      const inRack = all.filter((broker) => broker.rack === name && broker.fenced === fenced)
      return new Turn(
        inRack.map(({ id }) => id),
        machines,
        random,
      )
    }
    return { fenced: turn(true), unfenced: turn(false) }
  })
  const stripes = new Stripes(racks, machines, unfenced, random)
  return Array.from({ length: partitions }, () => stripes.next(replicationFactor))
}

const NO_MACHINES: ReadonlySet<string> = new Set()

class Stripes {
  #racks: readonly Rack[]
  readonly #machines: Machines
  readonly #unfenced: number
  readonly #random: Chance
  #round = 0
  #offset: number

  constructor(racks: readonly Rack[], machines: Machines, unfenced: number, random: Chance) {
    this.#racks = racks
    this.#machines = machines
    this.#unfenced = unfenced
    this.#random = random
    this.#offset = random.below(racks.length)
  }

  next(replicationFactor: number): number[] {
    // After a turn through all brokers the order is mixed, so that the same ones don't always follow each other.
    if (this.#round === this.#unfenced && this.#unfenced > 1) this.#shuffle()
    const racks = this.#racks
    const begin = this.#offset % racks.length
    const leader = this.#leader(begin)
    const replicas = [leader.broker]
    const used = new Set([this.#machines.get(leader.broker)!])
    let passed = 0
    // The leader's rack is passed over once.
    let skip = leader.rack
    for (let at = begin; replicas.length < replicationFactor; at = (at + 1) % racks.length) {
      if (at === skip) {
        skip = -1
        continue
      }
      const broker = this.#follower(racks[at]!, used)
      if (broker >= 0) {
        replicas.push(broker)
        used.add(this.#machines.get(broker)!)
        passed = 0
      } else if (++passed === racks.length) {
        // All machines have as many: each may have one more.
        used.clear()
        passed = 0
      }
    }
    this.#round++
    this.#offset = begin + 1
    return replicas
  }

  #leader(begin: number): { readonly broker: number; readonly rack: number } {
    const racks = this.#racks
    for (let rack = begin; ; rack = (rack + 1) % racks.length) {
      const broker = racks[rack]!.unfenced.next(this.#round, NO_MACHINES)
      if (broker >= 0) return { broker, rack }
    }
  }

  #follower({ unfenced, fenced }: Rack, avoided: ReadonlySet<string>): number {
    const broker = unfenced.next(this.#round, avoided)
    return broker < 0 ? fenced.next(this.#round, avoided) : broker
  }

  #shuffle(): void {
    this.#racks = shuffled(this.#racks, this.#random)
    for (const { fenced, unfenced } of this.#racks) {
      fenced.shuffle()
      unfenced.shuffle()
    }
    this.#round = 0
  }
}

/** Brokers without a rack first. */
function compareRacks(left: string | null, right: string | null): number {
  if (left === right) return 0
  if (left === null) return -1
  if (right === null) return 1
  return left < right ? -1 : 1
}

function shuffled<Item>(items: readonly Item[], random: Chance): readonly Item[] {
  const mixed = [...items]
  for (let index = mixed.length - 1; index > 0; index--) {
    const other = random.below(index + 1)
    const item = mixed[index]!
    mixed[index] = mixed[other]!
    mixed[other] = item
  }
  return mixed
}
