import { UNASSIGNED_DIRECTORY } from '../../ids.ts'
import { directoryOf, hasOnlineDirectory, NO_LEADER } from '../../image.ts'
import type { BrokerImage, PartitionImage } from '../../image.ts'
import type { PartitionChange } from '../../partition-change.ts'
import { RecoveryState } from '../../partition-change.ts'
import { elect } from './election.ts'
import type { Elected, Election } from './election.ts'
import { eligibleAfter } from './eligible.ts'
import { completed } from './reassignment.ts'
import type { Assignment } from './reassignment.ts'
import type { PartitionRules } from './rules.ts'

type Brokers = ReadonlyMap<number, BrokerImage>

const NOBODY: readonly number[] = []

/** What somebody wants of a partition; what isn't named stays, but for what follows from the rest. */
export interface WantedChange {
  readonly isr?: readonly number[]
  readonly assignment?: Assignment
  /** A directory id for each replica; those of new ones follow from their brokers. */
  readonly directories?: readonly string[]
  /** As in `RecoveryState`. */
  readonly leaderRecoveryState?: number
  /** `online` where none is given. */
  readonly election?: Election
  /** [KIP-966] Brokers that have ended without flushing what they had. */
  readonly lost?: readonly number[]
}

/** What a change is decided by, besides the partition. */
export interface ChangeContext {
  readonly rules: PartitionRules
  /** As they are after what the change is for. */
  readonly brokers: Brokers
}

/** What the change comes to, before it is known who leads. */
interface Target extends Assignment {
  readonly directories: readonly string[]
  readonly isr: readonly number[]
  /** Who may lead where nobody is in sync; those that were kept still may in a cluster that keeps nobody any more. */
  readonly eligible: readonly number[]
}

/** Whether a broker is alive, and its replica in a directory that is online. */
function canLead(
  brokers: Brokers,
  partition: Pick<PartitionImage, 'replicas' | 'directories'>,
  id: number,
): boolean {
  const broker = brokers.get(id)
  if (broker === undefined || broker.fenced || broker.inControlledShutdown) return false
  return hasOnlineDirectory(broker.logDirs, directoryOf(partition, id))
}

/** A broker with one directory has no choice; the others tell where they put a replica (KIP-858). */
export function directoryForNew(brokers: Brokers, brokerId: number): string {
  const directories = brokers.get(brokerId)?.logDirs ?? []
  return directories.length === 1 ? directories[0]! : UNASSIGNED_DIRECTORY
}

/**
 * What becomes of a partition by what is wanted, and by what follows: a reassignment whose new replicas are in sync is done,
 * replicas that leave an ISR that gets too small stay eligible (KIP-966), who can't lead any longer is followed by somebody
 * who can. The leader epoch is a new one where the leader is, and where replicas are left out, which only that tells; since
 * metadata.version 3.6 a smaller ISR needs none.
 * @returns null where nothing changes
 */
export function changeOf(
  before: PartitionImage,
  wanted: WantedChange,
  { rules, brokers }: ChangeContext,
): PartitionChange | null {
  const target = targetOf(before, wanted, rules, brokers)
  const elected = elect(electionNow(before, wanted, rules), {
    leader: before.leader,
    replicas: target.replicas,
    isr: target.isr,
    eligible: target.eligible,
    lastKnown: before.lastKnownElr,
    keepsEligible: rules.keepsEligible,
    canLead: (id) => canLead(brokers, target, id),
  })
  const isNew = elected.leader !== before.leader
  const isLeft =
    target.replicas !== before.replicas &&
    before.replicas.some((id) => !target.replicas.includes(id))
  const change: Writable = {}
  if (isNew || isLeft) change.leader = elected.leader
  changeReplicas(change, before, target)
  changeInSync(change, before, target, isNew ? elected : null, rules.keepsEligible)
  changeRecovery(change, before, wanted, isNew && elected.isUnclean)
  for (const _ in change) return change
  return null
}

/** A broker's end changes all its partitions: what follows is added to one object, as parts of it would take longer than all else. */
type Writable = { -readonly [Field in keyof PartitionChange]: PartitionChange[Field] }

/** Who lacks records does not lead while somebody who has them may be back in a moment. */
function electionNow(
  { isr, eligibleLeaderReplicas, lastKnownElr }: PartitionImage,
  { election = 'online' }: WantedChange,
  { awaited }: PartitionRules,
): Election {
  if (election !== 'unclean' || awaited.size === 0) return election
  const mayHaveAll = [...isr, ...eligibleLeaderReplicas, ...lastKnownElr]
  const isAwaited = mayHaveAll.some((id) => awaited.has(id))
  return isAwaited ? 'online' : 'unclean'
}

