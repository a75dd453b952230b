import type { Random } from '../../host/host.ts'
import { isCordoned } from '../image.ts'
import type { BrokerImage } from '../image.ts'

/** There are not enough brokers for as many replicas. The message is Kafka's. */
export class PlacementError extends Error {
  override readonly name = 'PlacementError'
}

/** Gives the brokers of a list in turn, from a place that moves on with every partition. */
class Turn {
  readonly #brokers: number[]
  readonly #random: Pick<Random, 'below'>
  #index = 0
  #offset = 0
  #round = 0

  constructor(brokers: number[], random: Pick<Random, 'below'>) {
    this.#brokers = brokers.sort((left, right) => left - right)
    this.#random = random
    if (brokers.length > 0) this.#offset = random.below(brokers.length)
  }

  next(round: number): number {
    const count = this.#brokers.length
    if (count === 0) return -1
    if (this.#round !== round) {
      this.#round = round
      this.#index = 0
      this.#offset = (this.#offset + 1) % count
    }
    if (this.#index >= count) return -1
    return this.#brokers[(this.#index++ + this.#offset) % count]!
  }

  shuffle(): void {
    shuffle(this.#brokers, this.#random)
  }
}

interface Rack {
  readonly name: string | null
  readonly unfenced: Turn
  readonly fenced: Turn
}

/**
 * Spreads replicas over racks and brokers in stripes, as Kafka's StripedReplicaPlacer does: the leader is on an unfenced
 * broker, consecutive partitions begin on different racks and brokers, fenced brokers come last within their rack.
 * @returns the replicas of each partition, the preferred leader first
 * @throws PlacementError
 */
export function placeReplicas(
  brokers: Iterable<BrokerImage>,
  partitions: number,
  replicationFactor: number,
  random: Pick<Random, 'below'>,
): number[][] {
  const all = [...brokers].filter((broker) => !broker.inControlledShutdown && !isCordoned(broker))
  const unfenced = all.filter((broker) => !broker.fenced).length
  if (unfenced === 0) throw new PlacementError('All brokers are currently fenced.')
  if (replicationFactor > all.length) {
    throw new PlacementError(
      `The target replication factor of ${replicationFactor} cannot be reached because only ${all.length} broker(s) are registered.`,
    )
  }
  const names = [...new Set(all.map(({ rack }) => rack))].sort(compareRacks)
  const racks = names.map((name): Rack => {
    const inRack = all.filter(({ rack }) => rack === name)
    const ids = (fenced: boolean) =>
      inRack.filter((broker) => broker.fenced === fenced).map(({ id }) => id)
    const turn = (fenced: boolean) => new Turn(ids(fenced), random)
    return { name, fenced: turn(true), unfenced: turn(false) }
  })
  const stripes = new Stripes(racks, unfenced, random)
  return Array.from({ length: partitions }, () => stripes.next(replicationFactor))
}

class Stripes {
  readonly #racks: Rack[]
  readonly #unfenced: number
  readonly #random: Pick<Random, 'below'>
  #round = 0
  #offset: number

  constructor(racks: Rack[], unfenced: number, random: Pick<Random, 'below'>) {
    this.#racks = racks
    this.#unfenced = unfenced
    this.#random = random
    this.#offset = random.below(racks.length)
  }

  next(replicationFactor: number): number[] {
    const racks = this.#racks
    // After a turn through all brokers the order is mixed, so that the same ones don't always follow each other.
    if (this.#round === this.#unfenced && this.#unfenced > 1) {
      shuffle(racks, this.#random)
      for (const { fenced, unfenced } of racks) {
        fenced.shuffle()
        unfenced.shuffle()
      }
      this.#round = 0
    }
    const begin = this.#offset % racks.length
    const replicas: number[] = []
    let firstRack = begin
    while (replicas.length === 0) {
      const broker = racks[firstRack]!.unfenced.next(this.#round)
      if (broker >= 0) replicas.push(broker)
      else firstRack = (firstRack + 1) % racks.length
    }
    let at = begin
    let skip = firstRack
    while (replicas.length < replicationFactor) {
      // The leader's rack is passed over once.
      if (at === skip) skip = -1
      else {
        const { unfenced, fenced } = racks[at]!
        let broker = unfenced.next(this.#round)
        if (broker < 0) broker = fenced.next(this.#round)
        if (broker >= 0) replicas.push(broker)
      }
      at = (at + 1) % racks.length
    }
    this.#round++
    this.#offset = begin + 1
    return replicas
  }
}

/** Brokers without a rack first. */
function compareRacks(left: string | null, right: string | null): number {
  if (left === right) return 0
  if (left === null) return -1
  if (right === null) return 1
  return left < right ? -1 : 1
}

function shuffle<Item>(items: Item[], random: Pick<Random, 'below'>): void {
  for (let index = items.length - 1; index > 0; index--) {
    const other = random.below(index + 1)
    const item = items[index]!
    items[index] = items[other]!
    items[other] = item
  }
}
