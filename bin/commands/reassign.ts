import type { Command } from 'commander'
import { setTimeout as delay } from 'node:timers/promises'
import {
  byPlace,
  move,
  movesUnderWay,
  type Assignment,
  type Move,
  type MoveOutcome,
} from '../client/assignments.ts'
import { describeBrokers, unknownBroker } from '../client/cluster.ts'
import { throwUnlessNone } from '../client/errors.ts'
import { removeThrottles, throttleMoves } from '../client/throttles.ts'
import { CommandError, UsageError } from '../errors.ts'
import { integer, withClientOptions, withExamples, type ClientCommandOptions } from '../options.ts'
import { print, printEither, printTable, Progress, toJson } from '../output.ts'
import { isChosen, parsePartitions } from '../partition-choice.ts'
import { parsePlan, planText, readPlan } from '../plan-file.ts'
import { planned } from '../reassign-plan.ts'
import { withAdmin, type Admin } from '../with-admin.ts'

/** How often the controller is asked what is still on its way. */
const LOOK_EVERY_MS = 500

interface PlanCommandOptions extends ClientCommandOptions {
  readonly to?: number[]
  readonly without?: number[]
  readonly replicationFactor?: number
}

interface ExecuteOptions extends ClientCommandOptions {
  readonly wait?: boolean
  readonly throttle?: number
}

interface FollowOptions extends ClientCommandOptions {
  readonly preserveThrottles?: boolean
}

const PRESERVE_THROTTLES = [
  '--preserve-throttles',
  'leave throttles as they are, also when nothing is on its way any more',
] as const

export function declare(reassign: Command): void {
  const plan = reassign
    .command('plan')
    .description('Print where replicas should go, as a file for execute; nothing is changed')
    .argument('[partitions...]', 'topics, or partitions as in orders:0,2; all unless named')
    .option('--to <ids>', 'the brokers to use, as in 1,2,3; all unless given', brokerIds('--to'))
    .option('--without <ids>', 'brokers that are to have no replicas', brokerIds('--without'))
    .option(
      '-r, --replication-factor <n>',
      'how many replicas each partition is to have; as many as it has unless given',
      integer('--replication-factor', 1, 32_767),
    )
  withClientOptions(plan)
  withExamples(
    plan,
    'reassign plan --without 3 > plan.json',
    'reassign plan orders -r 3 > plan.json',
  ).action(planCommand)

  const execute = reassign
    .command('execute')
    .description('Have the replicas of a plan move')
    .argument('<file>', "a plan, also one of Kafka's own tool; - reads standard input")
    .option('--wait', 'until all of it is done')
    .option(
      '--throttle <bytes>',
      'so many bytes a second each broker sends and fetches for it; taken back when all is done, by --wait or reassign status',
      integer('--throttle', 0),
    )
  withClientOptions(execute)
  withExamples(
    execute,
    'reassign execute plan.json --wait',
    'reassign execute plan.json --throttle 10000000',
  ).action(executeCommand)

  const status = reassign
    .command('status')
    .description(
      'Show the partitions that are on their way, and which replicas are still missing; where there are none, take back what throttled them',
    )
    .argument('[partitions...]', 'topics, or partitions as in orders:0,2; all unless named')
    .option(...PRESERVE_THROTTLES)
  withClientOptions(status)
  withExamples(status, 'reassign status', 'reassign status orders --json').action(statusCommand)

  const cancel = reassign
    .command('cancel')
    .description('Have partitions that are on their way go back')
    .argument('[partitions...]', 'topics, or partitions as in orders:0,2; all unless named')
    .option(...PRESERVE_THROTTLES)
  withClientOptions(cancel)
  withExamples(cancel, 'reassign cancel orders').action(cancelCommand)
}

function brokerIds(name: string): (text: string) => number[] {
  return (text) => {
    if (/^\d+(,\d+)*$/.test(text)) return text.split(',').map(Number)
    throw new UsageError(`${name} takes broker ids such as 1,2,3: not ${JSON.stringify(text)}`)
  }
}

