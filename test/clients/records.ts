/** A record as the drivers pass it: key, value, headers in order. */
export type SentRecord = readonly [
  key: string | null,
  value: string | null,
  headers: readonly (readonly [name: string, value: string])[],
]

/** A record as the drivers read it back. */
export type ReadRecord = readonly [
  partition: number,
  offset: number,
  key: string | null,
  value: string | null,
  headers: readonly (readonly [name: string, value: string])[],
]

/** What a client's way of sending can't express. */
export interface RecordLimits {
  /** All records of a call share their headers (kcat). */
  readonly sharedHeaders?: boolean
  /** No null keys or values (kcat's lines). */
  readonly noNulls?: boolean
}

/** Record number i of a suite: text beyond ASCII, null keys, null values, repeated header names. */
export const sentRecord = (index: number, limits: RecordLimits): SentRecord => {
  const nulls = limits.noNulls !== true
  const key = nulls && index % 10 === 9 ? null : `key-${index % 1000}`
  const value =
    nulls && index % 100 === 50 ? null : `${index} žluťoučký ${'kůň '.repeat(index % 12)}`
  const origin = [
    ['origin', 'ottla'],
    ['origin', 'Praha č. 1'],
  ] as const
  return [key, value, limits.sharedHeaders === true ? origin : [['index', `${index}`], ...origin]]
}

/** Fails unless offsets rise by one from the first in each partition. */
const checkOffsets = (records: readonly ReadRecord[], firstOffset: number | null): void => {
  const next = new Map<number, number>()
  for (const [partition, offset] of records) {
    const expected = next.get(partition) ?? firstOffset ?? offset
    if (offset !== expected)
      throw new Error(`partition ${partition}: offset ${offset} came where ${expected} was due`)
    next.set(partition, offset + 1)
  }
}

/**
 * Fails unless the records read are exactly those sent, each once, equal in key, value and headers, and in the order
 * sent within each partition.
 * @param firstOffset the offset that every partition begins with, or null when the reading began anywhere
 */
export const checkReadBack = (
  sent: readonly SentRecord[],
  read: readonly ReadRecord[],
  firstOffset: number | null = 0,
): void => {
  if (read.length !== sent.length)
    throw new Error(`${sent.length} records were sent and ${read.length} read`)
  checkOffsets(read, firstOffset)
  const places = new Map<string, number[]>()
  for (const [index, record] of sent.entries()) {
    const text = JSON.stringify(record)
    const place = places.get(text)
    if (place === undefined) places.set(text, [index])
    else place.push(index)
  }
  const last = new Map<number, number>()
  for (const [partition, offset, ...record] of read) {
    const text = JSON.stringify(record)
    const index = places.get(text)?.shift()
    const where = `partition ${partition}, offset ${offset}`
    if (index === undefined) throw new Error(`${where}: nobody sent ${text}, or not so often`)
    if (index <= (last.get(partition) ?? -1))
      throw new Error(`${where}: sent as number ${index}, after ${last.get(partition)}: ${text}`)
    last.set(partition, index)
  }
}

/** What a streaming producer says when it was told to stop. */
export interface StreamResult {
  /** Records 0 to sent - 1 were given to the client, their number as the value. */
  readonly sent: number
  /** The numbers of those that the client reported as failed; all others were acknowledged. */
  readonly failed: readonly number[]
}

/** What a client promises of a stream that was interrupted. */
export interface StreamPromise {
  /** Nothing is there twice. */
  readonly once: boolean
  /** First appearances are in the order sent. */
  readonly inOrder: boolean
}

/** Fails unless every acknowledged record of a stream was read back, as the client promises. */
export const checkStream = (
  result: StreamResult,
  read: readonly ReadRecord[],
  promise: StreamPromise,
): void => {
  checkOffsets(read, 0)
  const failed = new Set(result.failed)
  const seen = new Set<number>()
  let last = -1
  for (const [, offset, , value] of read) {
    const number = Number(value)
    if (seen.has(number)) {
      if (promise.once) throw new Error(`offset ${offset}: record ${number} is there twice`)
      continue
    }
    seen.add(number)
    if (promise.inOrder && number < last && !failed.has(number))
      throw new Error(`offset ${offset}: record ${number} came after ${last}`)
    last = Math.max(last, number)
  }
  for (let number = 0; number < result.sent; number++)
    if (!seen.has(number) && !failed.has(number))
      throw new Error(`record ${number} of ${result.sent} was acknowledged and is lost`)
}

/** Fails unless the records read have just these values, each once. */
export const checkCopied = (values: readonly string[], read: readonly ReadRecord[]): void => {
  const missing = new Set(values)
  for (const [partition, offset, , value] of read) {
    if (!missing.delete(value ?? ''))
      throw new Error(
        `partition ${partition}, offset ${offset}: ${value} is there twice, or nobody sent it`,
      )
  }
  if (missing.size > 0) throw new Error(`not copied: ${[...missing].slice(0, 10).join(', ')} ...`)
}
