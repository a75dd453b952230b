import type { ErrorName } from '../../../protocol/errors.ts'
import type { Logger } from '../../host/host.ts'
import type { LogDirectory } from '../../log/directory/directory.ts'
import type { Log } from '../../log/log.ts'
import { canHaveFuture } from '../../log/base/paths.ts'
import { DirectoryMove } from './move.ts'
import { MoveBudget } from './move-budget.ts'
import type { Partition } from '../partition/partition.ts'
import type { ReplicationQuota } from '../quota/replication-quota.ts'

/** The logs of all directories, as moves need them. */
export interface MovableLogs {
  readonly isWhole: boolean
  readonly directories: readonly LogDirectory[]
  get(topic: string, partition: number): Log | undefined
  future(topic: string, partition: number): Log | undefined
  createFuture(source: Log, directory: LogDirectory): Promise<Log>
  promoteFuture(future: Log): Promise<Log>
  deleteFuture(topic: string, partition: number): void
  preferDirectory(topic: string, partition: number, directory: LogDirectory): void
}

export interface DirectoryMovesOptions {
  readonly log: Logger
  readonly logs: MovableLogs
  /** The partition if this broker hosts it. */
  readonly find: (topic: string, partition: number) => Partition | undefined
  /** Of all moves together: `replica.alter.log.dirs.io.max.bytes.per.second`. */
  readonly quota: ReplicationQuota
  /** `num.replica.alter.log.dirs.threads`: how many replicas are copied at the same time. */
  readonly concurrency: number
  /** Tells the cluster where a replica is. */
  readonly report: (
    topicId: string,
    partition: number,
    directoryId: string,
    accepted?: () => void,
  ) => void
}

/** The replicas on their way from one directory of this broker to another (KIP-113). */
export class DirectoryMoves {
  readonly #options: DirectoryMovesOptions
  readonly #budget: MoveBudget
  readonly #moves = new Map<string, DirectoryMove>()
  /** Those that are to take a step. */
  readonly #queue: DirectoryMove[] = []
  /** Copies that are being made, by their partition. */
  readonly #beginning = new Map<string, Promise<unknown>>()
  readonly #running = new Set<Promise<void>>()
  #isClosed = false

  constructor(options: DirectoryMovesOptions) {
    this.#options = options
    this.#budget = new MoveBudget(options.quota)
  }

