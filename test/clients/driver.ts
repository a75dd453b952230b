import { type ChildProcess, spawn } from 'node:child_process'
import { type ReadRecord, type SentRecord, type StreamResult } from './records.ts'
import { type Security } from './security.ts'
import { OutputTail, eachLine, exited, within } from './wait.ts'

/**
 * What a client can be told to do. A driver is a small program around one client that does these things; what is right
 * is judged by the scenario, in one place for all clients. On its standard input it gets one command a line,
 * {"id": 1, "do": "create", ...}; on its standard output it answers {"id": 1, ...reply} or {"id": 1, "error": "..."},
 * in any order, and tells events: {"event": "assigned" | "consumed" | "acked", ...}. It ends when its input ends.
 */
export interface Commands {
  create: { ask: { topic: string; partitions: number }; reply: object }
  /** Sends with acks=all and answers when all are acknowledged. */
  produce: { ask: { topic: string; codec: Codec; records: readonly SentRecord[] }; reply: object }
  /**
   * Reads a topic from its beginning, in no group of ours, to `count` records or to the first of value `until`; of transactions
   * only what they have committed, where the client can do them.
   */
  consume: {
    ask: { topic: string; count?: number; until?: string }
    reply: { records: ReadRecord[] }
  }
  /** Joins, reads `count` records from what is committed (else from the beginning), commits just those, leaves. */
  work: { ask: { topic: string; group: string; count: number }; reply: { records: ReadRecord[] } }
  /** The committed offset of each partition that has one. */
  committed: { ask: { topic: string; group: string }; reply: { offsets: Record<string, number> } }
  /** Reads `count` records of one partition from an offset. */
  seek: {
    ask: { topic: string; partition: number; offset: number; count: number }
    reply: { records: ReadRecord[] }
  }
  /** Adds a group member; session time-out 6 s. Tells `assigned` on every change and `consumed` as it reads. */
  join: { ask: { member: string; topic: string; group: string }; reply: object }
  /** The member leaves the group in good order. */
  leave: { ask: { member: string }; reply: object }
  /**
   * Sends the records "0", "1", ... to partition 0 until told to stop. Tells `acked` by hundreds, or, where it pauses, by fives. At
   * most 500 in flight.
   */
  stream: {
    ask: {
      stream: string
      topic: string
      idempotent: boolean
      /** Between two records; the drivers of Java, franz-go, librdkafka and kafkajs know it. */
      pauseMs?: number
    }
    reply: StreamResult
  }
  stop: { ask: { stream: string }; reply: object }
  /**
   * Sends one record by a producer of its own, with other credentials than the driver's where some are given, and gives up as soon as
   * the client can. Answers with what the client says where it is refused.
   */
  knock: {
    ask: { topic: string; security?: Security }
    reply: { refusal: string | null }
  }
}

/** What the drivers of clients with transactions can do beyond the commands of all. */
export interface TransactionCommands {
  /**
   * Copies a topic to another one until told to stop: reads as a member of a group, 20 records at most at a time, and writes
   * their keys and values in a transaction with the offsets after them. Aborts every third one, and copies its records again. Where
   * anything fails it begins anew, with another producer and another member. Tells `acked` of what it has committed.
   */
  copy: {
    ask: { stream: string; source: string; target: string; group: string; transactional: string }
    reply: object
  }
}

/** What the Java drivers can do beyond the commands of all. */
export interface JavaCommands {
  /** Runs the main method of one of Apache's tools with text as its standard input. */
  tool: {
    ask: { class: string; args: readonly string[]; input?: string }
    reply: { status: number; output: string; errors: string }
  }
  /** Runs the application of Streams.java, by that driver, until told to stop. */
  streams: { ask: { guarantee: string; directory: string }; reply: object }
}

type AllCommands = Commands & TransactionCommands & JavaCommands

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** The attributes' number of a codec. */
export const codecNumbers: Readonly<Record<Codec, number>> = {
  none: 0,
  gzip: 1,
  snappy: 2,
  lz4: 3,
  zstd: 4,
}

