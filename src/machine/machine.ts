import type { Steps } from './steps.ts'

/** Who waits for a reply. The runtime gives each command its own; an alarm has NO_TICKET, nobody waits. */
export type Ticket = number
export const NO_TICKET: Ticket = 0

/** The command that an alarm becomes when its time has come. */
export interface Alarm {
  readonly alarm: string
}

/** What comes in with a command: all that a decision may depend on besides the state and the command itself. */
export interface DecisionContext<Settings> {
  /** Who waits for the reply; NO_TICKET for an alarm. */
  readonly ticket: Ticket
  /** Monotonic milliseconds: for alarms. */
  readonly now: number
  /** Milliseconds since 1970: for what facts say of time. */
  readonly wallNow: number
  /** The offset in the log that the decision's first durable fact gets, the next one the next, and so on. */
  readonly nextOffset: number
  /** As they are now: they may change between two commands. */
  readonly settings: Settings
}

/**
 * The one shape of every replicated state: controller, group coordinator, transaction coordinator. It is pure: it holds
 * no clock, no settings and no randomness, but is given them with each command.
 *
 * A fact is durable (it has a record in the log) or volatile (applied, never appended, lost on fail-over exactly as
 * Kafka loses it).
 *
 * @typeParam Command what is asked for, alarms aside
 * @typeParam Fact what happened; the state is the fold of all facts
 * @typeParam Effect what is to be done outside after the commit
 * @typeParam Settings what decisions are made by, besides the state
 */
export interface Machine<Command, Fact, Reply, Effect = never, Settings = null> {
  /**
   * Reads the state and changes nothing. A reply may be given now, or by a later decision that names the ticket.
   * Throws only for bugs: then nothing was changed.
   */
  decide(
    command: Command | Alarm,
    context: DecisionContext<Settings>,
  ): Decision<Fact, Reply, Effect>
  /**
   * What `decide` gives, in steps: for machines whose decisions may take more than a turn of the event loop. Until the last step
   * nothing is applied and nothing else decided, but what is read from outside may change, and the steps be given up.
   */
  decideInSteps?(
    command: Command | Alarm,
    context: DecisionContext<Settings>,
  ): Steps<Decision<Fact, Reply, Effect>>
  /**
   * The only writer, and the replayer.
   * @param offset the record's offset in the log; -1 for a volatile fact
   */
  apply(fact: Fact, offset: number): void
  /**
   * What follows where the log refuses the facts of a command: whoever waits for it is told. Without it, and where it
   * gives null, only who asked is told, and nothing has changed.
   * @param refusal what the log's `prepare` gave
   */
  decideRefused?(
    command: Command,
    refusal: Error,
    context: DecisionContext<Settings>,
  ): Decision<Fact, Reply, Effect> | null
  /** Says which facts are only applied. Without it all facts are durable. */
  isVolatile?(fact: Fact): boolean
}

/** What follows from a command. All parts may be left out. */
export interface Decision<Fact, Reply, Effect = never> {
  /** In order. The durable ones are appended as one atomic batch, the volatile ones only applied. */
  readonly facts?: readonly Fact[]
  /**
   * Each fact stands for itself: they may go into several batches, of which a crash may leave the later ones out, and one
   * that the log refuses is left out, unless it refuses all.
   */
  readonly isDivisible?: boolean
  /** Held until everything that was decided so far is committed, even where this command had no facts. */
  readonly replies?: readonly TicketReply<Reply>[]
  /** Monotonic milliseconds; null clears it; a new time replaces the old one of the same name. */
  readonly alarms?: readonly { readonly name: string; readonly at: number | null }[]
  /** Run after the commit, in order with the replies. Not run when the shard is lost: derive them again from the state. */
  readonly effects?: readonly Effect[]
}

export interface TicketReply<Reply> {
  readonly ticket: Ticket
  readonly reply: Reply
}
