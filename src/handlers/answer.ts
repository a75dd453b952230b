/**
 * An answer; null sends nothing (acks=0); `closeConnection` ends the connection in place of an answer, and so does `hangUp`,
 * where it needs no line in the log: the node stops, or has said before what is wrong.
 */
export type Answer<Response> = Response | null | typeof closeConnection | typeof hangUp
export const closeConnection = Symbol('close the connection')
export const hangUp = Symbol('hang up')

/** Whether there is anything to be sent. */
export function isAnswer<Response extends object>(answer: Answer<Response>): answer is Response {
  return answer !== null && typeof answer === 'object'
}

/** Who waits for an answer: one of these is called, once. */
export interface AnswerListener<Response> {
  given(answer: Answer<Response>): void
  failed(error: unknown): void
}

/**
 * An answer that comes later, at the moment it is given: a promise would bring it a few hops after that, and they cost
 * as much as a small request does.
 */
export class Later<Response> {
  #listener: AnswerListener<Response> | null = null
  /** What the listener is to be told, where it wasn't there yet. */
  #told: ((listener: AnswerListener<Response>) => void) | null = null

  /** To be called once; so is `fail` in its place. */
  give(answer: Answer<Response>): void {
    if (this.#listener === null) this.#told = (listener) => listener.given(answer)
    else this.#listener.given(answer)
  }

  fail(error: unknown): void {
    if (this.#listener === null) this.#told = (listener) => listener.failed(error)
    else this.#listener.failed(error)
  }

  /** Tells one listener, at once where the answer was given before. */
  tell(listener: AnswerListener<Response>): void {
    this.#listener = listener
    this.#told?.(listener)
  }
}

/** An answer that is here, or will be. */
export type Answered<Response> = Answer<Response> | Promise<Answer<Response>> | Later<Response>

/** Tells one listener of it. */
export function tell<Response extends object>(
  answered: Answered<Response>,
  listener: AnswerListener<Response>,
): void {
  if (answered instanceof Later) answered.tell(listener)
  else if (answered instanceof Promise) {
    answered.then(
      (answer) => listener.given(answer),
      (error: unknown) => listener.failed(error),
    )
  } else listener.given(answered)
}