/** Where partitions are, or, of those on their way, where they will be. */
async function assignments({ client }: Admin, named: readonly string[]): Promise<Assignment[]> {
  const choices = named.map(parsePartitions)
  const names = [...new Set(choices.map(({ topic }) => topic))]
  const { topics } = await client.metadata(names.length === 0 ? null : names)
  const found: Assignment[] = []
  for (const { name, errorCode, partitions } of topics) {
    throwUnlessNone(errorCode, `Topic ${name}`)
    for (const { partitionIndex: partition, replicaNodes: replicas } of partitions) {
      if (isChosen(choices, name!, partition)) found.push({ topic: name!, partition, replicas })
    }
  }
  return found.sort(byPlace)
}

async function planCommand(named: readonly string[], options: PlanCommandOptions): Promise<void> {
  const { to, without = [], replicationFactor = null } = options
  const plan = await withAdmin(options, async (admin) => {
    const { brokers } = await describeBrokers(admin.client)
    const used = brokers.filter(({ brokerId: id, isFenced }) =>
      to === undefined ? !isFenced && !without.includes(id) : to.includes(id),
    )
    const isUnknown = (id: number): boolean => !brokers.some(({ brokerId }) => brokerId === id)
    const missing = to?.find(isUnknown)
    if (missing !== undefined) throw unknownBroker(missing, brokers)
    const under = await movesUnderWay(admin)
    const current = (await assignments(admin, named)).filter(
      (one) => !under.some((other) => byPlace(one, other) === 0),
    )
    // One that was forgotten may have replicas still.
    const nobody = without
      .filter(isUnknown)
      .find((id) => !current.some(({ replicas }) => replicas.includes(id)))
    if (nobody !== undefined) throw unknownBroker(nobody, brokers)
    const most = Math.max(0, ...current.map(({ replicas }) => replicationFactor ?? replicas.length))
    if (most > used.length) {
      throw new CommandError(
        'TOO_FEW_BROKERS',
        `Partitions with ${most} replicas do not fit on ${used.length} brokers`,
        'Name more brokers with --to, or say --replication-factor.',
      )
    }
    return planned(current, {
      brokers: used.map(({ brokerId: id, rack, host }) => ({ id, rack, host })),
      replicationFactor,
    })
  })
  // What is printed is a file for execute, whatever form was asked for.
  await print(options, planText(plan))
  if (plan.length === 0) options.terminal.writeError('There is nothing to move.\n')
}

async function executeCommand(file: string, options: ExecuteOptions): Promise<void> {
  const plan = parsePlan(await readPlan(file, options.terminal), file)
  const { outcomes, before } = await withAdmin(options, async (admin) => {
    const topics = [...new Set(plan.map(({ topic }) => topic))]
    const known = topics.length === 0 ? [] : await assignments(admin, topics)
    const places = known.filter((one) => plan.some((other) => byPlace(one, other) === 0))
    const { throttle: bytesPerSecond } = options
    if (bytesPerSecond !== undefined) {
      const under = await movesUnderWay(admin)
      const missing = await throttleMoves(admin, plan, known, under, bytesPerSecond)
      if (missing.length > 0) {
        const which = `Not there, and so not throttled: broker ${missing.join(', ')}.\n`
        options.terminal.writeError(which)
      }
    }
    const told = plan.length === 0 ? [] : await move(admin, plan)
    if (options.wait === true) await allDone(admin, plan, options)
    if (bytesPerSecond !== undefined) {
      const isOver = await unthrottledWhenOver(admin, null, options)
      if (!isOver) options.terminal.writeError(HOW_TO_UNTHROTTLE)
    }
    return { outcomes: told, before: places }
  })
  const begun = outcomes.filter(({ error }) => error === 'NONE')
  const done = options.wait === true ? 'moved' : 'began to move'
  await printEither(
    options,
    { outcomes, before: JSON.parse(planText(before)) as unknown },
    `${begun.length} of ${outcomes.length} partitions ${done}. To go back, execute:\n${planText(before)}`,
  )
  throwIfRefused(outcomes)
}

const HOW_TO_UNTHROTTLE =
  'It is throttled until ottla reassign status finds that nothing is on its way any more.\n'

/**
 * Takes back what throttled moves, where none is under way any more, and tells of it.
 * @param named the topics; null for all
 * @returns false where some are under way
 */
