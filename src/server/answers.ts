import { Writer } from '../../protocol/wire/writer.ts'
import type { Clock } from '../host/host.ts'

/** Memory that answers are encoded into, one after the other. */
const MEMORY_BYTES = 64 * 1024
/** What is left of it when new memory is taken. */
const LEAST_FREE_BYTES = 16 * 1024
/** Records up to this size are copied between the fields of their answer: a chunk of their own costs the system more. */
const COPIED_RECORDS_BYTES = 4096

/** Somebody who has answers to send. */
interface Answering {
  sendAnswers(): void
}

/**
 * Has answers sent together: all that a connection has answered within one task of the event loop (a read, or the end of
 * a turn, when the log has written what arrived in it) goes out with one write.
 *
 * All connections encode into the same memory. Nearly always the system takes the bytes while they are written, and the
 * memory is free again; where a client is slow, it is left to that write.
 */
export class Answers {
  readonly #clock: Pick<Clock, 'afterTask'>
  #ready: Answering[] = []
  #memory = Buffer.allocUnsafeSlow(MEMORY_BYTES)

  constructor(clock: Pick<Clock, 'afterTask'>) {
    this.#clock = clock
  }

  /** Calls `sendAnswers` when the task has ended. */
  add(connection: Answering): void {
    if (this.#ready.length === 0) this.#clock.afterTask(() => this.#send())
    this.#ready.push(connection)
  }

  /** What to encode with; only until the next one is asked for, unless `keep` is called. */
  writer(): Writer {
    return new Writer(this.#memory, COPIED_RECORDS_BYTES)
  }

  /** What this writer has written was not taken by the system yet: its memory isn't free. */
  keep(writer: Writer): void {
    const free = this.#memory.length - writer.size
    this.#memory =
      free < LEAST_FREE_BYTES
        ? Buffer.allocUnsafeSlow(MEMORY_BYTES)
        : this.#memory.subarray(writer.size)
  }

  #send(): void {
    const ready = this.#ready
    this.#ready = []
    for (const connection of ready) connection.sendAnswers()
  }
}
