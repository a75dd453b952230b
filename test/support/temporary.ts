import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Directories for the tests of one file, removed by `removeAll` (call it in afterAll). */
export function temporaryDirectories(): { make(): string; removeAll(): void } {
  const made: string[] = []
  return {
    make: () => {
      const path = mkdtempSync(join(tmpdir(), 'ottla-test-'))
      made.push(path)
      return path
    },
    removeAll: () => {
      for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
    },
  }
}

/**
 * The same for files that have nothing to stop before their directories go: to be called once in each file, outside of
 * its tests. (A hook at the top of a module that several test files share would only be the first one's.)
 */
export function useTemporaryDirectories(): () => string {
  const { make, removeAll } = temporaryDirectories()
  afterAll(removeAll)
  return make
}
