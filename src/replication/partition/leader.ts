import type { ErrorName } from '../../../protocol/errors.ts'
import type { Clock, Logger } from '../../host/host.ts'
import type { Log } from '../../log/log.ts'
import type { BrokerImage } from '../../metadata/image.ts'
import type { IsrOutcome, IsrProposal } from '../isr/isr-changes.ts'
import { FollowerState } from './follower-state.ts'
import type { FollowerId } from './follower-state.ts'
import type { PartitionAssignment } from './assignment.ts'

/** What the controller refused for a reason that may pass is asked for again after this. */
const RETRY_MS = 50
const RECOVERED = 0

/** What a leader has of its broker, and of the cluster. */
export interface LeaderServices {
  readonly clock: Clock
  readonly log: Logger
  readonly brokerId: number
  /** Of this broker's registration. */
  readonly brokerEpoch: () => number
  /** A broker as the cluster knows it now. */
  readonly broker: (
    brokerId: number,
  ) => Pick<BrokerImage, 'epoch' | 'fenced' | 'inControlledShutdown'> | undefined
  /** `replica.lag.time.max.ms` */
  readonly maxLagMs: () => number
  /** An epoch begins of a partition that others are to follow here. */
  readonly leadBegan: () => void
  /** Asks the controller for another ISR. */
  readonly proposeIsr: (proposal: IsrProposal, settled: (outcome: IsrOutcome) => void) => void
}

/** The partition, as who leads it sees it. */
export interface LedPartition {
  readonly topic: string
  readonly topicId: string
  readonly index: number
  readonly assignment: PartitionAssignment
  /** The first offset of the leader's epoch. */
  readonly epochStartOffset: number
  readonly log: Log | null
  /** The controller has agreed to another ISR; the image of the cluster will say so, too. */
  isrAltered(isr: readonly number[], partitionEpoch: number): void
}

/** What is new to a leader of a partition of which the cluster has said something. */
export interface LeaderChange {
  /** Another broker has led until now, or none. */
  readonly isNewLeader: boolean
  readonly isNewEpoch: boolean
  /** By its partition epoch it is another state than the one that this leader knows. */
  readonly isNewState: boolean
}

/** An ISR that the controller was asked for, and what is not known to have come of it. */
interface PendingIsr {
  readonly isr: readonly number[]
  /** Who is to come in; null where the ISR shrinks. */
  readonly joins: number | null
}

/**
 * What the leader of a partition with several replicas knows of the others: how far each has come, who is in sync, and how far
 * all of these are (Kafka's Partition, in its part as leader). While the controller is asked for another ISR (KIP-497), one who
 * would come in counts as in already, and one who would go as in still: whatever the controller decides, nobody who is in sync
 * lacks a record below the high watermark.
 */
export class Leader {
  readonly #services: LeaderServices
  readonly #partition: LedPartition
  #followers: FollowerState[] = []
  #pending: PendingIsr | null = null

  constructor(services: LeaderServices, partition: LedPartition) {
    this.#services = services
    this.#partition = partition
  }

