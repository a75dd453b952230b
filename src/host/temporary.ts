import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new directory below the system's place for temporary files. */
export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'ottla-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
