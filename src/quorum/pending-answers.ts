import type { FetchToAnswer, RaftOutput, RaftReply, RaftRequest } from './types.ts'

/** Told once of the answer to a request of another node; null where it gets none, and its connection should end. */
export type TellAnswer = (reply: RaftReply | null) => void

/** Other nodes' requests that are not answered yet. Each gets a number of this node's own, and is answered once. */
export class PendingAnswers {
  readonly #pending = new Map<number, TellAnswer>()
  #last = 0

  /** @returns the request with its number */
  add(request: RaftRequest, tell: TellAnswer): { readonly ticket: number; request: RaftRequest } {
    const ticket = ++this.#last
    if (request.type !== 'fetch') {
      this.#pending.set(ticket, tell)
      return { ticket, request }
    }
    const { requestId } = request
    this.#pending.set(ticket, (reply) =>
      tell(reply?.type === 'fetchReply' ? { ...reply, requestId } : reply),
    )
    return { ticket, request: { ...request, requestId: ticket } }
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
    const tell = this.#pending.get(ticket)
    this.#pending.delete(ticket)
    tell?.(reply)
  }
}