function targetOf(
  before: PartitionImage,
  wanted: WantedChange,
  { keepsEligible, minInsyncReplicas }: PartitionRules,
  brokers: Brokers,
): Target {
  const wantedIsr = wanted.isr ?? before.isr
  const done = completed(wanted.assignment ?? before, wantedIsr)
  const isr = done?.isr ?? wantedIsr
  const assignment = done?.assignment ?? wanted.assignment ?? before
  const { replicas, addingReplicas, removingReplicas } = assignment
  const placed = {
    replicas: before.replicas,
    directories: wanted.directories ?? before.directories,
  }
  const directories =
    replicas === before.replicas
      ? placed.directories
      : replicas.map((id) =>
          before.replicas.includes(id) ? directoryOf(placed, id) : directoryForNew(brokers, id),
        )
  const lost = wanted.lost ?? NOBODY
  const eligible = keepsEligible
    ? eligibleAfter(before, isr, minInsyncReplicas, lost)
    : before.eligibleLeaderReplicas.filter((id) => !lost.includes(id))
  return {
    replicas,
    addingReplicas,
    removingReplicas,
    directories,
    isr,
    eligible: eligible.length === 0 ? NOBODY : eligible.filter((id) => replicas.includes(id)),
  }
}

function changeReplicas(change: Writable, before: PartitionImage, target: Target): void {
  const { replicas, addingReplicas, removingReplicas, directories } = target
  if (!isSame(before.replicas, replicas)) change.replicas = replicas
  if (!isSame(before.addingReplicas, addingReplicas)) change.addingReplicas = addingReplicas
  if (!isSame(before.removingReplicas, removingReplicas)) change.removingReplicas = removingReplicas
  if (!isSame(before.directories, directories)) change.directories = directories
}

/** @param elected null where the leader stays */
function changeInSync(
  change: Writable,
  before: PartitionImage,
  target: Target,
  elected: Elected | null,
  keepsEligible: boolean,
): void {
  let { isr } = target
  let eligible = keepsEligible ? target.eligible : NOBODY
  if (elected?.isUnclean === true) {
    // Nobody is in sync with records that may differ from all others.
    isr = [elected.leader]
    eligible = NOBODY
  } else if (elected !== null && target.eligible.includes(elected.leader)) {
    isr = [elected.leader]
    eligible = eligible.filter((id) => id !== elected.leader)
  }
  // Where nobody keeps who is eligible, the last one in sync stays in the ISR, so that it is known who may lead again.
  if ((isr.length > 0 || keepsEligible) && !isSame(before.isr, isr)) change.isr = isr
  if (!isSame(before.eligibleLeaderReplicas, eligible)) change.eligibleLeaderReplicas = eligible
  if (!keepsEligible) return
  const lastKnown = lastKnownAfter(before, isr, elected?.leader ?? before.leader)
  if (!isSame(before.lastKnownElr, lastKnown)) change.lastKnownElr = lastKnown
}

/**
 * [KIP-966] Who led when nobody was in sync any more is remembered until somebody leads again. Where nobody led then, since
 * the cluster kept nobody when the leader died, the only one in sync has led.
 */
function lastKnownAfter(
  { lastKnownElr, isr: formerIsr, leader: formerLeader }: PartitionImage,
  isr: readonly number[],
  leader: number,
): readonly number[] {
  if (leader !== NO_LEADER) return NOBODY
  if (isr.length > 0) return lastKnownElr
  // It may have led without anybody in sync: where its only directory failed, it is still to be told.
  const last = formerLeader === NO_LEADER ? formerIsr : [formerLeader]
  return last.length === 1 ? last : lastKnownElr
}

/** [KIP-704] Who leads without having been in sync says later that it is whole. */
function changeRecovery(
  change: Writable,
  before: PartitionImage,
  { leaderRecoveryState: wanted }: WantedChange,
  isUnclean: boolean,
): void {
  const implied = isUnclean ? RecoveryState.RECOVERING : before.leaderRecoveryState
  const state = wanted === undefined || wanted === before.leaderRecoveryState ? implied : wanted
  if (state !== before.leaderRecoveryState) change.leaderRecoveryState = state
}

function isSame<Item>(left: readonly Item[], right: readonly Item[]): boolean {
  if (left === right) return true
  if (left.length !== right.length) return false
  for (let index = 0; index < left.length; index++) {
    if (left[index] !== right[index]) return false
  }
  return true
}