/** A process, or several, that a suite started and that is ended with it. */
export interface Started {
  readonly name: string
  /** Ends it without a warning, as a crash would. */
  kill9(): Promise<void>
  /** Ends it; group members may leave. */
  close(): Promise<void>
  /** Its last lines, for a failure's report. */
  tail(): string
}

/** One driver, and what it told so far. */
export interface Driver extends Started {
  call<Name extends keyof AllCommands>(
    name: Name,
    ask: AllCommands[Name]['ask'],
    limitMs?: number,
  ): Promise<AllCommands[Name]['reply']>
  /** The partitions that a member has now, in order; absent before its first assignment. */
  readonly assigned: ReadonlyMap<string, readonly number[]>
  /** How many records each member has read. */
  readonly consumed: ReadonlyMap<string, number>
  /** How many records of each stream were acknowledged. */
  readonly acked: ReadonlyMap<string, number>
}

type Told =
  | { event: 'assigned'; member: string; partitions: number[] }
  | { event: 'consumed'; member: string; count: number }
  | { event: 'acked'; stream: string; count: number }
  | { id: number; error?: string }

/** What drivers tell, sorted. */
export class Account {
  readonly assigned = new Map<string, readonly number[]>()
  readonly consumed = new Map<string, number>()
  readonly acked = new Map<string, number>()

  take(told: Exclude<Told, { id: number }>): void {
    if (told.event === 'assigned')
      this.assigned.set(
        told.member,
        told.partitions.toSorted((a, b) => a - b),
      )
    else if (told.event === 'consumed') this.consumed.set(told.member, told.count)
    else this.acked.set(told.stream, told.count)
  }
}

/** What a line tells; null where the driver ended in the middle of it. */
const parsed = (line: string): Told | null => {
  try {
    return JSON.parse(line) as Told
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

interface Waiting {
  resolve(reply: never): void
  reject(error: Error): void
}

/**
 * Starts a driver as a process of its own.
 * @param command the program and its arguments; the bootstrap address is added as the last
 */
export const startDriver = (
  name: string,
  command: readonly string[],
  bootstrap: string,
  environment: NodeJS.ProcessEnv = {},
): Driver => {
  const [program, ...args] = command as [string, ...string[]]
  const child: ChildProcess = spawn(program, [...args, bootstrap], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  const output = new OutputTail()
  const account = new Account()
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let end: Error | null = null
  output.followStream(child.stderr!)
  eachLine(child.stdout!, (line) => {
    output.note(line.length > 300 ? `${line.slice(0, 300)} ...` : line)
    if (!line.startsWith('{')) return
    const told = parsed(line)
    if (told === null) return output.note('--- a line that its end cut off')
    if ('event' in told) return account.take(told)
    const waiter = waiting.get(told.id)
    waiting.delete(told.id)
    if (told.error === undefined) waiter?.resolve(told as never)
    else waiter?.reject(new Error(told.error))
  })
  const gone = (how: string): void => {
    end ??= new Error(`the driver ${name} ended: ${how}`)
    for (const waiter of waiting.values()) waiter.reject(end)
    waiting.clear()
  }
  child.stdin!.on('error', (error) => output.note(String(error)))
  child.once('error', (error) => gone(error.message))
  child.once('close', (code, signal) => gone(`${signal ?? code}`))
  return {
    name,
    assigned: account.assigned,
    consumed: account.consumed,
    acked: account.acked,
    call: (what, ask, limitMs = 150_000) => {
      if (end !== null) return Promise.reject(end)
      const id = ++lastId
      const reply = new Promise<never>((resolve, reject) => waiting.set(id, { resolve, reject }))
      child.stdin!.write(`${JSON.stringify({ id, do: what, ...ask })}\n`)
      return within(reply, `${name}: ${what} ${'topic' in ask ? ask.topic : ''}`, limitMs)
    },
    kill9: async () => {
      child.kill('SIGKILL')
      await exited(child)
    },
    close: async () => {
      child.stdin!.end()
      if (await exited(child, 5_000)) return
      child.kill('SIGKILL')
      await exited(child)
    },
    tail: () => output.tail(25),
  }
}
