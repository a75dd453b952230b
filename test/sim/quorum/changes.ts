import { isKeyOf } from '../../../src/quorum/rules.ts'
import type { ReplicaKey, Voter } from '../../../src/quorum/types.ts'
import type { Member } from './member.ts'

/**
 * What is asked of a quorum whose voters stand in its log, as somebody would who knows its state: no disk is taken away, and
 * nobody removed, where more than half of the voters would not be left with what they have.
 */
export class VoterRequests {
  readonly #members: ReadonlyMap<number, Member>
  readonly #joining = new Set<Member>()

  constructor(members: ReadonlyMap<number, Member>) {
    this.#members = members
  }

  /** Until it is told to leave, a node that doesn't vote asks to. */
  join(member: Member): void {
    if (member.joinsByItself) member.setJoins(true)
    else this.#joining.add(member)
  }

  /** @param ackWhenCommitted of the answer to whoever joins */
  askAgain(ackWhenCommitted: boolean): void {
    for (const member of this.#joining) {
      const { quorum, asVoter } = member
      if (quorum === null) continue
      for (const leader of this.#leaders) {
        const known = leader.voters.find(({ id }) => id === member.id)
        if (known === undefined) {
          leader.changeVoters({ kind: 'add', voter: asVoter, ackWhenCommitted })
        } else if (!isKeyOf(asVoter, known)) this.#remove(leader, known)
      }
    }
  }

  leave(member: Member): void {
    this.#joining.delete(member)
    member.setJoins(false)
    for (const leader of this.#leaders) {
      const known = leader.voters.find(({ id }) => id === member.id)
      if (known !== undefined) this.#remove(leader, known)
    }
  }

  /**
   * Each voter tells the leader where it listens; until all know it no other one moves, for voters must find each other. Nor does
   * one move whom the others need for a leader: nobody could be told.
   */
  move(member: Member, port: number): void {
    const isNeeded = (voters: readonly Voter[]): boolean =>
      voters.some(({ id }) => id === member.id) && !this.#hasRest(voters, member.key)
    if (this.#all.some(({ voters }) => isNeeded(voters))) return
    if (!this.#arePlacesKnown) return
    member.move(port)
    for (const leader of this.#leaders) {
      leader.changeVoters({
        kind: 'update',
        voter: member.asVoter,
        kraftVersions: { min: 0, max: 1 },
      })
    }
  }

  /** Whether the quorum can do without the disk of a node for good. */
  mayWipe(member: Member): boolean {
    if (this.#all.some(({ pendingChanges }) => pendingChanges > 0)) return false
    // Who has moved, and could tell no leader, can't be asked for its vote: it doesn't stand in for the disk.
    if (!this.#arePlacesKnown) return false
    // It may be about to vote with just this disk.
    const isKnown = this.#all.every(({ voters }) => voters.some((one) => isKeyOf(member.key, one)))
    if (member.isJoining && !isKnown) return false
    return this.#all.every(({ voters }) => voters.length === 0 || this.#hasRest(voters, member.key))
  }

  /** Whether all know where each voter listens that they know of. */
  get #arePlacesKnown(): boolean {
    const isKnown = ({ id, endpoints: [at] }: Voter): boolean =>
      at?.port === this.#members.get(id)?.port
    return this.#all.every(({ voters }) => voters.every(isKnown))
  }

  #remove(leader: Member, voter: Voter): void {
    const left = leader.voters.filter(({ id }) => id !== voter.id)
    if (left.length > 0 && this.#hasRest(left, null)) leader.changeVoters({ kind: 'remove', voter })
  }

  /** Whether more than half of the voters still have their disks when one of them has gone. */
  #hasRest(voters: readonly Voter[], gone: ReplicaKey | null): boolean {
    const there = voters.filter((voter) => {
      const member = this.#members.get(voter.id)
      return member !== undefined && isKeyOf(member.key, voter) && voter.id !== gone?.id
    })
    return there.length > voters.length / 2
  }

  get #all(): Member[] {
    return [...this.#members.values()]
  }

  /** Whoever believes to lead. */
  get #leaders(): Member[] {
    return this.#all.filter(({ quorum }) => quorum?.isLeader === true)
  }
}
