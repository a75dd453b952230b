import type { FetchToAnswer, RaftOutput, RaftReply, RaftRequest } from './types.ts'
import type { Asker } from './unsent.ts'

/** Told once of the answer to a request of another node; null where it gets none, and its connection should end. */
export type TellAnswer = (reply: RaftReply | null) => void

/** Other nodes' requests that are not answered yet. Each gets a number of this node's own, and is answered once. */
export class PendingAnswers {
  readonly #pending = new Map<number, { readonly tell: TellAnswer; readonly asker: Asker | null }>()
  #last = 0

  /** @returns the request with its number */
  add(
    request: RaftRequest,
    tell: TellAnswer,
    asker: Asker | null,
  ): { readonly ticket: number; request: RaftRequest } {
    const ticket = ++this.#last
    if (request.type !== 'fetch') {
      this.#pending.set(ticket, { tell, asker })
      return { ticket, request }
    }
    const { requestId } = request
    const tellFetched: TellAnswer = (reply) =>
      tell(reply?.type === 'fetchReply' ? { ...reply, requestId } : reply)
    this.#pending.set(ticket, { tell: tellFetched, asker })
    return { ticket, request: { ...request, requestId: ticket } }
  }

  /** Null where it is unknown, or is answered. */
  askerOf({ requestId }: FetchToAnswer): Asker | null {
    return this.#pending.get(requestId)?.asker ?? null
  }

  /** The step that took a request has ended: it is answered, unless it is a fetch that is read for. */
  stepped(ticket: number, { answer, reads }: RaftOutput): void {
    if (!reads.some(({ requestId }) => requestId === ticket)) this.#tell(ticket, answer)
  }

  fetched({ requestId }: FetchToAnswer, reply: RaftReply): void {
    this.#tell(requestId, reply)
  }

  /** Nobody is answered any more. */
  close(): void {
    for (const ticket of [...this.#pending.keys()]) this.#tell(ticket, null)
  }

  #tell(ticket: number, reply: RaftReply | null): void {
    const pending = this.#pending.get(ticket)
    this.#pending.delete(ticket)
    pending?.tell(reply)
  }
}
