/** A record's header: a name, which may occur more than once, and bytes. */
export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

/** A record as it is read. Keys and values are views of the bytes they were read from. */
export interface LogRecord {
  readonly offset: number
  /** Milliseconds since 1970 by convention, -1 for none; a producer may send anything of 64 bits. */
  readonly timestamp: bigint
  /** The idempotent producer's number for this record; -1 where there is none. */
  readonly sequence: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

/** A record as it is given to be written. */
export interface RecordToWrite {
  /** The batch's base offset and upwards, one by one, where it is left out. */
  readonly offset?: number
  readonly timestamp: bigint | number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

export const NO_HEADERS: readonly RecordHeader[] = Object.freeze([])
