import { readFileSync } from 'node:fs'
import type { LoadFnOutput, LoadHookContext } from 'node:module'

/** The variable that tells every process and thread of a trial which file is replaced. */
export const MUTANT_VARIABLE = 'OTTLA_MUTANT'

export interface Patch {
  /** The URL of the compiled file. */
  readonly url: string
  /** Where its replacement is. */
  readonly path: string
}

/** What the runner of trials has put there; null in the trial of no bug at all. */
export function takeEnvironment(environment: Record<string, string | undefined>): Patch | null {
  const value = environment[MUTANT_VARIABLE] ?? ''
  return value === '' ? null : (JSON.parse(value) as Patch)
}

export function patchedBy({ url: patched, path }: Patch, url: string): LoadFnOutput | null {
  if (url.split('?')[0] !== patched) return null
  return { format: 'module', source: readFileSync(path, 'utf8'), shortCircuit: true }
}

let patch: Patch | null = null

/** Node calls it in the thread of the hooks. */
export function initialize(data: Patch): void {
  patch = data
}

/** Node calls it for each module. */
export function load(
  url: string,
  context: LoadHookContext,
  next: (url: string, context: LoadHookContext) => Promise<LoadFnOutput>,
): LoadFnOutput | Promise<LoadFnOutput> {
  return (patch === null ? null : patchedBy(patch, url)) ?? next(url, context)
}
