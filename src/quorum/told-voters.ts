import type { Voter } from './types.ts'
import { refused, type VoterChange, type VoterOutcome } from './voter-changes.ts'

type Told = Extract<VoterChange, { kind: 'update' }>

/**
 * [KIP-853] What the voters of a static quorum have told its leader of themselves in its epoch: by that their disks can be named in the
 * log, and kraft.version be raised.
 */
export class ToldVoters {
  #epoch = -1
  readonly #told = new Map<number, Told>()

  /** @param epoch the leader's */
  note(epoch: number, told: Told): void {
    if (epoch !== this.#epoch) this.#told.clear()
    this.#epoch = epoch
    this.#told.set(told.voter.id, told)
  }

  /** A voter asks as one that remembers nothing: it has another disk than the one that was told. */
  forget(id: number): void {
    this.#told.delete(id)
  }

  /** The voters with their disks, which know that kraft.version; or why not. */
  raised(
    epoch: number,
    voters: readonly Voter[],
    kraftVersion: number,
  ): readonly Voter[] | VoterOutcome {
    const told = epoch === this.#epoch ? this.#told : new Map<number, Told>()
    const silent = voters.filter(({ id }) => !told.has(id))
    const unable = voters.filter(({ id }) => {
      const range = told.get(id)?.kraftVersions
      return range !== undefined && !isWithin(kraftVersion, range)
    })
    const why = [
      ...silent.map(({ id }) => `voter ${id} has not told its directory yet`),
      ...unable.map(({ id }) => `voter ${id} does not know it`),
    ]
    if (why.length === 0) {
      return voters.map(({ id }) => {
        const { voter, kraftVersions } = told.get(id)!
        return { ...voter, kraftVersions }
      })
    }
    return refused(
      'INVALID_UPDATE_VERSION',
      `Invalid upgrade of kraft.version to ${kraftVersion} because not all of the voters support it: ${why.join(', ')}`,
    )
  }
}

const isWithin = (level: number, { min, max }: Told['kraftVersions']): boolean =>
  level >= min && level <= max
