import { ZERO_UUID } from '../../protocol/schema.ts'
import type { Peers } from './peers.ts'
import type { KraftVersions, ReplicaKey, Voter } from './types.ts'
import { isKeyOf } from './rules.ts'

/** [KIP-853] What is to become of the quorum's voters. */
export type VoterChange =
  /** An observer that has what the leader has votes from now on. */
  | { readonly kind: 'add'; readonly voter: Voter; readonly ackWhenCommitted: boolean }
  /** A voter is an observer from now on; the leader itself may be, and resigns then. */
  | { readonly kind: 'remove'; readonly voter: ReplicaKey }
  /** A voter says where it listens now. */
  | {
      readonly kind: 'update'
      readonly voter: Voter
      /** The levels of kraft.version that it knows. */
      readonly kraftVersions: KraftVersions
    }

export type VoterProblem =
  | 'NOT_LEADER_OR_FOLLOWER'
  | 'INVALID_REQUEST'
  | 'UNSUPPORTED_VERSION'
  | 'REQUEST_TIMED_OUT'
  | 'DUPLICATE_VOTER'
  | 'VOTER_NOT_FOUND'
  | 'INVALID_UPDATE_VERSION'

/** `errorMessage` says why, for people. */
export interface VoterOutcome {
  readonly errorCode: VoterProblem | 'NONE'
  readonly errorMessage: string | null
}

export const DONE: VoterOutcome = { errorCode: 'NONE', errorMessage: null }

export const refused = (errorCode: VoterProblem, errorMessage: string): VoterOutcome => ({
  errorCode,
  errorMessage,
})

/** What a leader knows as it decides. */
export interface VoterView {
  readonly kraftVersion: number
  readonly voters: readonly Voter[]
  readonly peers: Pick<Peers, 'listenerName'>
  /** The last change is not committed yet. */
  readonly isChanging: boolean
  /** Whether a replica has had, when it last fetched, all that this leader had. */
  isCaughtUp(replica: ReplicaKey): boolean
}

/** The voters as they are to be; the same ones where nothing changes; or why not. */
export function changedVoters(
  view: VoterView,
  change: VoterChange,
): readonly Voter[] | VoterOutcome {
  const { kraftVersion, voters, isChanging } = view
  const { id, directoryId } = change.voter
  const missing = missingIn(change, view.peers.listenerName)
  if (missing !== null) return refused('INVALID_REQUEST', missing)
  const name = `${id} with the directory ${directoryId}`
  const known = voters.find((voter) => voter.id === id)
  if (kraftVersion < 1) {
    // A static quorum: its voters stand in the settings, which nobody changes from here.
    if (change.kind === 'update' && known !== undefined) return voters
    if (change.kind === 'update') return refused('VOTER_NOT_FOUND', `${id} is no voter`)
    return refused(
      'UNSUPPORTED_VERSION',
      'The voters of this quorum stand in controller.quorum.voters (kraft.version 0), and can not be changed',
    )
  }
  if (isChanging) {
    return refused('REQUEST_TIMED_OUT', 'Another change of the voters is not committed yet')
  }
  if (change.kind === 'add') {
    if (known !== undefined) {
      return refused('DUPLICATE_VOTER', `${id} is a voter already, with ${known.directoryId}`)
    }
    if (!view.isCaughtUp(change.voter)) {
      return refused('REQUEST_TIMED_OUT', `${name} has not all that the leader has: start it first`)
    }
    return [...voters, change.voter]
  }
  if (known === undefined || !isKeyOf(change.voter, known)) {
    return refused('VOTER_NOT_FOUND', `${name} is no voter`)
  }
  if (change.kind === 'update') {
    const told = { ...change.voter, kraftVersions: change.kraftVersions }
    return isToldAs(known, told) ? voters : voters.map((voter) => (voter === known ? told : voter))
  }
  if (voters.length === 1) return refused('VOTER_NOT_FOUND', `${id} is the only voter`)
  return voters.filter((voter) => voter !== known)
}

/**
 * [KIP-853] A node that is to vote is asked itself whether it can follow a quorum whose voters stand in the log.
 * @returns what it offers, or why it can't vote
 */
export async function offeredVersions(
  peers: Pick<Peers, 'kraftVersionsOf'>,
  voter: Voter,
  kraftVersion: number,
): Promise<KraftVersions | VoterOutcome> {
  const name = `${voter.id} with the directory ${voter.directoryId}`
  let offered: KraftVersions | null
  try {
    offered = await peers.kraftVersionsOf(voter)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return refused('REQUEST_TIMED_OUT', `${name} could not be asked what it can do: ${why}`)
  }
  const { min, max } = offered ?? { min: 0, max: 0 }
  if (min <= kraftVersion && kraftVersion <= max) return { min, max }
  return refused(
    'INVALID_REQUEST',
    `${name} offers kraft.version ${min} to ${max}, and this quorum has ${kraftVersion}`,
  )
}

/** What nobody could take for a voter: others would have no way to it, and those of Apache Kafka end where the log has it. */
function missingIn(change: VoterChange, listenerName: string | null): string | null {
  const { id, directoryId } = change.voter
  if (id < 0) return `The id of a voter is 0 or above, and not ${id}`
  if (directoryId === ZERO_UUID) return `The directory of voter ${id} is missing`
  if (change.kind === 'remove' || listenerName === null) return null
  const isThere = change.voter.endpoints.some(
    ({ name }) => name.toUpperCase() === listenerName.toUpperCase(),
  )
  if (isThere) return null
  return `The endpoint of voter ${id} for the listener ${listenerName} is missing: by that one voters reach each other`
}

/** Whether a voter is where it was, and knows what it knew. */
export function isToldAs(
  known: Voter,
  told: Voter & Required<Pick<Voter, 'kraftVersions'>>,
): boolean {
  const { endpoints: left, kraftVersions } = known
  const { endpoints: right } = told
  return (
    kraftVersions?.min === told.kraftVersions.min &&
    kraftVersions.max === told.kraftVersions.max &&
    left.length === right.length &&
    left.every(({ name, host, port }) =>
      right.some((other) => other.name === name && other.host === host && other.port === port),
    )
  )
}
