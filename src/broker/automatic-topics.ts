import type { ErrorName } from '../../protocol/errors.ts'
import type { BrokerConfig } from '../config/broker-config.ts'
import { automaticTopic } from '../coordinators/internal-topics.ts'
import { nextTurn } from '../handlers/turns.ts'
import type { Clock } from '../host/host.ts'
import { ShardError } from '../machine/runtime.ts'
import { MAX_PARTITIONS_PER_OPERATION } from '../metadata/facts.ts'
import type { ControllerChannel } from '../metadata/controller/channel.ts'

/** One Metadata request may name thousands; what the controller decides holds the event loop for that long. */
const TOPICS_AT_ONCE = 100

interface Means {
  readonly clock: Clock
  readonly config: BrokerConfig
  /** Asks the controller, in the name of who named the topics. */
  readonly submit: ControllerChannel['submit']
  /** Resolves when this broker knows the topics, or after a while. */
  known(names: readonly string[]): Promise<void>
  /** Resolves when the replicas of what was made serve. */
  settled(): Promise<void>
}

/**
 * Makes topics that a client named and nobody has made, with the cluster's defaults; as many as the controller makes for one
 * request (Kafka's limit), or none.
 * @returns those that could not be made, with the error to tell
 */
export async function createTopicsAutomatically(
  names: readonly string[],
  means: Means,
): Promise<Map<string, ErrorName>> {
  const most = MAX_PARTITIONS_PER_OPERATION / means.config.get('num.partitions')
  // What goes in one command the controller judges by itself.
  if (names.length > Math.max(most, TOPICS_AT_ONCE))
    return new Map(names.map((name) => [name, 'POLICY_VIOLATION']))
  const refused = new Map<string, ErrorName>()
  for (let from = 0; from < names.length; from += TOPICS_AT_ONCE) {
    if (from > 0) await nextTurn(means.clock)
    await createSome(names.slice(from, from + TOPICS_AT_ONCE), means, refused)
  }
  await means.known(names.filter((name) => !refused.has(name)))
  await means.settled()
  return refused
}

async function createSome(
  names: readonly string[],
  { config, submit }: Means,
  refused: Map<string, ErrorName>,
): Promise<void> {
  const asked = submit({
    type: 'createTopics',
    topics: names.map((name) => automaticTopic(name, config)),
    validateOnly: false,
  })
  const created = await asked.catch((error: unknown) => {
    if (error instanceof ShardError) return null
    throw error
  })
  if (created === null) {
    // Nobody knows whether they are made: clients ask again.
    for (const name of names) refused.set(name, 'LEADER_NOT_AVAILABLE')
    return
  }
  for (const { name, errorCode } of created) {
    if (errorCode !== 'NONE' && errorCode !== 'TOPIC_ALREADY_EXISTS') refused.set(name, errorCode)
  }
}
