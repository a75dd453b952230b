import type { Envelope, FetchToAnswer, RaftOutput } from './types.ts'

/** A step's output while it is being made. */
export type Draft = { -readonly [Key in keyof RaftOutput]: RaftOutput[Key] } & {
  send: Envelope[]
  reads: FetchToAnswer[]
}

export function emptyOutput(): Draft {
  return {
    persist: null,
    truncateTo: null,
    beginEpoch: null,
    append: null,
    fetchSnapshot: null,
    restore: null,
    send: [],
    answer: null,
    reads: [],
    commit: null,
    contradiction: null,
  }
}
