import {
  encodeControlRecord,
  decodeControlRecord,
} from '../../../protocol/state/control-records.ts'
import { DecodeError } from '../../../protocol/wire/reader.ts'
import type { BrokerConfig } from '../../../src/config/broker-config.ts'
import type { CoordinatorKind, ShardSettings } from '../../../src/coordinators/runtime/kind.ts'
import type { OperationCommand, OperationReply } from '../../../src/coordinators/runtime/kind.ts'
import type { StateRecord } from '../../../src/coordinators/runtime/kind.ts'
import type { Alarm, Decision, DecisionContext, Machine } from '../../../src/machine/machine.ts'

/** What a tally is asked: the least that makes use of all that the runtime does. */
export interface TallyOperations {
  Loaded: { command: object; reply: null }
  Add: { command: { readonly amount: number; readonly text?: string }; reply: number }
  /** Lost with the shard. */
  Note: { command: { readonly text: string }; reply: number }
  Read: { command: object; reply: { readonly total: number; readonly notes: readonly string[] } }
  /** Counts when its transaction is committed. */
  AddIn: {
    command: { readonly producerId: number; readonly amounts: readonly number[] }
    reply: null
  }
  End: {
    command: { readonly producerId: number; readonly result: 'COMMIT' | 'ABORT' }
    reply: null
  }
  Ring: { command: { readonly inMs: number; readonly amount: number }; reply: null }
}

export type TallyFact =
  | { readonly type: 'Added'; readonly amount: number; readonly text: string }
  | { readonly type: 'Noted'; readonly text: string }
  | { readonly type: 'AddedIn'; readonly producerId: number; readonly amount: number }
  | { readonly type: 'Ended'; readonly producerId: number; readonly result: 'COMMIT' | 'ABORT' }

type Command = OperationCommand<TallyOperations>
type Reply = OperationReply<TallyOperations>

export class TallyMachine implements Machine<Command, TallyFact, Reply, string, ShardSettings> {
  total = 0
  notes: string[] = []
  /** The offsets of what was applied. */
  offsets: number[] = []
  readonly #open = new Map<number, number>()

  decide(
    command: Command | Alarm,
    { ticket, now }: DecisionContext<ShardSettings>,
  ): Decision<TallyFact, Reply, string> {
    if ('alarm' in command) {
      return { facts: [{ type: 'Added', amount: Number(command.alarm), text: '' }] }
    }
    const answer = (reply: Reply, ...facts: TallyFact[]) => ({
      facts,
      replies: [{ ticket, reply }],
    })
    switch (command.type) {
      case 'Loaded':
        return { ...answer(null), effects: [`loaded ${this.total}`] }
      case 'Add': {
        const { amount, text = '' } = command
        const total = this.total + amount
        return { ...answer(total, { type: 'Added', amount, text }), effects: [`total ${total}`] }
      }
      case 'Note':
        return answer(this.notes.length + 1, { type: 'Noted', text: command.text })
      case 'Read':
        return answer({ total: this.total, notes: [...this.notes] })
      case 'AddIn': {
        const { producerId, amounts } = command
        const facts = amounts.map((amount) => ({ type: 'AddedIn', producerId, amount }) as const)
        return answer(null, ...facts)
      }
      case 'End': {
        const { producerId, result } = command
        return answer(null, { type: 'Ended', producerId, result })
      }
      case 'Ring':
        return {
          ...answer(null),
          alarms: [{ name: String(command.amount), at: now + command.inMs }],
        }
    }
  }

  apply(fact: TallyFact, offset: number): void {
    this.offsets.push(offset)
    switch (fact.type) {
      case 'Added':
        this.total += fact.amount
        return
      case 'Noted':
        this.notes.push(fact.text)
        return
      case 'AddedIn': {
        const { producerId, amount } = fact
        this.#open.set(producerId, (this.#open.get(producerId) ?? 0) + amount)
        return
      }
      case 'Ended':
        if (fact.result === 'COMMIT') this.total += this.#open.get(fact.producerId) ?? 0
        this.#open.delete(fact.producerId)
    }
  }

  isVolatile(fact: TallyFact): boolean {
    return fact.type === 'Noted'
  }
}

const EPOCH = 4

function encode(fact: TallyFact): StateRecord {
  switch (fact.type) {
    case 'Added':
      return { key: Buffer.from(fact.text), value: Buffer.from(String(fact.amount)) }
    case 'AddedIn': {
      const transaction = { producerId: fact.producerId, producerEpoch: EPOCH, isMarker: false }
      return { key: Buffer.from(''), value: Buffer.from(String(fact.amount)), transaction }
    }
    case 'Ended': {
      const transaction = { producerId: fact.producerId, producerEpoch: EPOCH, isMarker: true }
      const value = { coordinatorEpoch: 0 }
      return { ...encodeControlRecord({ type: fact.result, value }), transaction }
    }
    case 'Noted':
      throw new Error('a note has no record')
  }
}

function decode({ key, value, transaction }: StateRecord): TallyFact | null {
  if (value === null) return null
  if (transaction?.isMarker === true) {
    const marker = decodeControlRecord(key, value)
    if (marker?.type !== 'COMMIT' && marker?.type !== 'ABORT') return null
    return { type: 'Ended', producerId: transaction.producerId, result: marker.type }
  }
  const amount = Number(value.toString())
  if (Number.isNaN(amount)) throw new DecodeError(`${value.toString()} is no number`)
  return transaction === undefined
    ? { type: 'Added', amount, text: key.toString() }
    : { type: 'AddedIn', producerId: transaction.producerId, amount }
}

export type TallyKind = CoordinatorKind<TallyOperations, TallyFact, ShardSettings, string>

/** A kind of coordinator that nothing in the runtime knows of. */
export function tallyKind(machines: TallyMachine[]): TallyKind {
  return {
    topic: '__tally',
    machine: () => {
      const machine = new TallyMachine()
      machines.push(machine)
      return machine
    },
    encode,
    decode,
    settings: (config: BrokerConfig) => ({
      partitionCount: 3,
      commitTimeoutMs: config.get('offsets.commit.timeout.ms'),
      compression: 'none',
      loadBufferBytes: 1 << 20,
    }),
    subject: (command) => ({ subject: 'alarm' in command ? command.alarm : command.type }),
  }
}