async function unthrottledWhenOver(
  admin: Admin,
  named: readonly string[] | null,
  { terminal }: ClientCommandOptions,
): Promise<boolean> {
  if ((await movesUnderWay(admin)).length > 0) return false
  const { topics, brokers } = await removeThrottles(admin, named)
  if (topics.length > 0) {
    const ofBrokers = brokers.length === 0 ? '' : `, and of the brokers ${brokers.join(', ')}`
    terminal.writeError(`Took back the throttles of ${topics.join(', ')}${ofBrokers}.\n`)
  }
  return true
}

/** The topics that partitions are named of; null where none are. */
function topicsOf(named: readonly string[]): string[] | null {
  return named.length === 0 ? null : named.map((text) => parsePartitions(text).topic)
}

function throwIfRefused(outcomes: readonly MoveOutcome[]): void {
  const refused = outcomes.filter(({ error }) => error !== 'NONE')
  if (refused.length === 0) return
  const told = refused.map(
    ({ topic, partition, error, message }) => `${topic}:${partition}: ${message ?? error}`,
  )
  throw new CommandError('REFUSED', `The controller refused ${told.join('; ')}`)
}

/** Resolves when none of a plan's partitions is on its way any more. */
async function allDone(
  admin: Admin,
  plan: readonly Assignment[],
  options: ExecuteOptions,
): Promise<void> {
  const progress = new Progress(options)
  for (;;) {
    const under = await movesUnderWay(admin)
    const left = under.filter((one) => plan.some((other) => byPlace(one, other) === 0)).length
    if (left === 0) break
    progress.show(() => `${plan.length - left} of ${plan.length} partitions have moved`)
    await delay(LOOK_EVERY_MS)
  }
  progress.clear()
}

async function statusCommand(named: readonly string[], options: FollowOptions): Promise<void> {
  const choices = named.map(parsePartitions)
  const moves = await withAdmin(options, async (admin) => {
    const under = (await movesUnderWay(admin)).filter(({ topic, partition }) =>
      isChosen(choices, topic, partition),
    )
    if (under.length === 0 && options.preserveThrottles !== true) {
      await unthrottledWhenOver(admin, topicsOf(named), options)
    }
    return Promise.all(under.map(async (one) => ({ ...one, missing: await missingOf(admin, one) })))
  })
  await printTable(
    options,
    moves,
    ['TOPIC', 'PARTITION', 'TO', 'ADDING', 'REMOVING', 'NOT IN SYNC'],
    moves.map(({ topic, partition, replicas, adding, removing, missing }) => [
      topic,
      partition,
      replicas.filter((id) => !removing.includes(id)).join(),
      adding.join() || null,
      removing.join() || null,
      missing.join() || null,
    ]),
    'No partition is on its way.',
  )
}

/** The replicas that a move waits for. */
async function missingOf({ client }: Admin, { topic, partition, replicas, removing }: Move) {
  const { topics } = await client.metadata([topic])
  const found = topics[0]?.partitions.find(({ partitionIndex }) => partitionIndex === partition)
  const inSync = found?.isrNodes ?? []
  return replicas.filter((id) => !removing.includes(id) && !inSync.includes(id))
}

async function cancelCommand(named: readonly string[], options: FollowOptions): Promise<void> {
  const choices = named.map(parsePartitions)
  const outcomes = await withAdmin(options, async (admin) => {
    const under = (await movesUnderWay(admin)).filter(({ topic, partition }) =>
      isChosen(choices, topic, partition),
    )
    const back = under.map(({ topic, partition }) => ({ topic, partition, replicas: null }))
    const told = back.length === 0 ? [] : await move(admin, back)
    if (options.preserveThrottles !== true) {
      await unthrottledWhenOver(admin, topicsOf(named), options)
    }
    return told
  })
  const back = outcomes.filter(({ error }) => error === 'NONE').length
  const text =
    outcomes.length === 0
      ? 'No partition is on its way.'
      : `${back} of ${outcomes.length} partitions went back.`
  await print(options, options.json === true ? toJson(outcomes, 2) : text)
  throwIfRefused(outcomes)
}
