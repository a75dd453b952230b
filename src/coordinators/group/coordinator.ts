import { randomUuid } from '../../host/random-uuid.ts'
import { Coordinator } from '../runtime/coordinator.ts'
import type { CoordinatorOptions } from '../runtime/coordinator.ts'
import { CoordinatorError } from '../runtime/errors.ts'
import type { GroupOperations } from './commands.ts'
import type { GroupFact } from './facts.ts'
import { groupKind } from './kind.ts'
import type { GroupShardSettings } from './kind.ts'

/** The groups that this broker coordinates: those of the partitions of `__consumer_offsets` that it leads. */
export class GroupCoordinator extends Coordinator<GroupOperations, GroupFact, GroupShardSettings> {
  readonly #host: CoordinatorOptions['host']

  constructor(options: CoordinatorOptions) {
    super(groupKind, options)
    this.#host = options.host
  }

  /** A random UUID (version 4) for a member's id. */
  newUuid(): string {
    const digits = randomUuid(this.#host.random).toString('hex')
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }

  /** Topics are no more: what groups have committed for them goes too. Failures are logged; expiry gets what is left. */
  async forgetTopics(topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return
    await Promise.all(this.partitions.map((partition) => this.#forget(partition, topics)))
  }

  async #forget(partition: number, topics: readonly string[]): Promise<void> {
    try {
      for (let isDone = false; !isDone;) {
        const command = { type: 'DeleteTopics', topics } as const
        const { more } = await this.askPartition<'DeleteTopics'>(partition, command)
        isDone = !more
      }
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error
      this.#host.log.warn({ err: error, partition, topics }, 'Offsets of deleted topics are left')
    }
  }
}
