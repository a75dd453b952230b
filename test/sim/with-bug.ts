import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Patch } from '../mutants/hooks.ts'
import { MUTANT_VARIABLE } from '../mutants/hooks.ts'
import type { Mutant } from '../mutants/mutant.ts'
import { compileMutant, outputOf } from '../mutants/mutant.ts'
import { runGuarded } from '../support/guarded.ts'

const ROOT = process.cwd()
const LIMIT_MS = 600_000

/** What `npm run sim` says of failures with a bug in the code. */
export async function simulateWith(bug: Mutant, options: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-bug-'))
  try {
    const path = join(folder, 'mutant.js')
    writeFileSync(path, compileMutant(bug, ROOT))
    const url = pathToFileURL(join(ROOT, outputOf(bug))).href
    const register = pathToFileURL(join(ROOT, 'dist/test/mutants/register.js')).href
    let output = ''
    await runGuarded([`--import=${register}`, 'dist/test/sim/run.js', ...options], {
      limitMs: LIMIT_MS,
      cwd: ROOT,
      env: { ...process.env, [MUTANT_VARIABLE]: JSON.stringify({ url, path } satisfies Patch) },
      onError: (bytes) => (output += bytes.toString()),
    })
    return output
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The beginning of each report: which rule a seed has broken. */
export function failuresOf(output: string): string[] {
  return output.split('\n').filter((line) => line.startsWith('--seed '))
}