  /** The partition's epoch begins, or its replicas or its ISR are others. */
  follow(change: LeaderChange): void {
    const { brokerId, clock } = this.#services
    const { replicas, isr } = this.#partition.assignment
    if (change.isNewState) this.#pending = null
    this.#followers = replicas
      .filter((id) => id !== brokerId)
      .map((id) => this.#find(id) ?? new FollowerState(id))
    if (!change.isNewEpoch) return
    this.#services.leadBegan()
    const endOffset = this.#partition.log?.logEndOffset ?? -1
    const now = clock.monotonic()
    for (const follower of this.#followers) {
      follower.begin(isr.includes(follower.brokerId), change.isNewLeader, endOffset, now)
    }
  }

  /** It leads no longer: what comes back from the controller is of no account. */
  end(): void {
    this.#pending = null
    this.#followers = []
  }

  /**
   * What stands against answering a follower. [KIP-903] One whose broker has restarted since is another one.
   * @param knowsEpoch it has named the epoch, which is ours: then its metadata is newer
   */
  check({ brokerId, brokerEpoch }: FollowerId, knowsEpoch: boolean): ErrorName {
    if (this.#find(brokerId) === undefined) {
      return knowsEpoch ? 'UNKNOWN_LEADER_EPOCH' : 'NOT_LEADER_OR_FOLLOWER'
    }
    const broker = this.#services.broker(brokerId)
    const isStale = broker !== undefined && !broker.fenced && broker.epoch > brokerEpoch
    return isStale && brokerEpoch !== -1 ? 'NOT_LEADER_OR_FOLLOWER' : 'NONE'
  }

  /**
   * A follower that was checked has all before this offset.
   * @returns whether that is news
   */
  fetched(
    { brokerId, brokerEpoch }: FollowerId,
    fetchOffset: number,
    logStartOffset: number,
  ): boolean {
    const follower = this.#find(brokerId)
    const { log } = this.#partition
    if (follower === undefined || log === null) return false
    const before = follower.logEndOffset
    const now = this.#services.clock.monotonic()
    follower.fetched(fetchOffset, logStartOffset, brokerEpoch, log.logEndOffset, now)
    this.#expandBy(follower, log)
    return fetchOffset !== before
  }

  /** What all have that are in sync, or may be: the high watermark may be there. */
  leastEndOffset(log: Log): number {
    const endOffset = log.logEndOffset
    let least = endOffset
    for (const follower of this.#followers) {
      if (follower.logEndOffset < least && this.#isWaitedFor(follower, endOffset)) {
        least = follower.logEndOffset
      }
    }
    return least
  }

  /**
   * The low watermark: all have let go of what is before it whose brokers are alive, as the image of the cluster says it.
   * @returns -1 where one of them has not fetched in this epoch
   */
  leastStartOffset({ logStartOffset }: Log): number {
    let least = logStartOffset
    for (const follower of this.#followers) {
      if (follower.logStartOffset >= least) continue
      if (this.#services.broker(follower.brokerId)?.fenced === false)
        least = follower.logStartOffset
    }
    return least
  }

  /** [KIP-392] Consumers may be sent to these: they are in sync, and have the offset. */
  readableAt(fetchOffset: number): FollowerState[] {
    const { isr } = this.#partition.assignment
    return this.#followers.filter(
      ({ brokerId, logStartOffset, logEndOffset }) =>
        logStartOffset <= fetchOffset && fetchOffset <= logEndOffset && isr.includes(brokerId),
    )
  }

  /** Takes out of the ISR who has not caught up for `replica.lag.time.max.ms`. */
  shrinkIsr(): void {
    const { log: logger, brokerId, clock, maxLagMs } = this.#services
    const { log, assignment, topic, index: partition } = this.#partition
    if (this.#pending !== null || log === null) return
    const now = clock.monotonic()
    const late = assignment.isr.filter(
      (id) =>
        id !== brokerId && this.#find(id)?.isCaughtUp(log.logEndOffset, now, maxLagMs()) !== true,
    )
    if (late.length === 0) return
    const followers = late.map((id) => ({ id, logEndOffset: this.#find(id)?.logEndOffset }))
    const { logEndOffset, highWatermark } = log
    const fields = { topic, partition, followers, logEndOffset, highWatermark }
    logger.info(fields, 'Followers have fallen behind: the ISR shrinks')
    const isr = assignment.isr.filter((id) => !late.includes(id))
    this.#propose({ isr, joins: null })
  }

  #find(brokerId: number): FollowerState | undefined {
    return this.#followers.find((follower) => follower.brokerId === brokerId)
  }

  /** Who is in sync or about to be; and, as in Kafka, who is as good as that: else it would never come in under load. */
  #isWaitedFor(follower: FollowerState, endOffset: number): boolean {
    const { brokerId } = follower
    if (this.#partition.assignment.isr.includes(brokerId)) return true
    if (this.#pending?.joins === brokerId) return true
    const { clock, maxLagMs } = this.#services
    const isCaughtUp = follower.isCaughtUp(endOffset, clock.monotonic(), maxLagMs())
    return isCaughtUp && this.#isEligible(follower)
  }

  /** [KIP-841] Alive and not about to stop, in the life that has fetched (KIP-903). */
  #isEligible({ brokerId, brokerEpoch }: FollowerState): boolean {
    const broker = this.#services.broker(brokerId)
    if (broker === undefined || broker.fenced || broker.inControlledShutdown) return false
    return brokerEpoch === -1 || brokerEpoch === broker.epoch
  }

  /** Who has all that is replicated, and what came before this epoch, is in sync again. */
  #expandBy(follower: FollowerState, log: Log): void {
    const { brokerId, logEndOffset } = follower
    const { assignment, epochStartOffset } = this.#partition
    if (this.#pending !== null || assignment.isr.includes(brokerId)) return
    if (logEndOffset < log.highWatermark || logEndOffset < epochStartOffset) return
    if (!this.#isEligible(follower)) return
    this.#propose({ isr: [...assignment.isr, brokerId], joins: brokerId })
  }

  #propose(pending: PendingIsr): void {
    this.#pending = pending
    const { brokerId: own, brokerEpoch, proposeIsr } = this.#services
    const { topicId, index, assignment } = this.#partition
    const epochOf = (id: number): number =>
      id === own ? brokerEpoch() : (this.#find(id)?.brokerEpoch ?? -1)
    const proposal = {
      topicId,
      partitionIndex: index,
      leaderEpoch: assignment.leaderEpoch,
      newIsr: pending.isr.map((id) => ({ brokerId: id, brokerEpoch: epochOf(id) })),
      leaderRecoveryState: RECOVERED,
      partitionEpoch: assignment.partitionEpoch,
    }
    // As it is: a follower that has restarted since is another one (KIP-903), and may lack records.
    const ask = (): void => proposeIsr(proposal, (outcome) => this.#settled(pending, outcome, ask))
    ask()
  }

  /** @param askAgain for the same ISR, of the same lives of brokers */
  #settled(pending: PendingIsr, outcome: IsrOutcome, askAgain: () => void): void {
    // What the image of the cluster has said since is newer.
    if (this.#pending !== pending) return
    const { clock, log } = this.#services
    const { topic, index: partition, assignment } = this.#partition
    const fields = { topic, partition, isr: pending.isr, errorCode: outcome.errorCode }
    switch (outcome.errorCode) {
      case 'NONE':
        if (outcome.leaderEpoch !== assignment.leaderEpoch) return
        if (outcome.partitionEpoch < assignment.partitionEpoch) return
        this.#pending = null
        log.info({ topic, partition, isr: outcome.isr }, 'The ISR has changed')
        return this.#partition.isrAltered(outcome.isr, outcome.partitionEpoch)
      case 'INELIGIBLE_REPLICA':
      case 'OPERATION_NOT_ATTEMPTED':
        // Only here it is sure that nothing has changed, and that what we know of the partition is right.
        this.#pending = null
        return log.debug(fields, 'The ISR was not changed')
      case 'UNKNOWN_TOPIC_ID':
      case 'UNKNOWN_TOPIC_OR_PARTITION':
      case 'FENCED_LEADER_EPOCH':
      case 'INVALID_UPDATE_VERSION':
      case 'INVALID_REQUEST':
      case 'NEW_LEADER_ELECTED':
        // The image of the cluster will say how the partition is.
        return log.debug(fields, 'The ISR was not changed as the partition is another')
      default:
        log.warn(fields, 'The ISR could not be changed; the controller is asked again')
        clock.after(RETRY_MS, () => {
          if (this.#pending === pending) askAgain()
        })
    }
  }
}
