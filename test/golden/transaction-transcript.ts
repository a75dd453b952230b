import { TransactionMachine } from '../../src/coordinators/transaction/machine.ts'
import type {
  TransactionCommand,
  TransactionDecision,
  TransactionEffect,
} from '../../src/coordinators/transaction/commands.ts'
import type { DurableFact, TransactionFact } from '../../src/coordinators/transaction/facts.ts'
import { listPartitions } from '../../src/coordinators/transaction/partition-set.ts'
import { decodeFact, encodeFact } from '../../src/coordinators/transaction/records.ts'
import type {
  PartitionSet,
  Transaction,
  TransactionState,
} from '../../src/coordinators/transaction/transaction.ts'
import type { Alarm } from '../../src/machine/machine.ts'
import type { TopicPartition } from '../../src/replication/transactions.ts'

const START_TIME = 1_700_000_000_000
const MINUTE_MS = 60_000

type Words = Map<string, string>

/**
 * Runs the machine under the transaction coordinator's transcripts: commands of one line each, `verb id key=value ...`, with
 * time that goes on by `wait MS` and fires the alarms that are due. A producer is `producer=ID/EPOCH`, times are since the start.
 */
export class TransactionTranscript {
  /** Commands with the states that they met, as in `Empty: End`, and steps from state to state, as in `Empty -> Ongoing`. */
  readonly met = new Set<string>()
  #machine = new TransactionMachine()
  #now = 0
  #lastTicket = 0
  readonly #alarms = new Map<string, number>()
  readonly #durable: DurableFact[] = []
  readonly #settings = {
    transactionVersion: 2,
    maxTimeoutMs: 15 * MINUTE_MS,
    timeoutCheckIntervalMs: 10_000,
    expirationMs: 7 * 24 * 60 * MINUTE_MS,
    expirationCheckIntervalMs: 60 * MINUTE_MS,
  }

  run(line: string): string[] {
    const [verb = '', ...rest] = line.split(' ').filter((word) => word !== '')
    const words: Words = new Map(
      rest.map((word) => {
        const at = word.indexOf('=')
        return at < 0 ? ['', word] : [word.slice(0, at), word.slice(at + 1)]
      }),
    )
    if (verb === 'wait') return this.#wait(this.#now + Number(words.get('')))
    if (verb === 'set') return this.#set(words)
    if (verb === 'restart') return this.#restart()
    if (verb === 'set-epoch') return this.#restate(rest[0]!, { producerEpoch: Number(rest[1]) })
    if (verb === 'copy') return this.#restate(rest[0]!, { transactionalId: rest[1]! })
    return this.#decide(this.#command(verb, words))
  }

  #set(words: Words): string[] {
    for (const [name, value] of words) Object.assign(this.#settings, { [name]: Number(value) })
    return []
  }

  #wait(until: number): string[] {
    const lines: string[] = []
    for (;;) {
      const due = [...this.#alarms].filter(([, at]) => at <= until).sort((a, b) => a[1] - b[1])[0]
      if (due === undefined) break
      this.#alarms.delete(due[0])
      this.#now = Math.max(this.#now, due[1])
      const follows = this.#decide({ alarm: due[0] }, 0)
      // That the next look is due in so and so long is no news.
      const news = follows.filter((line) => !line.startsWith('alarm '))
      if (news.length > 0) lines.push(`at ${this.#now}: ${due[0]}`, ...news)
    }
    this.#now = until
    return lines
  }

  /** What is volatile is lost, what is durable is read from its records. */
  #restart(): string[] {
    this.#alarms.clear()
    this.#machine = new TransactionMachine()
    for (const fact of this.#durable) this.#machine.apply(decodeFact(encodeFact(fact))!)
    return this.#decide({ type: 'Loaded' })
  }

  /** As if what is known of an id were this: so many producers have come before, or it is another id. */
  #restate(transactionalId: string, change: Partial<Transaction>): string[] {
    const last = this.#durable.findLast(
      (fact): fact is Extract<DurableFact, { type: 'TransactionStored' }> =>
        fact.type === 'TransactionStored' && fact.transaction.transactionalId === transactionalId,
    )!
    this.#store({ ...last, transaction: { ...last.transaction, ...change } })
    return []
  }

  #decide(command: TransactionCommand | Alarm, ticket = ++this.#lastTicket): string[] {
    const before = 'transactionalId' in command ? this.#stateOf(command.transactionalId) : null
    if ('type' in command && before !== null) this.met.add(`${before}: ${command.type}`)
    const decision = this.#machine.decide(command, {
      ticket,
      now: this.#now,
      wallNow: START_TIME + this.#now,
      nextOffset: 0,
      settings: this.#settings,
    })
    for (const fact of decision.facts ?? []) this.#apply(fact)
    for (const { name, at } of decision.alarms ?? []) this.#alarms.set(name, at!)
    return describe(decision)
  }

  #apply(fact: TransactionFact): void {
    if (fact.type !== 'MarkersNoted') {
      const isStored = fact.type === 'TransactionStored'
      const { transactionalId } = isStored ? fact.transaction : fact
      const after = isStored ? fact.transaction.state : 'forgotten'
      this.met.add(`${this.#stateOf(transactionalId)} -> ${after}`)
    }
    this.#store(fact)
  }

  #store(fact: TransactionFact): void {
    this.#machine.apply(fact)
    if (fact.type !== 'MarkersNoted') this.#durable.push(fact)
  }

  #stateOf(transactionalId: string): TransactionState | 'unknown' {
    const last = this.#durable.findLast(
      (fact) =>
        (fact.type === 'TransactionStored' ? fact.transaction : fact).transactionalId ===
        transactionalId,
    )
    return last?.type === 'TransactionStored' ? last.transaction.state : 'unknown'
  }

  #command(verb: string, words: Words): TransactionCommand {
    const transactionalId = words.get('') ?? ''
    const number = (name: string, otherwise: number): number => Number(words.get(name) ?? otherwise)
    const fresh = words.get('fresh')
    const freshProducerId = fresh === undefined ? null : Number(fresh)
    const producer = producerOf(words.get('producer') ?? '-1/-1')
    const partitions = partitionsOf(words.get('partitions') ?? '')
    const clientVersion = number('client', 2)
    const byProducer = { transactionalId, ...producer }
    switch (verb) {
      case 'init': {
        const expected = words.has('producer') ? producer : null
        const timeoutMs = number('timeout', MINUTE_MS)
        return { type: 'InitProducer', transactionalId, timeoutMs, expected, freshProducerId }
      }
      case 'add':
        return { type: 'AddPartitions', ...byProducer, partitions, clientVersion }
      case 'verify':
        return { type: 'VerifyPartitions', ...byProducer, partitions }
      case 'commit':
      case 'abort': {
        const result = verb === 'commit' ? 'COMMIT' : 'ABORT'
        return { type: 'End', ...byProducer, result, clientVersion, freshProducerId }
      }
      case 'abort-timed-out':
        return { type: 'AbortTimedOut', ...byProducer, freshProducerId }
      case 'written':
        return { type: 'MarkersWritten', ...byProducer, partitions }
      case 'describe':
        return { type: 'Describe', transactionalId }
      case 'list':
        return { type: 'List' }
      default:
        throw new Error(`Unknown command ${verb}`)
    }
  }
}

