import type { ErrorName } from '../../protocol/errors.ts'
import type { Host } from '../host/host.ts'
import type { LogConfig } from '../log/base/config.ts'
import type { Log } from '../log/log.ts'
import { directoryOf, isUnassigned } from '../metadata/image.ts'
import type { PartitionImage, TopicImage, TopicsImage } from '../metadata/image.ts'
import { LogCreation } from './log-creation.ts'
import type { PartitionAssignment } from './partition/assignment.ts'
import type { LeaderServices } from './partition/leader.ts'
import { Partition } from './partition/partition.ts'
import type { TopicSettings } from './partition/settings.ts'

/** What changed in the cluster's metadata. */
export interface TopicChanges {
  /** Topics that are new or have changed partitions, whole. */
  readonly changed: Iterable<TopicImage>
  readonly deleted: Iterable<TopicImage>
}

/** The logs of all directories. */
export interface Logs {
  /** Whether every directory is online. */
  readonly isWhole: boolean
  /** All of them; `id` is null before it was formatted. */
  readonly directories: Iterable<{ readonly id: string | null; readonly failure: Error | null }>
  get(topic: string, partition: number): Log | undefined
  /** The copy on its way to another directory. */
  future(topic: string, partition: number): Log | undefined
  /** In the directory of this id, if it is online. */
  createLog(
    topic: string,
    partition: number,
    topicId: string,
    config: LogConfig,
    directoryId: string,
  ): Promise<Log>
  deleteLog(topic: string, partition: number): void
}

export type ReplicaPlaced = (topicId: string, partition: number, directoryId: string) => void

interface HostedTopic {
  readonly name: string
  readonly id: string
  settings: TopicSettings
  readonly partitions: Map<number, Partition>
}

/** The partitions that this broker hosts: made, changed and removed as the cluster's metadata says. */
export class ReplicaManager {
  readonly #host: Host
  readonly #brokerId: number
  readonly #logs: Logs
  readonly #settingsOf: (topic: string) => TopicSettings
  readonly #onPlaced: ReplicaPlaced
  readonly #topics: () => TopicsImage
  readonly #byName = new Map<string, HostedTopic>()
  readonly #byId = new Map<string, HostedTopic>()
  readonly #removed: ((topic: string, topicId: string) => void)[] = []
  readonly #services: LeaderServices
  readonly #onUpdated: (partition: Partition) => void
  readonly #creation: LogCreation
  /** Changes of partitions whose logs are being cut. */
  readonly #unsettled = new Set<Promise<void>>()
  #isStopping = false

