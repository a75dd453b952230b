import type { ErrorName } from '../../protocol/errors.ts'
import type { Clock, Logger } from '../host/host.ts'
import type { MarkerToWrite } from '../log/base/results.ts'
import type { ReplicaManager } from '../replication/replica-manager.ts'
import type { MarkerWriter, TopicPartition, TransactionEnd } from '../replication/transactions.ts'
import type { GroupCoordinator } from './group/coordinator.ts'
import { OFFSETS_TOPIC } from './group/kind.ts'
import { CoordinatorError } from './runtime/errors.ts'

/** So many markers are appended in a turn of the event loop: each takes some 10 µs. */
const MARKERS_A_TURN = 100

/** Writes the markers of transactions into the partitions that this broker leads. */
export class LocalMarkerWriter implements MarkerWriter {
  readonly #replicas: Pick<ReplicaManager, 'find'>
  readonly #groups: Pick<GroupCoordinator, 'askPartition'>
  readonly #timeoutMs: () => number
  readonly #clock: Pick<Clock, 'endOfTurn'>
  readonly #log: Pick<Logger, 'error'>
  #leftInTurn = MARKERS_A_TURN
  /** Resolves with the next turn, while markers were appended in this one. */
  #nextTurn: Promise<void> | null = null

  constructor(options: {
    clock: Pick<Clock, 'endOfTurn'>
    log: Pick<Logger, 'error'>
    replicas: Pick<ReplicaManager, 'find'>
    groups: Pick<GroupCoordinator, 'askPartition'>
    /** How long a marker may wait for the ISR. */
    timeoutMs: () => number
  }) {
    this.#clock = options.clock
    this.#log = options.log
    this.#replicas = options.replicas
    this.#groups = options.groups
    this.#timeoutMs = options.timeoutMs
  }

  /** Markers are appended a hundred a turn, whoever asks for them; each is told of when all of the ISR has it. */
  async write({ partitions, ...marker }: TransactionEnd): Promise<readonly ErrorName[]> {
    const errors: Promise<ErrorName>[] = []
    for (const place of partitions) {
      while (this.#leftInTurn === 0) await this.#nextTurn
      this.#takeOne()
      errors.push(this.#writeOne(place, marker))
    }
    return Promise.all(errors)
  }

  #takeOne(): void {
    this.#leftInTurn--
    this.#nextTurn ??= new Promise((resolve) => {
      this.#clock.endOfTurn(() => {
        this.#leftInTurn = MARKERS_A_TURN
        this.#nextTurn = null
        resolve()
      })
    })
  }

  #writeOne(place: TopicPartition, marker: MarkerToWrite): Promise<ErrorName> {
    const partition = this.#replicas.find(place.topic, place.partition)
    if (typeof partition === 'string') return Promise.resolve(partition)
    if (place.topic === OFFSETS_TOPIC) return this.#endOffsets(place, marker)
    const timeoutMs = this.#timeoutMs()
    return new Promise((resolve) => {
      try {
        partition.appendMarker(marker, timeoutMs, resolve)
      } catch (error) {
        resolve(this.#failed(error, place, marker))
      }
    })
  }

  /** The offsets of a transaction are in the state of the groups: their coordinator writes the marker. */
  async #endOffsets(place: TopicPartition, marker: MarkerToWrite): Promise<ErrorName> {
    try {
      const command = { type: 'EndTransaction', marker } as const
      await this.#groups.askPartition<'EndTransaction'>(place.partition, command)
      return 'NONE'
    } catch (error) {
      if (!(error instanceof CoordinatorError)) return this.#failed(error, place, marker)
      return COORDINATOR_IS_AWAY.has(error.code) ? 'NOT_LEADER_OR_FOLLOWER' : error.code
    }
  }

  /** A bug in one partition is no reason to leave the others without their markers. */
  #failed(
    error: unknown,
    place: TopicPartition,
    { producerId, producerEpoch }: MarkerToWrite,
  ): ErrorName {
    const fields = { err: error, ...place, producerId, producerEpoch }
    this.#log.error(fields, 'The marker of a transaction could not be written')
    return 'UNKNOWN_SERVER_ERROR'
  }
}

/** What transaction coordinators expect of a partition is only that its leader is elsewhere, or not ready. */
const COORDINATOR_IS_AWAY: ReadonlySet<ErrorName> = new Set<ErrorName>([
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
])
