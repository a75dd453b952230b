import type { Alarm, Machine, Ticket } from '../../machine/machine.ts'
import { PRODUCER_ID_NEEDED } from './commands.ts'
import type {
  CommandOf,
  Outcome,
  ReplyTo,
  TransactionCommand,
  TransactionContext,
  TransactionDecision,
  TransactionEffect,
  TransactionReply,
  TransactionSettings,
} from './commands.ts'
import { completed, end, fence } from './end.ts'
import { expired } from './expiry.ts'
import type { DurableFact, TransactionFact } from './facts.ts'
import { initProducer } from './init.ts'
import { withoutPartitions } from './partition-set.ts'
import { addPartitions, verifyPartitions } from './partitions.ts'
import { isEnding } from './transaction.ts'
import type { Transaction } from './transaction.ts'

const TIMEOUT_ALARM = 'time-outs'
const EXPIRY_ALARM = 'expiry'

/** One shard of the transaction coordinator: the transactional ids of one partition of `__transaction_state`. */
export class TransactionMachine implements Machine<
  TransactionCommand,
  TransactionFact,
  TransactionReply,
  TransactionEffect,
  TransactionSettings
> {
  readonly #transactions = new Map<string, Transaction>()
  /** The ids with an open transaction, among which the time-outs are looked for. */
  readonly #open = new Set<string>()

  decide(command: TransactionCommand | Alarm, context: TransactionContext): TransactionDecision {
    const { ticket } = context
    if ('alarm' in command) return this.#ring(command.alarm, context)
    switch (command.type) {
      case 'Loaded':
        return this.#loaded(context)
      case 'InitProducer':
        return follow(initProducer(this.#find(command), command, context), context)
      case 'AddPartitions':
        return follow(addPartitions(this.#find(command), command, context), context)
      case 'VerifyPartitions':
        return answer(ticket, verifyPartitions(this.#find(command), command))
      case 'End':
        return follow(end(this.#find(command), command, context), context)
      case 'AbortTimedOut':
        return follow(this.#abortTimedOut(command, context), context)
      case 'MarkersWritten':
        return this.#markersWritten(command, context)
      case 'Describe':
        return answer<'Describe'>(ticket, this.#find(command) ?? null)
      case 'List':
        return answer<'List'>(ticket, [...this.#transactions.values()])
    }
  }

  apply(fact: TransactionFact): void {
    switch (fact.type) {
      case 'TransactionStored': {
        const { transaction } = fact
        this.#transactions.set(transaction.transactionalId, transaction)
        if (transaction.state === 'Ongoing') this.#open.add(transaction.transactionalId)
        else this.#open.delete(transaction.transactionalId)
        return
      }
      case 'TransactionalIdDeleted':
        this.#transactions.delete(fact.transactionalId)
        this.#open.delete(fact.transactionalId)
        return
      case 'MarkersNoted': {
        const known = this.#transactions.get(fact.transactionalId)!
        const partitions = withoutPartitions(known.partitions, fact.partitions)
        this.#transactions.set(fact.transactionalId, { ...known, partitions })
      }
    }
  }

  isVolatile(fact: TransactionFact): boolean {
    return fact.type === 'MarkersNoted'
  }

  #find({ transactionalId }: { readonly transactionalId: string }): Transaction | undefined {
    return this.#transactions.get(transactionalId)
  }

  /** What was decided before is carried out: nobody can tell which markers are written, so all are written again. */
  #loaded({ ticket, now, settings }: TransactionContext): TransactionDecision {
    const effects: TransactionEffect[] = []
    for (const transaction of this.#transactions.values()) {
      if (isEnding(transaction)) effects.push({ type: 'WriteMarkers', transaction })
    }
    return {
      replies: [{ ticket, reply: null }],
      alarms: [
        { name: TIMEOUT_ALARM, at: now + settings.timeoutCheckIntervalMs },
        { name: EXPIRY_ALARM, at: now + settings.expirationCheckIntervalMs },
      ],
      effects,
    }
  }

  #ring(alarm: string, { now, wallNow, settings }: TransactionContext): TransactionDecision {
    if (alarm === TIMEOUT_ALARM) {
      const at = now + settings.timeoutCheckIntervalMs
      return { effects: this.#timedOut(wallNow), alarms: [{ name: alarm, at }] }
    }
    const { facts, isFull } = expired(this.#transactions.values(), wallNow, settings.expirationMs)
    const at = isFull ? now : now + settings.expirationCheckIntervalMs
    // Tombstones stand each for itself, so there may be more of them than one batch holds.
    return { facts, alarms: [{ name: alarm, at }], isDivisible: true }
  }

  /** Aborted one by one, for some may need a producer id. */
  #timedOut(wallNow: number): TransactionEffect[] {
    const effects: TransactionEffect[] = []
    for (const transactionalId of this.#open) {
      const { startTimestamp, timeoutMs, producerId, producerEpoch } =
        this.#transactions.get(transactionalId)!
      if (startTimestamp + timeoutMs >= wallNow) continue
      effects.push({ type: 'AbortTimedOut', transactionalId, producerId, producerEpoch })
    }
    return effects
  }

  #abortTimedOut(
    command: CommandOf<'AbortTimedOut'>,
    context: TransactionContext,
  ): Outcome<ReplyTo<'AbortTimedOut'>> {
    const known = this.#find(command)
    const isIt = known !== undefined && isOf(known, command) && known.state === 'Ongoing'
    if (!isIt || known.startTimestamp + known.timeoutMs >= context.wallNow) return { reply: false }
    const fenced = fence(known, command.freshProducerId, context)
    return fenced === PRODUCER_ID_NEEDED
      ? { reply: PRODUCER_ID_NEEDED }
      : { transaction: fenced, reply: true }
  }

  #markersWritten(
    command: CommandOf<'MarkersWritten'>,
    context: TransactionContext,
  ): TransactionDecision {
    const { ticket, wallNow } = context
    const { transactionalId, partitions } = command
    const known = this.#find(command)
    // Another coordinator may have gone on with the id meanwhile, and this one has it from there.
    if (known === undefined || !isEnding(known) || !isOf(known, command)) {
      return answer<'MarkersWritten'>(ticket, null)
    }
    const left = withoutPartitions(known.partitions, partitions)
    if (left.size > 0) {
      const facts = [{ type: 'MarkersNoted' as const, transactionalId, partitions }]
      return { facts, replies: [{ ticket, reply: null }] }
    }
    return follow({ transaction: completed(known, wallNow), reply: null }, context)
  }
}

function isOf(
  transaction: Transaction,
  producer: { readonly producerId: number; readonly producerEpoch: number },
): boolean {
  return (
    transaction.producerId === producer.producerId &&
    transaction.producerEpoch === producer.producerEpoch
  )
}

/** What follows from an outcome: its record, and for an end its markers. */
function follow(
  { transaction, reply }: Outcome<TransactionReply>,
  { ticket, settings }: TransactionContext,
): TransactionDecision {
  const replies = [{ ticket, reply }]
  if (transaction === undefined) return { replies }
  const fact: DurableFact = {
    type: 'TransactionStored',
    transaction,
    version: settings.transactionVersion >= 1 ? 1 : 0,
  }
  const effects = isEnding(transaction) ? [{ type: 'WriteMarkers' as const, transaction }] : []
  return { facts: [fact], replies, effects }
}

function answer<Type extends TransactionCommand['type']>(
  ticket: Ticket,
  reply: ReplyTo<Type>,
): TransactionDecision {
  return { replies: [{ ticket, reply }] }
}
