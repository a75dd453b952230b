import { DescribeConfigs } from '../../protocol/messages/describe-configs.ts'
import { IncrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import type { Admin } from '../with-admin.ts'
import type { Assignment, Move } from './assignments.ts'
import type { Client } from './client.ts'
import { describeBrokers } from './cluster.ts'
import { throwUnlessNone } from './errors.ts'
import { groupBy } from './group-by.ts'

/** Of topics: the replicas that are throttled. */
const LISTS = [
  'leader.replication.throttled.replicas',
  'follower.replication.throttled.replicas',
] as const
/** Of brokers: bytes a second. */
const RATES = ['leader.replication.throttled.rate', 'follower.replication.throttled.rate'] as const

const TOPIC = 2
const BROKER = 4
const SET = 0
const DELETE = 1
/** So many resources are described by one request. */
const PIECE = 500

interface Change {
  readonly name: string
  readonly value: string | null
}

/** Where a partition's records come from, and which replicas get them. */
interface Copy {
  readonly topic: string
  readonly partition: number
  readonly from: readonly number[]
  readonly to: readonly number[]
}

/**
 * Has the replicas that a plan moves, and those that are on their way, fetch no faster than that from their leaders: on every broker
 * that has or gets some of them, as `kafka-reassign-partitions --throttle` does.
 * @param current where the partitions of the plan are
 * @returns the brokers that could not be told, since they aren't there
 */
export async function throttleMoves(
  admin: Admin,
  plan: readonly Assignment[],
  current: readonly Assignment[],
  under: readonly Move[],
  bytesPerSecond: number,
): Promise<number[]> {
  const copies = copiesOf(plan, current, under)
  for (const [topic, ofTopic] of groupBy(copies, (copy) => copy.topic)) {
    const list = (which: 'from' | 'to'): string =>
      ofTopic.flatMap((copy) => copy[which].map((id) => `${copy.partition}:${id}`)).join()
    const values = [list('from'), list('to')]
    const changes = LISTS.map((name, index) => ({ name, value: values[index]! }))
    await alter(admin.client, TOPIC, topic, changes)
  }
  const ids = new Set(copies.flatMap(({ from, to }) => [...from, ...to]))
  const { brokers } = await describeBrokers(admin.client)
  const isThere = (id: number): boolean =>
    brokers.some(({ brokerId, isFenced }) => brokerId === id && !isFenced)
  const rates = RATES.map((name) => ({ name, value: String(bytesPerSecond) }))
  for (const id of ids) if (isThere(id)) await alter(admin.client, BROKER, String(id), rates)
  return [...ids].filter((id) => !isThere(id))
}

/** What is copied: of a partition on its way by whom it had before, also where it is sent elsewhere now. */
function copiesOf(
  plan: readonly Assignment[],
  current: readonly Assignment[],
  under: readonly Move[],
): Copy[] {
  const copies = new Map<string, Copy>()
  const key = ({ topic, partition }: Pick<Copy, 'topic' | 'partition'>): string =>
    `${partition}/${topic}`
  for (const { topic, partition, replicas, adding } of under) {
    const from = replicas.filter((id) => !adding.includes(id))
    copies.set(key({ topic, partition }), { topic, partition, from, to: adding })
  }
  const known = new Map(current.map((one) => [key(one), one.replicas]))
  for (const { topic, partition, replicas } of plan) {
    const from = copies.get(key({ topic, partition }))?.from ?? known.get(key({ topic, partition }))
    // Of one that there isn't the controller tells.
    if (from === undefined) continue
    const to = replicas.filter((id) => !from.includes(id))
    copies.set(key({ topic, partition }), { topic, partition, from, to })
  }
  return [...copies.values()]
}

/** Whose throttles were removed. */
export interface Unthrottled {
  readonly topics: readonly string[]
  readonly brokers: readonly number[]
}

/**
 * Removes what throttles moves that are over: from topics the lists that name replicas one by one, and then from brokers the rates,
 * unless topics are left that are throttled as a whole. Those are somebody's wish, and no move's.
 * @param names the topics to look at; null for all
 */
export async function removeThrottles(
  admin: Admin,
  names: readonly string[] | null,
): Promise<Unthrottled> {
  const { client } = admin
  const { topics: all } = await client.metadata(null)
  const lists = await described(
    client,
    TOPIC,
    all.flatMap(({ name }) => name ?? []),
    LISTS,
  )
  const isWhole = (values: readonly string[]): boolean => values.includes('*')
  const topics = [...lists]
    .filter(([name, values]) => !isWhole(values) && (names?.includes(name) ?? true))
    .map(([name]) => name)
  for (const topic of topics) await alter(client, TOPIC, topic, removed(LISTS))
  const isNeeded = [...lists].some(([name]) => !topics.includes(name))
  if (topics.length === 0 || isNeeded) return { topics, brokers: [] }
  const brokers: number[] = []
  for (const { brokerId, isFenced } of (await describeBrokers(client)).brokers) {
    if (isFenced) continue
    const rates = await described(client, BROKER, [String(brokerId)], RATES, { node: brokerId })
    if (rates.size === 0) continue
    await alter(client, BROKER, String(brokerId), removed(RATES))
    brokers.push(brokerId)
  }
  return { topics, brokers }
}

const removed = (names: readonly string[]): Change[] => names.map((name) => ({ name, value: null }))

/** The values that resources have of their own, by their names; those without any are left out. */
async function described(
  client: Client,
  resourceType: typeof TOPIC | typeof BROKER,
  names: readonly string[],
  keys: readonly string[],
  to: { node?: number } = {},
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  const own = resourceType === TOPIC ? OWN_OF_TOPIC : OWN_OF_BROKER
  for (let at = 0; at < names.length; at += PIECE) {
    const resources = names
      .slice(at, at + PIECE)
      .map((resourceName) => ({ resourceType, resourceName, configurationKeys: [...keys] }))
    const { results } = await client.request(
      DescribeConfigs,
      { resources, includeSynonyms: false, includeDocumentation: false },
      to,
    )
    for (const { errorCode, errorMessage, resourceName, configs } of results) {
      // It was deleted meanwhile.
      if (errorCode === 'UNKNOWN_TOPIC_OR_PARTITION') continue
      throwUnlessNone(errorCode, `The settings of ${resourceName}`, errorMessage)
      const values = configs.flatMap(({ value, configSource }) =>
        configSource === own && value !== null && value !== '' ? [value] : [],
      )
      if (values.length > 0) found.set(resourceName, values)
    }
  }
  return found
}

/** Kafka's numbers of where a value comes from. */
const OWN_OF_TOPIC = 1
const OWN_OF_BROKER = 2

async function alter(
  client: Client,
  resourceType: typeof TOPIC | typeof BROKER,
  resourceName: string,
  changes: readonly Change[],
): Promise<void> {
  const configs = changes.map(({ name, value }) => ({
    name,
    value,
    configOperation: value === null ? DELETE : SET,
  }))
  const { responses } = await client.request(
    IncrementalAlterConfigs,
    { resources: [{ resourceType, resourceName, configs }], validateOnly: false },
    // A broker judges its own settings.
    resourceType === BROKER ? { node: Number(resourceName) } : {},
  )
  const { errorCode, errorMessage } = responses[0]!
  const whose = resourceType === BROKER ? `broker ${resourceName}` : `topic ${resourceName}`
  throwUnlessNone(errorCode, `The throttle of ${whose}`, errorMessage)
}
