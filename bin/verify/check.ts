import type { Codecs } from '../../protocol/records/codecs.ts'
import type { Disk } from '../../src/host/host.ts'

/** What is wrong with a file, and where as far as there is a place. */
export interface Finding {
  readonly file: string
  /** In bytes. */
  readonly position?: number
  readonly offset?: number
  readonly problem: string
}

/**
 * `finding` damage; `note` what looks like it and is as it should be while a broker runs, or before it recovers;
 * `progress` nothing but time to say how far it is.
 */
export type Report =
  | { readonly kind: 'finding'; readonly finding: Finding }
  | { readonly kind: 'note'; readonly finding: Finding }
  | { readonly kind: 'progress' }

export type Reports = Generator<Report, void>

/** How much was looked at. */
export interface Tally {
  partitions: number
  segments: number
  batches: number
  /** Only those that were decoded. */
  records: number
  /** Of segments. */
  bytes: number
}

/** What all checks share. */
export interface Check {
  readonly disk: Disk
  readonly codecs: Codecs
  /** Decompresses batches and decodes their records. */
  readonly isDeep: boolean
  readonly tally: Tally
}

export const PROGRESS: Report = { kind: 'progress' }

export const found = (finding: Finding): Report => ({ kind: 'finding', finding })
export const noted = (finding: Finding): Report => ({ kind: 'note', finding })

/** A file's content; null when it is not there, or not any more. */
export function contentOf(disk: Disk, path: string): Buffer | null {
  return unlessGone(() => disk.readFile(path))
}

/** A broker that runs removes files while they are looked at: null for what is gone. */
export function unlessGone<T>(look: () => T): T | null {
  try {
    return look()
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null
    throw error
  }
}
