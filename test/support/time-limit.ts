import { addEventHandler } from 'jest-circus'
import { patienceFor, within } from '../clients/wait.ts'
import { MUTANT_VARIABLE } from '../mutants/hooks.ts'

/**
 * Loaded before the test files: jest's light runner has no time limit of its own, so that a test which waits for what never
 * comes would hold up all others for good. Here it fails, and its file goes on.
 */
const LIMIT_MS = 120_000
/** In soak, tests are long. */
const SOAK_LIMIT_MS = 3_600_000

function limitAll(): void {
  const usualMs = process.env['OTTLA_SOAK'] === '1' ? SOAK_LIMIT_MS : LIMIT_MS
  addEventHandler((event, { currentDescribeBlock: block }) => {
    if (event.name !== 'add_test' && event.name !== 'add_hook') return
    const isTest = event.name === 'add_test'
    const added = isTest ? block.tests.at(-1) : block.hooks.at(-1)
    // One that is skipped may have no body; one that takes a callback is left alone.
    if (added?.fn == null || added.fn.length > 0) return
    const what = isTest ? `the test “${String(event.testName)}”` : `a hook (${event.hookType})`
    const body = added.fn as () => unknown
    const limitMs = patienceFor(event.timeout ?? usualMs)
    added.fn = async () => void (await within((async () => body())(), what, limitMs))
  })
}

// A trial of a deliberate bug has a limit of its own, and ends at once where nothing is left that a test could wait for.
if (process.env[MUTANT_VARIABLE] === undefined) limitAll()
