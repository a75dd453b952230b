import type { MetadataFact } from '../../facts.ts'
import { directoryOf, NO_LEADER } from '../../image.ts'
import type { BrokerImage, MetadataImage, PartitionImage, TopicImage } from '../../image.ts'
import { partitionChangeFact } from '../../partition-change.ts'
import { changeOf } from './change.ts'
import type { ChangeContext, WantedChange } from './change.ts'
import type { PartitionPlace, Partitions } from './partition-index.ts'
import { rulesOf } from './rules.ts'
import type { PartitionRules, RuleSources } from './rules.ts'

/** What is read to decide what follows from a broker's coming or going. */
export interface PartitionView extends RuleSources {
  readonly partitions: Partitions
}

/** What becomes of a broker. */
export interface BrokerEvent {
  readonly brokerId: number
  /** As it is afterwards; null where it isn't registered. */
  readonly after: BrokerImage | null
}

/** What can't be used any more of a broker. */
export interface BrokerLoss extends BrokerEvent {
  /** The ids of the directories whose replicas are meant; all of them where they aren't given. */
  readonly directories?: ReadonlySet<string>
  /** [KIP-966] It has ended without flushing what it had: it is no longer eligible, either. */
  readonly isUnclean?: boolean
}

/** For one partition after the other what changes; null where nothing does. */
type Changes = IterableIterator<MetadataFact | null>

/** What changes when a broker's replicas can't be used any more: they leave the ISR, and others lead what they led. */
export function withoutBroker(view: PartitionView, loss: BrokerLoss): Changes {
  const { brokerId, directories, isUnclean = false } = loss
  const isMeant = (partition: PartitionImage): boolean => {
    const { leader, isr, eligibleLeaderReplicas } = partition
    const isEligible = isUnclean && eligibleLeaderReplicas.includes(brokerId)
    if (leader !== brokerId && !isr.includes(brokerId) && !isEligible) return false
    return directories?.has(directoryOf(partition, brokerId)) !== false
  }
  const lost = isUnclean ? [brokerId] : []
  return changes(view, loss, view.partitions.withReplicaOn(brokerId), (partition, rules) =>
    isMeant(partition) ? withoutReplica(partition, brokerId, rules, lost) : null,
  )
}

/** What is wanted when a broker's replica of a partition can't be used any more. */
export function withoutReplica(
  { isr }: PartitionImage,
  brokerId: number,
  rules: PartitionRules,
  lost: readonly number[] = [],
): WantedChange {
  return { isr: isr.filter((id) => id !== brokerId), election: electionBy(rules), lost }
}

/** What changes when a broker serves, or is awaited no longer: what nobody leads of its partitions may have a leader now. */
export function electedAgain(view: PartitionView, event: BrokerEvent): Changes {
  return changes(view, event, view.partitions.withReplicaOn(event.brokerId), ({ leader }, rules) =>
    leader === NO_LEADER ? { election: electionBy(rules) } : null,
  )
}

/** The election that keeps a partition going as far as its settings allow. */
export function electionBy({ isUncleanAllowed }: PartitionRules): 'online' | 'unclean' {
  return isUncleanAllowed ? 'unclean' : 'online'
}

function* changes(
  view: PartitionView,
  event: BrokerEvent,
  places: Iterable<PartitionPlace>,
  wantedOf: (partition: PartitionImage, rules: PartitionRules) => WantedChange | null,
): Changes {
  const brokers = brokersAfter(view.image, event)
  let topic: TopicImage | undefined
  let context: ChangeContext | undefined
  for (const { topicId, index } of places) {
    if (topic?.id !== topicId) {
      topic = view.image.topics.byId.get(topicId)!
      context = { rules: rulesOf(view, topic), brokers }
    }
    const partition = topic.partitions[index]!
    const wanted = wantedOf(partition, context!.rules)
    const change = wanted === null ? null : changeOf(partition, wanted, context!)
    yield change === null ? null : partitionChangeFact(topicId, index, change)
  }
}

function brokersAfter(
  { brokers }: MetadataImage,
  { brokerId, after }: BrokerEvent,
): ReadonlyMap<number, BrokerImage> {
  const changed = new Map(brokers)
  if (after === null) changed.delete(brokerId)
  else changed.set(brokerId, after)
  return changed
}
