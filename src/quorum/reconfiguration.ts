import type { ControlRecordToWrite } from '../../protocol/state/control-records.ts'
import type { AppendDone } from './committed-reader.ts'
import { quorumRecords, votersRecord, type QuorumFacts } from './control.ts'
import type { Peers } from './peers.ts'
import { ToldVoters } from './told-voters.ts'
import type { ReplicaKey, Voter } from './types.ts'
import { changedVoters, DONE, offeredVersions } from './voter-changes.ts'
import type { VoterChange, VoterOutcome } from './voter-changes.ts'

type TellOutcome = (outcome: VoterOutcome) => void

const NOT_LEADING: VoterOutcome = {
  errorCode: 'NOT_LEADER_OR_FOLLOWER',
  errorMessage: 'This node does not lead the quorum',
}

/** The quorum, as the node sees it that is to change it. */
export interface VotersView {
  readonly isLeader: boolean
  readonly epoch: number
  /** As the log has it, committed or not. */
  readonly kraftVersion: number
  readonly voters: readonly Voter[]
  /** Whether what the log says last of the voters is not committed yet. */
  readonly isChanging: boolean
}

/** What is changed: the quorum that this node leads, as long as it does. */
export interface ReconfiguredQuorum {
  /** As of now. */
  view(): VotersView
  /** Whether a replica has, as far as it said not long ago, all that this leader has or had a moment before. */
  isCaughtUp(replica: ReplicaKey): boolean
  /** Nothing else is done from the begin of `run` to the end of what it returns; `dropped` in its place where there is no leading any more. */
  inTurn(run: () => Promise<void>, dropped: () => void): void
  /**
   * Appends control records; who they say votes holds as soon as they are written, which is when this resolves.
   * @param done null when they are committed, else why that is not known
   */
  append(
    facts: QuorumFacts & { readonly voters: readonly Voter[] },
    records: readonly ControlRecordToWrite[],
    done: AppendDone,
  ): Promise<void>
}

/** [KIP-853] Changes who votes in a quorum, one change at a time, and whether its log says so (kraft.version). */
export class Reconfiguration {
  readonly #quorum: ReconfiguredQuorum
  readonly #peers: Pick<Peers, 'listenerName' | 'kraftVersionsOf'>
  readonly #told = new ToldVoters()
  /** A node that is to vote is asked what it can do; no other change begins meanwhile. */
  #isAskingVoter = false
  /** Who waits for a raise of kraft.version that is written and not committed; null where there is none. */
  #raising: TellOutcome[] | null = null

  constructor(quorum: ReconfiguredQuorum, peers: Pick<Peers, 'listenerName' | 'kraftVersionsOf'>) {
    this.#quorum = quorum
    this.#peers = peers
  }

  /** What a voter of a static quorum has told of its disk holds no longer. */
  forget(id: number): void {
    this.#told.forget(id)
  }

  /**
   * Changes who votes, or what the log says of a voter.
   * @returns when it is committed, or, where the change says so, written; or what is against it
   */
  async change(change: VoterChange): Promise<VoterOutcome> {
    if (change.kind !== 'add' || !this.#quorum.view().isLeader) return this.#queue(change)
    // As Apache Kafka does: whatever else is wrong is told before the node is asked, and that it lags behind after.
    const { kraftVersion } = this.#quorum.view()
    const changed = this.#changed(change, () => true)
    if ('errorCode' in changed) return changed
    this.#isAskingVoter = true
    const offered = await offeredVersions(this.#peers, change.voter, kraftVersion)
    this.#isAskingVoter = false
    if ('errorCode' in offered) return offered
    return this.#queue({ ...change, voter: { ...change.voter, kraftVersions: offered } })
  }

  /**
   * Raises kraft.version: from 1 on the log names the voters, with their disks, as each has told the leader.
   * @returns when it is committed, or what is against it
   */
  raise(level: number, validateOnly: boolean): Promise<VoterOutcome> {
    return this.#leading((tell) => this.#raise(level, validateOnly, tell))
  }

  #queue(change: VoterChange): Promise<VoterOutcome> {
    return this.#leading((tell) => this.#change(change, tell))
  }

  /** Does what only a leader can, when its turn has come. */
  #leading(run: (tell: TellOutcome) => Promise<void>): Promise<VoterOutcome> {
    return new Promise((resolve) => {
      this.#quorum.inTurn(
        () => run(resolve),
        () => resolve(NOT_LEADING),
      )
    })
  }

  async #change(change: VoterChange, tell: TellOutcome): Promise<void> {
    const { kraftVersion, voters, epoch } = this.#quorum.view()
    const changed = this.#changed(change, (key) => this.#quorum.isCaughtUp(key))
    if ('errorCode' in changed) return tell(changed)
    if (changed === voters) {
      if (change.kind === 'update') this.#told.note(epoch, change)
      return tell(DONE)
    }
    const facts = { kraftVersion, voters: changed }
    await this.#quorum.append(facts, [votersRecord(changed)], (failure) =>
      tell(failure === null ? DONE : NOT_LEADING),
    )
    if (change.kind === 'add' && !change.ackWhenCommitted) tell(DONE)
  }

  async #raise(level: number, validateOnly: boolean, tell: TellOutcome): Promise<void> {
    const { kraftVersion, voters: before, epoch } = this.#quorum.view()
    if (kraftVersion >= level) {
      // What a former leader has written is committed before this one leads.
      return this.#raising === null || validateOnly ? tell(DONE) : void this.#raising.push(tell)
    }
    const voters = this.#told.raised(epoch, before, level)
    if ('errorCode' in voters) return tell(voters)
    if (validateOnly) return tell(DONE)
    const raising = (this.#raising = [tell])
    const facts = { kraftVersion: level, voters }
    await this.#quorum.append(facts, quorumRecords(level, voters), (failure) => {
      this.#raising = null
      for (const each of raising) each(failure === null ? DONE : NOT_LEADING)
    })
  }

  #changed(
    change: VoterChange,
    isCaughtUp: (replica: ReplicaKey) => boolean,
  ): readonly Voter[] | VoterOutcome {
    const { kraftVersion, voters, ...view } = this.#quorum.view()
    const isChanging = this.#isAskingVoter || view.isChanging
    return changedVoters(
      { kraftVersion, voters, peers: this.#peers, isChanging, isCaughtUp },
      change,
    )
  }
}