  /**
   * AlterReplicaLogDirs: moves a replica, or stops moving it where it is there already. A partition that isn't here is
   * remembered, to be made there. Resolves when the move has begun; with Kafka's error where it can't.
   */
  async alter(topic: string, index: number, path: string): Promise<ErrorName> {
    const { logs, find, log } = this.#options
    if (!canHaveFuture(topic, index)) return 'INVALID_TOPIC_EXCEPTION'
    const directory = logs.directories.find((each) => each.path === path)
    if (directory === undefined) return 'LOG_DIR_NOT_FOUND'
    if (directory.failure !== null) return 'KAFKA_STORAGE_ERROR'
    // [KIP-1066] Even where the replica is in it: that would end a move to elsewhere.
    if (directory.isCordoned) return 'INVALID_REPLICA_ASSIGNMENT'
    const partition = find(topic, index)
    if (partition === undefined) {
      logs.preferDirectory(topic, index, directory)
      return 'REPLICA_NOT_AVAILABLE'
    }
    const key = keyOf(topic, index)
    // Who asked before may have asked for another directory.
    while (this.#beginning.has(key)) await this.#beginning.get(key)
    const source = partition.log
    if (source === null || this.#isClosed) return 'KAFKA_STORAGE_ERROR'
    const move = this.#moves.get(key)
    const copy = logs.future(topic, index)
    if (copy?.directoryPath === path) {
      // One whose move has failed is tried again.
      if (move === undefined) this.#start(partition, source, copy)
      return 'NONE'
    }
    if (move !== undefined) this.#end(move)
    logs.deleteFuture(topic, index)
    if (source.directoryPath === path) return 'NONE'
    // As long as a directory is offline nobody knows whether it has another copy.
    if (!logs.isWhole) return 'KAFKA_STORAGE_ERROR'
    const beginning = this.#begin(partition, source, directory)
    this.#beginning.set(key, beginning)
    try {
      await beginning
      return 'NONE'
    } catch (error) {
      log.error({ err: error, topic, partition: index, path }, 'A replica can not be moved')
      return 'KAFKA_STORAGE_ERROR'
    } finally {
      this.#beginning.delete(key)
    }
  }

  /** Goes on with the moves that were under way when the broker stopped. */
  resume(partitions: Iterable<Partition>): void {
    for (const partition of partitions) {
      const copy = this.#options.logs.future(partition.topic, partition.index)
      if (copy !== undefined && partition.log !== null) this.#start(partition, partition.log, copy)
    }
  }

  /** A directory failed: moves from it and to it end. What it has of them isn't touched. */
  onDirectoryFailed(path: string): void {
    for (const move of [...this.#moves.values()]) {
      if (move.source.directoryPath === path || move.copy.directoryPath === path) this.#end(move)
    }
  }

  /** A topic's partitions are removed; their copies go with them. */
  forget(topic: string, topicId: string): void {
    for (const [key, move] of this.#moves) {
      if (move.partition.topic !== topic || move.partition.topicId !== topicId) continue
      move.cancel()
      this.#moves.delete(key)
    }
  }

  /** The rate may have changed. */
  onSettingsChanged(): void {
    this.#budget.wake()
  }

  /** Stops at the next occasion; the next start goes on. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#queue.splice(0)
    for (const move of this.#moves.values()) move.cancel()
    this.#budget.wake()
    await Promise.allSettled([...this.#running, ...this.#beginning.values()])
  }

  async #begin(partition: Partition, source: Log, directory: LogDirectory): Promise<void> {
    const { logs, log } = this.#options
    const copy = await logs.createFuture(source, directory)
    // The partition may be gone by now, or its directory.
    if (partition.log !== source || this.#isClosed) {
      if (logs.get(partition.topic, partition.index) !== source) {
        logs.deleteFuture(partition.topic, partition.index)
      }
      return
    }
    const { topic, index } = partition
    const fields = { topic, partition: index, from: source.directoryPath, to: directory.path }
    log.info(fields, 'A replica is being moved')
    this.#start(partition, source, copy)
  }

  #start(partition: Partition, source: Log, copy: Log): void {
    const { log, logs, report } = this.#options
    const move = new DirectoryMove(partition, source, copy, {
      log,
      budget: this.#budget,
      promoteFuture: (future) => logs.promoteFuture(future),
      report: (directoryId) =>
        new Promise((resolve) =>
          report(partition.topicId, partition.index, directoryId, () => resolve()),
        ),
    })
    this.#moves.set(keyOf(partition.topic, partition.index), move)
    this.#enqueue(move)
  }

  #enqueue(move: DirectoryMove): void {
    this.#queue.push(move)
    if (this.#running.size >= this.#options.concurrency) return
    const running = this.#work().finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Takes a step of each move in turn. */
  async #work(): Promise<void> {
    for (let move = this.#queue.shift(); move !== undefined; move = this.#queue.shift()) {
      const isUnderWay = await this.#step(move)
      if (isUnderWay && !this.#isClosed) this.#queue.push(move)
    }
  }

  async #step(move: DirectoryMove): Promise<boolean> {
    try {
      if (await move.step()) return true
      if (!move.isCancelled) this.#moves.delete(keyOf(move.partition.topic, move.partition.index))
      return false
    } catch (error) {
      const { topic, index } = move.partition
      const { log } = this.#options
      log.error({ err: error, topic, partition: index }, 'A replica could not be moved')
      if (this.#moves.get(keyOf(topic, index)) === move) this.#end(move)
      return false
    }
  }

  /** Ends a move, and what the cluster may have learnt of it. */
  #end(move: DirectoryMove): void {
    const { topic, topicId, index } = move.partition
    move.cancel()
    this.#budget.wake()
    if (this.#moves.get(keyOf(topic, index)) === move) this.#moves.delete(keyOf(topic, index))
    move.resumeCleaning()
    const { directoryId } = move.source
    if (move.wasPromoted || directoryId === null) return
    // The cluster may think that it is in its place.
    this.#options.report(topicId, index, directoryId)
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
