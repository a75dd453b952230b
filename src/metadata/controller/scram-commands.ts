import type { ControllerCommands, ErrorOutcome, UserOutcome } from './commands.ts'
import type { MetadataFact } from '../facts.ts'
import { METADATA_VERSION } from '../features.ts'
import { scramKey } from '../scram.ts'
import { SUCCESS } from './outcome.ts'
import type { ControllerView } from './view.ts'

type Command = ControllerCommands['alterUserScramCredentials']['command']
type Reply = ControllerCommands['alterUserScramCredentials']['reply']

/** 3.5-IV2. */
const FIRST_VERSION_WITH_SCRAM = 11
const MECHANISMS = [1, 2]
const LEAST_ITERATIONS = 4096
const MOST_ITERATIONS = 16384
const TWICE: ErrorOutcome = {
  errorCode: 'DUPLICATE_RESOURCE',
  errorMessage: 'A user credential cannot be altered twice in the same request',
}

/** AlterUserScramCredentials (KIP-554): each user once, those that can be changed are, whatever becomes of the others. */
export function alterUserScramCredentials(
  { image }: ControllerView,
  { deletions, upsertions }: Command,
): { facts: MetadataFact[]; reply: Reply } {
  const outcomes = new Map<string, { outcome: ErrorOutcome; fact: MetadataFact }>()
  const lacksScram = (image.features.get(METADATA_VERSION) ?? 0) < FIRST_VERSION_WITH_SCRAM
  const note = (name: string, problem: ErrorOutcome | null, fact: MetadataFact): void => {
    const known = outcomes.get(name)?.outcome
    if (known !== undefined && known.errorCode !== 'NONE') return
    const outcome = known !== undefined ? TWICE : lacksScram ? UNSUPPORTED : (problem ?? SUCCESS)
    outcomes.set(name, { outcome, fact })
  }
  for (const { name, mechanism } of deletions) {
    const isThere = image.others.has(scramKey(mechanism, name))
    const problem = wrongUser(name, mechanism) ?? (isThere ? null : MISSING)
    note(name, problem, removal({ name, mechanism }))
  }
  for (const upsertion of upsertions) {
    const { name, mechanism, iterations } = upsertion
    const problem = wrongUser(name, mechanism) ?? wrongIterations(iterations)
    note(name, problem, { type: 'UserScramCredentialRecord', version: 0, value: upsertion })
  }
  const all = [...outcomes]
  return {
    facts: all.flatMap(([, { outcome, fact }]) => (outcome.errorCode === 'NONE' ? [fact] : [])),
    reply: all.map(([user, { outcome }]): UserOutcome => ({ user, ...outcome })),
  }
}

const UNSUPPORTED: ErrorOutcome = {
  errorCode: 'UNSUPPORTED_VERSION',
  errorMessage: 'The current metadata.version does not support SCRAM',
}
const MISSING: ErrorOutcome = {
  errorCode: 'RESOURCE_NOT_FOUND',
  errorMessage: 'Attempt to delete a user credential that does not exist',
}
const unacceptable = (errorMessage: string): ErrorOutcome => ({
  errorCode: 'UNACCEPTABLE_CREDENTIAL',
  errorMessage,
})

function wrongUser(name: string, mechanism: number): ErrorOutcome | null {
  if (name === '') return unacceptable('Username must not be empty')
  if (MECHANISMS.includes(mechanism)) return null
  return { errorCode: 'UNSUPPORTED_SASL_MECHANISM', errorMessage: 'Unknown SCRAM mechanism' }
}

function wrongIterations(iterations: number): ErrorOutcome | null {
  if (iterations < LEAST_ITERATIONS) return unacceptable('Too few iterations')
  return iterations > MOST_ITERATIONS ? unacceptable('Too many iterations') : null
}

const removal = (value: { name: string; mechanism: number }): MetadataFact => ({
  type: 'RemoveUserScramCredentialRecord',
  version: 0,
  value,
})
