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
