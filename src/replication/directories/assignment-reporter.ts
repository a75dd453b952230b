import type { ErrorName } from '../../../protocol/errors.ts'
import type { Clock, Logger, Timer } from '../../host/host.ts'
import type {
  DirectoryAssignmentOutcomes,
  DirectoryAssignments,
} from '../../metadata/controller/commands.ts'

/** As many as Kafka puts into one request. */
const MOST_AT_ONCE = 2250
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 10_000

/** Where a replica is, and who wants to know that the cluster knows it. */
interface Assignment {
  readonly topicId: string
  readonly partition: number
  readonly directoryId: string
  readonly accepted: (() => void) | undefined
}

export interface AssignmentReply {
  readonly errorCode: ErrorName
  readonly errorMessage: string | null
  readonly directories: readonly DirectoryAssignmentOutcomes[]
}

/**
 * Tells the controller in which directory each of this broker's replicas is (KIP-858), many at once, until it has taken
 * note. A later word on a partition takes the place of an earlier one.
 */
export class AssignmentReporter {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #ask: (directories: readonly DirectoryAssignments[]) => Promise<AssignmentReply>
  readonly #waiting = new Map<string, Assignment>()
  #isStarted = false
  #isClosed = false
  #isAsking = false
  #retry: Timer | null = null
  #failures = 0
  #settledWaiters: (() => void)[] = []

  constructor(options: {
    clock: Clock
    log: Logger
    /** Asks the controller in this broker's name; may reject when the controller is lost. */
    ask: (directories: readonly DirectoryAssignments[]) => Promise<AssignmentReply>
  }) {
    this.#clock = options.clock
    this.#log = options.log
    this.#ask = options.ask
  }

  /** The broker is registered: what was reported so far, and from now on, goes to the controller. */
  start(): void {
    this.#isStarted = true
    this.#send()
  }

  /** @param accepted called once the controller has committed it; never when the partition is gone, or was reported again */
  report(topicId: string, partition: number, directoryId: string, accepted?: () => void): void {
    const key = keyOf(topicId, partition)
    const isKnown = accepted === undefined && this.#waiting.get(key)?.directoryId === directoryId
    if (isKnown || this.#isClosed) return
    this.#waiting.set(key, { topicId, partition, directoryId, accepted })
    // Whoever reports many does it in one turn.
    this.#clock.endOfTurn(() => this.#send())
  }

  /** Resolves when the controller knows everything reported so far, or can't be reached. */
  settled(): Promise<void> {
    const isUnderWay = this.#waiting.size > 0 && this.#isStarted && this.#retry === null
    if (!isUnderWay || this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => this.#settledWaiters.push(resolve))
  }

  /** Nobody will be told of what isn't accepted yet. */
  close(): void {
    this.#isClosed = true
    this.#retry?.cancel()
    this.#waiting.clear()
    this.#settle()
  }

  #settle(): void {
    for (const resolve of this.#settledWaiters.splice(0)) resolve()
  }

  #send(): void {
    const isHeld = !this.#isStarted || this.#isAsking || this.#isClosed || this.#retry !== null
    if (isHeld || this.#waiting.size === 0) return
    const asked = [...this.#waiting].slice(0, MOST_AT_ONCE)
    this.#isAsking = true
    void this.#submit(asked.map(([, assignment]) => assignment)).finally(() => {
      this.#isAsking = false
      if (this.#waiting.size === 0 || this.#retry !== null) this.#settle()
      this.#send()
    })
  }

  async #submit(asked: readonly Assignment[]): Promise<void> {
    let reply: AssignmentReply
    try {
      reply = await this.#ask(byDirectory(asked))
    } catch (error) {
      return this.#retryLater(error)
    }
    if (reply.errorCode !== 'NONE') return this.#retryLater(reply.errorMessage ?? reply.errorCode)
    this.#failures = 0
    const outcomes = outcomesOf(reply.directories)
    for (const assignment of asked) {
      const { topicId, partition } = assignment
      const key = keyOf(topicId, partition)
      // Another word on it may have come meanwhile, which has its own turn.
      if (this.#waiting.get(key) !== assignment) continue
      this.#waiting.delete(key)
      const errorCode = outcomes.get(key) ?? 'UNKNOWN_SERVER_ERROR'
      if (errorCode === 'NONE') assignment.accepted?.()
      else {
        const what = 'The controller has no use for the directory of a replica'
        this.#log.warn({ topicId, partition, errorCode }, what)
      }
    }
  }

  #retryLater(reason: unknown): void {
    if (this.#isClosed) return
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LAST_RETRY_MS)
    this.#log.warn({ reason, delayMs }, 'The directories of replicas are told again')
    this.#retry = this.#clock.after(delayMs, () => {
      this.#retry = null
      this.#send()
    })
  }
}

function keyOf(topicId: string, partition: number): string {
  return `${topicId} ${partition}`
}

function byDirectory(assignments: readonly Assignment[]): DirectoryAssignments[] {
  const directories = new Map<string, Map<string, { partitionIndex: number }[]>>()
  for (const { topicId, partition, directoryId } of assignments) {
    const topics = directories.get(directoryId) ?? new Map<string, { partitionIndex: number }[]>()
    directories.set(directoryId, topics)
    const partitions = topics.get(topicId) ?? []
    topics.set(topicId, partitions)
    partitions.push({ partitionIndex: partition })
  }
  return Array.from(directories, ([id, topics]) => ({
    id,
    topics: Array.from(topics, ([topicId, partitions]) => ({ topicId, partitions })),
  }))
}

function outcomesOf(directories: readonly DirectoryAssignmentOutcomes[]): Map<string, ErrorName> {
  const outcomes = new Map<string, ErrorName>()
  for (const { topics } of directories) {
    for (const { topicId, partitions } of topics) {
      for (const { partitionIndex, errorCode } of partitions) {
        outcomes.set(keyOf(topicId, partitionIndex), errorCode)
      }
    }
  }
  return outcomes
}
