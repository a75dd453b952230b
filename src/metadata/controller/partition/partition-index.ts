import { ITEMS_IN_STEP } from '../../../machine/steps.ts'
import type { Steps } from '../../../machine/steps.ts'
import { NO_LEADER } from '../../image.ts'
import type { MetadataImage, PartitionImage, TopicImage } from '../../image.ts'

/** One partition, by its topic's id. */
export interface PartitionPlace {
  readonly topicId: string
  readonly index: number
}

/** Which partitions a broker's coming or going is about, without a look at all the others. */
export interface Partitions {
  /** Those that a broker has a replica of. */
  withReplicaOn(brokerId: number): Iterable<PartitionPlace>
  /** Those that nobody leads. */
  leaderless(): Iterable<PartitionPlace>
  /** Those that are led by another one than the first of their replicas, or by nobody. */
  notPreferred(): Iterable<PartitionPlace>
  isLeader(brokerId: number): boolean
}

type Part = Pick<PartitionImage, 'replicas' | 'leader'>

const NOBODY: Part = { replicas: [], leader: NO_LEADER }

/** The index behind `Partitions`. Whoever has the image tells of each partition that changes. */
export class PartitionIndex implements Partitions {
  readonly #byBroker = new Map<number, PlaceSet>()
  readonly #leaderless = new PlaceSet()
  readonly #notPreferred = new PlaceSet()
  /** How many partitions each broker leads. */
  readonly #leaderships = new Map<number, number>()

  /** The index of a whole image. */
  static *of({ topics }: Pick<MetadataImage, 'topics'>): Steps<PartitionIndex> {
    const made = new PartitionIndex()
    let items = 0
    for (const { id: topicId, partitions } of topics.byId.values()) {
      for (let index = 0; index < partitions.length; index++) {
        made.changed({ topicId, index }, null, partitions[index]!)
        if (++items % ITEMS_IN_STEP === 0) yield
      }
    }
    return made
  }

  withReplicaOn(brokerId: number): Iterable<PartitionPlace> {
    return this.#byBroker.get(brokerId) ?? []
  }

  leaderless(): Iterable<PartitionPlace> {
    return this.#leaderless
  }

  notPreferred(): Iterable<PartitionPlace> {
    return this.#notPreferred
  }

  isLeader(brokerId: number): boolean {
    return this.#leaderships.has(brokerId)
  }

  /** @param before null: it is new */
  changed(place: PartitionPlace, before: Part | null, after: Part): void {
    this.#move(place, before ?? NOBODY, after)
    if (after.leader === NO_LEADER) this.#leaderless.add(place)
    else this.#leaderless.delete(place)
    if (after.leader === after.replicas[0]) this.#notPreferred.delete(place)
    else this.#notPreferred.add(place)
  }

  removed({ id: topicId, partitions }: TopicImage): void {
    for (const { replicas, leader } of partitions) {
      this.#count(leader, -1)
      for (const id of replicas) this.#byBroker.get(id)?.deleteTopic(topicId)
    }
    this.#leaderless.deleteTopic(topicId)
    this.#notPreferred.deleteTopic(topicId)
  }

  #move(place: PartitionPlace, before: Part, after: Part): void {
    if (before.leader !== after.leader) {
      this.#count(before.leader, -1)
      this.#count(after.leader, 1)
    }
    if (before.replicas === after.replicas) return
    for (const id of before.replicas) {
      if (!after.replicas.includes(id)) this.#byBroker.get(id)?.delete(place)
    }
    for (const id of after.replicas) {
      let places = this.#byBroker.get(id)
      if (places === undefined) this.#byBroker.set(id, (places = new PlaceSet()))
      places.add(place)
    }
  }

  #count(leader: number, by: 1 | -1): void {
    if (leader === NO_LEADER) return
    const count = (this.#leaderships.get(leader) ?? 0) + by
    if (count === 0) this.#leaderships.delete(leader)
    else this.#leaderships.set(leader, count)
  }
}

class PlaceSet implements Iterable<PartitionPlace> {
  readonly #topics = new Map<string, Set<number>>()

  add({ topicId, index }: PartitionPlace): void {
    const indexes = this.#topics.get(topicId)
    if (indexes === undefined) this.#topics.set(topicId, new Set([index]))
    else indexes.add(index)
  }

  delete({ topicId, index }: PartitionPlace): void {
    const indexes = this.#topics.get(topicId)
    if (indexes?.delete(index) === true && indexes.size === 0) this.#topics.delete(topicId)
  }

  deleteTopic(topicId: string): void {
    this.#topics.delete(topicId)
  }

  *[Symbol.iterator](): Iterator<PartitionPlace> {
    for (const [topicId, indexes] of this.#topics) {
      for (const index of indexes) yield { topicId, index }
    }
  }
}
