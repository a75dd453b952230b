import type { MetadataFact } from '../facts.ts'
import { NO_LEADER } from '../image.ts'
import { partitionChangeFact } from '../partition-change.ts'
import type { DecidedWithAlarms } from './outcome.ts'
import { changeOf } from './partition/change.ts'
import type { Election } from './partition/election.ts'
import type { PartitionPlace } from './partition/partition-index.ts'
import { rulesOf } from './partition/rules.ts'
import type { PartitionRules } from './partition/rules.ts'
import type { ControllerView } from './view.ts'

/** How many leaders one look elects, as in Kafka: the rest follow in a look at once. */
const MAX_ELECTIONS = 1000

/** The alarm by which leadership goes back to the first of the replicas. */
export const PREFERRED_ALARM = 'preferred leaders'
/** The alarm by which partitions that nobody leads get a leader that may have lost records, where their settings allow it. */
export const UNCLEAN_ALARM = 'unclean leaders'

type Looked = DecidedWithAlarms<null>

/** When the controller looks first, from when it takes office. */
export function firstLooks({ now, elections }: ControllerView): Looked['alarms'] {
  const unclean = { name: UNCLEAN_ALARM, at: now + elections.uncleanIntervalMs }
  if (elections.preferredIntervalMs === null) return [unclean]
  return [{ name: PREFERRED_ALARM, at: now + elections.preferredIntervalMs }, unclean]
}

/** `auto.leader.rebalance.enable`: what is led by another one than the first of its replicas, where that can lead. */
export function balanceLeaders(view: ControllerView): Looked {
  const { preferredIntervalMs } = view.elections
  const places = view.partitions.notPreferred()
  return look(view, PREFERRED_ALARM, preferredIntervalMs, places, () => 'preferred')
}

/** `unclean.leader.election.enable`: what nobody leads. A setting that was changed has its effect here. */
export function electUncleanLeaders(view: ControllerView): Looked {
  const { uncleanIntervalMs } = view.elections
  const places = view.partitions.leaderless()
  return look(view, UNCLEAN_ALARM, uncleanIntervalMs, places, ({ isUncleanAllowed }) =>
    isUncleanAllowed ? 'unclean' : null,
  )
}

function look(
  view: ControllerView,
  name: string,
  intervalMs: number | null,
  places: Iterable<PartitionPlace>,
  electionOf: (rules: PartitionRules) => Election | null,
): Looked {
  const facts: MetadataFact[] = []
  for (const place of places) {
    if (facts.length === MAX_ELECTIONS) break
    const fact = elected(view, place, electionOf)
    if (fact !== null) facts.push(fact)
  }
  const again = facts.length === MAX_ELECTIONS ? 0 : intervalMs
  const at = again === null ? null : view.now + again
  return { facts, alarms: [{ name, at }], reply: null }
}

function elected(
  view: ControllerView,
  { topicId, index }: PartitionPlace,
  electionOf: (rules: PartitionRules) => Election | null,
): MetadataFact | null {
  const topic = view.image.topics.byId.get(topicId)!
  const rules = rulesOf(view, topic)
  const election = electionOf(rules)
  if (election === null) return null
  const context = { rules, brokers: view.image.brokers }
  const change = changeOf(topic.partitions[index]!, { election }, context)
  if (change?.leader === undefined || change.leader === NO_LEADER) return null
  return partitionChangeFact(topicId, index, change)
}
