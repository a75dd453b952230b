import { readFileSync } from 'node:fs'

/** Where Linux tells a process its limits. */
const LIMITS = '/proc/self/limits'

/** How many files and sockets this process may have open together; null where it isn't known, or there is no limit. */
export function openFileLimit(): number | null {
  let limits: string
  try {
    limits = readFileSync(LIMITS, 'latin1')
  } catch {
    // Other systems have no such file.
    return null
  }
  return parseOpenFileLimit(limits)
}

/** The soft limit in the text of Linux's `/proc/self/limits`. */
export function parseOpenFileLimit(limits: string): number | null {
  const match = /^Max open files\s+(\d+)\s/m.exec(limits)
  return match === null ? null : Number(match[1])
}
