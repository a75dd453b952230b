import module from 'node:module'
import type { LoadFnOutput } from 'node:module'
import { patchedBy, takeEnvironment } from './hooks.ts'

/**
 * Loaded by `--import` in each process and thread of a trial, before anything else: puts the one file with the deliberate
 * bug in place of the compiled one. On newer versions of Node by a hook in the same thread, on older ones by a hook in one of
 * its own.
 */
type Load = (url: string, context: unknown, next: (url: string) => LoadFnOutput) => LoadFnOutput
const { registerHooks } = module as unknown as {
  registerHooks?: (hooks: { load: Load }) => void
}

const patch = takeEnvironment(process.env)
if (patch !== null) {
  if (registerHooks === undefined) module.register('./hooks.js', import.meta.url, { data: patch })
  else registerHooks({ load: (url, _context, next) => patchedBy(patch, url) ?? next(url) })
}