function producerOf(text: string): { producerId: number; producerEpoch: number } {
  const [producerId, producerEpoch] = text.split('/').map(Number)
  return { producerId: producerId!, producerEpoch: producerEpoch! }
}

/** `t:0,t:1` */
function partitionsOf(text: string): TopicPartition[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const [topic = '', partition] = part.split(':')
      return { topic, partition: Number(partition) }
    })
}

function describe({ facts, replies, alarms, effects }: TransactionDecision): string[] {
  return [
    ...(facts ?? []).map(shownFact),
    ...(replies ?? []).map(({ reply }) => `answers ${shown(reply)}`),
    ...(alarms ?? []).map(({ name, at }) => `alarm ${name} at ${at}`),
    ...(effects ?? []).map(shownEffect),
  ]
}

function shownFact(fact: TransactionFact): string {
  switch (fact.type) {
    case 'TransactionStored':
      return `stores ${shownTransaction(fact.transaction)}, v${fact.version}`
    case 'TransactionalIdDeleted':
      return `deletes ${fact.transactionalId}`
    case 'MarkersNoted':
      return `notes markers of ${fact.transactionalId} in ${shownList(fact.partitions)}`
  }
}

function shownEffect(effect: TransactionEffect): string {
  if (effect.type === 'WriteMarkers') {
    const { transactionalId, state, producerId, producerEpoch, partitions, clientVersion } =
      effect.transaction
    const producer = `${producerId}/${producerEpoch}`
    return `writes markers ${state} of ${transactionalId} ${producer} in ${shownSet(partitions)}, version ${clientVersion}`
  }
  return `aborts ${effect.transactionalId} of ${effect.producerId}/${effect.producerEpoch}`
}

/** Ids and epochs that a transaction needn't have are left out. */
function shownTransaction(transaction: Transaction): string {
  const { transactionalId, state, producerId, producerEpoch, startTimestamp } = transaction
  const { lastProducerEpoch, previousProducerId, nextProducerId, clientVersion } = transaction
  const since = (time: number): number => time - START_TIME
  return [
    `${transactionalId} ${state} ${producerId}/${producerEpoch}`,
    ...(lastProducerEpoch === -1 ? [] : [`last epoch ${lastProducerEpoch}`]),
    ...(previousProducerId === producerId ? [] : [`previous id ${previousProducerId}`]),
    ...(nextProducerId === -1 ? [] : [`next id ${nextProducerId}`]),
    `partitions ${shownSet(transaction.partitions)}`,
    ...(startTimestamp === -1 ? [] : [`began at ${since(startTimestamp)}`]),
    `changed at ${since(transaction.lastUpdateTimestamp)}`,
    `may take ${transaction.timeoutMs} ms`,
    `client version ${clientVersion}`,
  ].join(', ')
}

function shownSet(partitions: PartitionSet): string {
  return shownList(listPartitions(partitions))
}

function shownList(partitions: readonly TopicPartition[]): string {
  const names = partitions.map(({ topic, partition }) => `${topic}-${partition}`)
  return `[${names.join(' ')}]`
}

function shown(reply: unknown): string {
  if (Array.isArray(reply)) return `[${reply.map(shown).join(', ')}]`
  if (reply === null || typeof reply !== 'object') return String(reply)
  if ('transactionalId' in reply) return shownTransaction(reply as Transaction)
  const { errorCode, producerId, producerEpoch } = reply as Record<string, unknown>
  return `${String(errorCode)} ${String(producerId)}/${String(producerEpoch)}`
}
