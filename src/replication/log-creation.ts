import type { Logger } from '../host/host.ts'
import type { Log } from '../log/log.ts'
import type { TopicImage } from '../metadata/image.ts'
import type { PartitionAssignment } from './partition/assignment.ts'

/** So many logs are made at the same time: each waits for the disk, and others want to be served meanwhile. */
const MADE_AT_ONCE = 32

/** A partition that this broker shall have. */
export interface WantedLog {
  readonly topic: TopicImage
  readonly index: number
  readonly assignment: PartitionAssignment
}

export interface LogCreationOptions {
  readonly log: Logger
  readonly create: (wanted: WantedLog) => Promise<Log>
  readonly remove: (topic: string, index: number) => void
  /** What is wanted by then is here; null where its log could not be made. */
  readonly created: (wanted: WantedLog, log: Log | null) => void
}

/**
 * Makes the logs of partitions behind the changes that ask for them. What a later change says of a partition whose log is
 * being made counts once it is: it may have been deleted, or made anew under its name, whose log then waits for that.
 */
export class LogCreation {
  readonly #options: LogCreationOptions
  /** By topic and index; those whose log isn't made yet. */
  readonly #wanted = new Map<string, WantedLog>()
  /** Those under way, with their numbers, in the order in which they began. */
  readonly #jobs = new Map<string, number>()
  #begun = 0
  /** Whoever waits until the jobs up to a number have ended; in its order. */
  #settling: { readonly upTo: number; readonly resolve: () => void }[] = []
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(options: LogCreationOptions) {
    this.#options = options
  }

  /** Has the partition made, or takes note of a change of one that is being made. */
  want(wanted: WantedLog): void {
    const key = keyOf(wanted.topic, wanted.index)
    this.#wanted.set(key, wanted)
    if (this.#jobs.has(key)) return
    this.#jobs.set(key, ++this.#begun)
    void this.#run(key)
  }

  /** The partition isn't wanted any more: if it is still to be made, it isn't. */
  forget(topic: TopicImage, index: number): void {
    const key = keyOf(topic, index)
    if (this.#wanted.get(key)?.topic.id === topic.id) this.#wanted.delete(key)
  }

  /** Resolves when all that is wanted now is made, or could not be. */
  settled(): Promise<void> {
    if (this.#jobs.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#settling.push({ upTo: this.#begun, resolve }))
  }

  #ended(key: string): void {
    this.#jobs.delete(key)
    const [oldest = Infinity] = this.#jobs.values()
    const { length } = this.#settling
    let count = 0
    while (count < length && this.#settling[count]!.upTo < oldest) count++
    if (count > 0) for (const { resolve } of this.#settling.splice(0, count)) resolve()
  }

  async #run(key: string): Promise<void> {
    if (this.#running >= MADE_AT_ONCE) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#running++
    try {
      await this.#make(key)
    } catch (error) {
      this.#options.log.error({ err: error, partition: key }, 'A partition was not made')
    }
    this.#ended(key)
    const next = this.#waiting.shift()
    if (next === undefined) this.#running--
    else next()
  }

  async #make(key: string): Promise<void> {
    const { create, created, remove } = this.#options
    for (;;) {
      const begun = this.#wanted.get(key)
      if (begun === undefined) return
      const log = await create(begun).catch((error: unknown) => this.#failed(begun, error))
      const wanted = this.#wanted.get(key)
      if (wanted?.topic.id === begun.topic.id) {
        this.#wanted.delete(key)
        return created(wanted, log)
      }
      if (log !== null) remove(begun.topic.name, begun.index)
    }
  }

  #failed({ topic, index }: WantedLog, error: unknown): null {
    const what = 'The log could not be made; the partition is offline'
    this.#options.log.error({ err: error, topic: topic.name, partition: index }, what)
    return null
  }
}

function keyOf({ name }: TopicImage, index: number): string {
  return `${name}-${index}`
}
