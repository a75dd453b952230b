import { controlType } from '../../../protocol/records/control.ts'
import { DecodeError } from '../../../protocol/wire.ts'
import type { Logger } from '../../host/host.ts'
import type { Partition } from '../../replication/partition/partition.ts'
import { replayPartition } from '../runtime/partition-log.ts'
import type { ReplayOptions, StateBatch } from '../runtime/partition-log.ts'
import type { DurableFact } from './facts.ts'
import type { GroupMachine } from './machine.ts'
import { decodeFact } from './records.ts'

/** Rebuilds a machine from its partition of `__consumer_offsets`. */
export class GroupReplay {
  readonly #machine: GroupMachine
  readonly #log: Logger
  /** Offsets that open transactions have committed: they count from the commit marker on, or never. */
  readonly #open = new Map<number, DurableFact[]>()

  constructor(machine: GroupMachine, log: Logger) {
    this.#machine = machine
    this.#log = log
  }

  /** @returns whether the machine is complete; not when it isn't wanted any more or the log failed */
  run(
    partition: Partition,
    options: Omit<ReplayOptions, 'onDamage'>,
    isWanted: () => boolean,
  ): Promise<boolean> {
    const onDamage = (fromOffset: number, toOffset: number): void =>
      this.#log.error(
        { fromOffset, toOffset },
        'Records of groups are damaged and left out: groups may go on from what they committed before',
      )
    return replayPartition(
      partition,
      { ...options, onDamage },
      (batch) => this.#add(batch),
      isWanted,
    )
  }

  #add(batch: StateBatch): void {
    if (batch.isControl) return this.#endTransaction(batch)
    for (const record of batch.records) {
      const fact = this.#decode(record)
      if (fact === null) continue
      if (batch.producerId < 0) this.#machine.apply(fact)
      else this.#hold(batch.producerId, fact)
    }
  }

  #decode(record: Parameters<typeof decodeFact>[0] & { offset: number }): DurableFact | null {
    try {
      return decodeFact(record)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const { offset } = record
      this.#log.warn({ err: error, offset }, 'A record of a group cannot be read and is left out')
      return null
    }
  }

  #hold(producerId: number, fact: DurableFact): void {
    const held = this.#open.get(producerId)
    if (held === undefined) this.#open.set(producerId, [fact])
    else held.push(fact)
  }

  #endTransaction({ producerId, records }: StateBatch): void {
    const held = this.#open.get(producerId) ?? []
    for (const { key } of records) {
      if (controlType(key) === 'COMMIT') for (const fact of held) this.#machine.apply(fact)
      this.#open.delete(producerId)
    }
  }
}
