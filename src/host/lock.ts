import { closeSync, constants, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import type { DiskLock } from './host.ts'

/** The one call of the optional package `fs-native-extensions` that locking needs. */
export interface NativeLocks {
  tryLock(descriptor: number): boolean
}

/**
 * Takes exclusive locks on whole files. Java's FileLock is a POSIX record lock; the native package takes an open file
 * description lock, which on Linux conflicts with those of other processes and with those of other descriptors of this
 * one, and which isn't lost when another descriptor of the same file is closed. On macOS it is a `flock`, which excludes
 * this program's own kind but not Java. Where the package can't be loaded, only this disk's own locks exclude each other.
 * @param load gives the package, or null where there is none
 */
export function fileLocks(
  load: () => NativeLocks | null = loadNativeLocks,
): (path: string) => DiskLock | null {
  const held = new Set<string>()
  let native: NativeLocks | null | undefined
  return (path) => {
    const name = resolve(path)
    if (held.has(name)) return null
    if (native === undefined) native = load()
    const descriptor = openSync(name, constants.O_RDWR | constants.O_CREAT, 0o644)
    let locked = native === null
    try {
      locked ||= native!.tryLock(descriptor)
    } finally {
      if (!locked) closeSync(descriptor)
    }
    if (!locked) return null
    held.add(name)
    let isReleased = false
    return {
      advisory: native !== null,
      release: () => {
        // By now the name may be held by somebody else, and the descriptor be of another file.
        if (isReleased) return
        isReleased = true
        held.delete(name)
        closeSync(descriptor)
      },
    }
  }
}

/** @returns null where the package isn't installed or has no build for this machine. */
function loadNativeLocks(): NativeLocks | null {
  try {
    return createRequire(import.meta.url)('fs-native-extensions') as NativeLocks
  } catch {
    return null
  }
}