  constructor(options: {
    host: Host
    services: LeaderServices
    logs: Logs
    settingsOf: (topic: string) => TopicSettings
    /** A replica is in another directory than the cluster knows. */
    onPlaced: ReplicaPlaced
    /** All of the cluster: what isn't here may be on another broker. */
    topics: () => TopicsImage
    /** What the cluster has agreed on of a partition has changed, or its log is gone. */
    onUpdated: (partition: Partition) => void
  }) {
    this.#host = options.host
    this.#services = options.services
    this.#brokerId = options.services.brokerId
    this.#onUpdated = options.onUpdated
    this.#logs = options.logs
    this.#settingsOf = options.settingsOf
    this.#onPlaced = options.onPlaced
    this.#topics = options.topics
    this.#creation = new LogCreation({
      log: options.host.log,
      create: async ({ topic: { name, id }, index, assignment }) =>
        this.#logs.createLog(
          name,
          index,
          id,
          this.#settingsOf(name).log,
          directoryOf(assignment, this.#brokerId),
        ),
      remove: (name, index) => this.#logs.deleteLog(name, index),
      created: ({ topic, index, assignment }, log) => this.#adopt(topic, index, assignment, log),
    })
  }

  /** The partition of this name, or the error that a client should see. */
  find(topic: string, index: number): Partition | ErrorName {
    return this.#byName.get(topic)?.partitions.get(index) ?? this.#missing(topic, index)
  }

  /** [KIP-516] By topic id: a topic that was deleted and made again isn't the one that the client means. */
  findById(topicId: string, index: number): Partition | ErrorName {
    const hosted = this.#byId.get(topicId)
    const partition = hosted?.partitions.get(index)
    if (partition !== undefined) return partition
    const topic = this.#topics().byId.get(topicId)
    if (topic !== undefined) return elsewhere(topic, index)
    return hosted === undefined ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
  }

  #missing(name: string, index: number): ErrorName {
    const topic = this.#topics().byName.get(name)
    return topic === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : elsewhere(topic, index)
  }

  *partitions(): Iterable<Partition> {
    for (const { partitions } of this.#byName.values()) yield* partitions.values()
  }

  /** Tells of each topic whose partitions are removed, before they are. */
  onRemoved(listener: (topic: string, topicId: string) => void): void {
    this.#removed.push(listener)
  }

  /**
   * Takes over the logs that were found at start, without touching the disk for them. One that wasn't found, and may be in
   * a directory that isn't here, is offline: made anew it would be empty, and nobody would miss its records. All others are made.
   */
  load(topics: readonly TopicImage[]): Promise<void> {
    for (const topic of topics) {
      for (const [index, assignment] of topic.partitions.entries()) {
        if (!assignment.replicas.includes(this.#brokerId)) continue
        const log = this.#logs.get(topic.name, index)
        if (log !== undefined) this.#adopt(topic, index, assignment, log.isOffline ? null : log)
        else if (this.#isElsewhere(topic, index, assignment)) {
          this.#adopt(topic, index, assignment, null)
        }
      }
    }
    return this.apply({ changed: topics, deleted: [] })
  }

  /** Whether what isn't found here has records somewhere else that would be missed. */
  #isElsewhere({ name }: TopicImage, partition: number, assignment: PartitionImage): boolean {
    const { log } = this.#host
    const directoryId = directoryOf(assignment, this.#brokerId)
    const fields = { topic: name, partition, directoryId }
    if (isUnassigned(directoryId)) {
      if (this.#logs.isWhole) return false
      log.error(
        fields,
        'A partition was not found. It may be in an offline directory: it is offline',
      )
      return true
    }
    const ids = Array.from(this.#logs.directories, ({ id, failure }) => (failure ? null : id))
    if (ids.includes(directoryId)) return false
    // One that isn't in sync gets its records from who is.
    const { isr, eligibleLeaderReplicas, lastKnownElr } = assignment
    const inSync = [...isr, ...eligibleLeaderReplicas, ...lastKnownElr]
    if (this.#logs.isWhole && !inSync.includes(this.#brokerId)) return false
    log.error(fields, "A partition is in a directory that isn't here, or is offline: it is offline")
    return true
  }

  /**
   * Follows a change of the metadata: what is led or deleted is so at once, and what is new is made behind that. A change
   * that can't be followed is told in the log, and stops no other.
   * @returns settles when all that was asked so far is done
   */
  apply({ changed, deleted }: TopicChanges): Promise<void> {
    for (const topic of deleted) this.#attempt(topic, () => this.#remove(topic))
    for (const topic of changed) {
      for (const [index, assignment] of topic.partitions.entries()) {
        this.#attempt(topic, () => this.#follow(topic, index, assignment))
      }
    }
    return this.settled()
  }

  /** Settles when every change so far was followed. */
  async settled(): Promise<void> {
    await this.#creation.settled()
    await Promise.all(this.#unsettled)
  }

  /** Has the partitions that are led here look for followers that have fallen behind. */
  checkLag(): void {
    for (const partition of this.partitions()) partition.checkLag()
  }

  /** A directory failed: its partitions can't be used until a restart. */
  takeOffline(directoryPath: string): void {
    for (const partition of this.partitions()) {
      if (partition.log?.directoryPath === directoryPath) partition.takeOffline()
    }
  }

  /** The broker stops: whoever waits for records is answered with what there is, now and from now on. */
  endWaiting(): void {
    this.#isStopping = true
    for (const partition of this.partitions()) partition.endWaiting()
  }

  /** A topic's settings changed. */
  configure(topic: string): void {
    const hosted = this.#byName.get(topic)
    if (hosted === undefined) return
    hosted.settings = this.#settingsOf(topic)
    for (const { log } of hosted.partitions.values()) log?.updateConfig(hosted.settings.log)
  }

  /** A setting of the broker changed, which topics may inherit. */
  configureAll(): void {
    for (const topic of this.#byName.keys()) this.configure(topic)
  }

  #attempt({ name }: TopicImage, follow: () => void): void {
    try {
      follow()
    } catch (error) {
      this.#host.log.error({ err: error, topic: name }, 'A change of a topic was not followed')
    }
  }

  #follow(topic: TopicImage, index: number, assignment: PartitionAssignment): void {
    const hosted = this.#byId.get(topic.id)
    const partition = hosted?.partitions.get(index)
    if (!assignment.replicas.includes(this.#brokerId)) {
      this.#creation.forget(topic, index)
      if (partition !== undefined) this.#giveUp(hosted!, partition, assignment)
    } else if (partition !== undefined) {
      partition.update(assignment)
      this.#tellPlace(partition)
      const { unsettled } = partition
      if (unsettled === null) return
      this.#unsettled.add(unsettled)
      void unsettled.then(() => this.#unsettled.delete(unsettled))
    } else this.#creation.want({ topic, index, assignment })
  }

  /** Other brokers have the partition from now on: what this one has of it goes. */
  #giveUp(hosted: HostedTopic, partition: Partition, assignment: PartitionAssignment): void {
    const { topic, index } = partition
    hosted.partitions.delete(index)
    // Who waits is told who leads it, and not that it is gone.
    partition.update(assignment)
    partition.delete()
    this.#logs.deleteLog(topic, index)
    this.#host.log.info({ topic, partition: index }, 'A replica was removed')
  }

  #adopt(topic: TopicImage, index: number, assignment: PartitionAssignment, log: Log | null): void {
    let hosted = this.#byId.get(topic.id)
    if (hosted === undefined) {
      const settings = this.#settingsOf(topic.name)
      hosted = { name: topic.name, id: topic.id, settings, partitions: new Map() }
      this.#byId.set(topic.id, hosted)
      this.#byName.set(topic.name, hosted)
    }
    const owner = hosted
    const partition: Partition = new Partition({
      services: this.#services,
      topic: topic.name,
      topicId: topic.id,
      index,
      assignment,
      log,
      settings: () => owner.settings,
      updated: () => this.#onUpdated(partition),
    })
    // They may have changed while the log was made.
    log?.updateConfig(owner.settings.log)
    hosted.partitions.set(index, partition)
    this.#tellPlace(partition)
    this.#onUpdated(partition)
    if (this.#isStopping) partition.endWaiting()
  }

  #tellPlace({ log, assignment, topic, topicId, index }: Partition): void {
    const directoryId = log?.directoryId ?? null
    const assigned = directoryOf(assignment, this.#brokerId)
    if (directoryId === null || assigned === directoryId) return
    // The cluster learns of a move right before it ends.
    if (this.#logs.future(topic, index)?.directoryId === assigned) return
    this.#onPlaced(topicId, index, directoryId)
  }

  #remove(topic: TopicImage): void {
    const { name, id } = topic
    for (const index of topic.partitions.keys()) this.#creation.forget(topic, index)
    const hosted = this.#byId.get(id)
    if (hosted === undefined) return
    this.#byId.delete(id)
    if (this.#byName.get(name) === hosted) this.#byName.delete(name)
    for (const listener of this.#removed) listener(name, id)
    for (const partition of hosted.partitions.values()) partition.delete()
    for (const index of hosted.partitions.keys()) this.#logs.deleteLog(name, index)
  }
}

/** Of a partition that isn't here: another broker has it, which the client finds in its metadata. */
function elsewhere({ partitions }: TopicImage, index: number): ErrorName {
  return index in partitions ? 'NOT_LEADER_OR_FOLLOWER' : 'UNKNOWN_TOPIC_OR_PARTITION'
}
