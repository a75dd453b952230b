import type { Random } from '../host/host.ts'
import { randomUuid } from '../host/random-uuid.ts'

/** 16 random bytes as Kafka writes an id: a UUID of version 4 in base64url that doesn't begin with '-'. */
export function randomId(random: Pick<Random, 'bytes'>): string {
  for (;;) {
    const id = randomUuid(random).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}

/** The directory of a replica whose broker chooses it; the broker tells later which one it is (KIP-858). */
export const UNASSIGNED_DIRECTORY = `${'A'.repeat(21)}Q`
/** The directory of a replica from before directories had ids. */
export const MIGRATING_DIRECTORY = 'A'.repeat(22)
/** A directory that is gone for good. */
export const LOST_DIRECTORY = `${'A'.repeat(21)}g`

/** What an id looks like, for whoever mistyped one. */
export const ID_FORM =
  '22 characters of A-Z, a-z, 0-9, - and _, as ottla storage random-uuid prints it'

/** So many ids from zero on have meanings of their own. */
const RESERVED = 100n

/** Whether a text is an id as Kafka writes it, and none that is reserved. */
export function isId(text: string): boolean {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== 16 || bytes.toString('base64url') !== text) return false
  return bytes.readBigUInt64BE(0) !== 0n || bytes.readBigUInt64BE(8) >= RESERVED
}
