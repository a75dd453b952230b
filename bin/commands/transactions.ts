import type { Command } from 'commander'
import type { Client } from '../client/client.ts'
import {
  abortIn,
  describeTransaction,
  listTransactions,
  openTransactions,
  type DescribedTransaction,
  type OpenTransaction,
} from '../client/transactions.ts'
import { CommandError } from '../errors.ts'
import {
  collect,
  integer,
  parseDuration,
  withClientOptions,
  withExamples,
  type ClientCommandOptions,
} from '../options.ts'
import { print, printEither, printTable, toJson } from '../output.ts'
import { formatFacts } from '../table.ts'
import { withClient } from '../with-client.ts'

/** The longest time-out that brokers allow unless told otherwise: what is open for longer is not aborted by anybody. */
const LONG_MS = 15 * 60_000

interface ListOptions extends ClientCommandOptions {
  readonly state?: string[]
  readonly openFor?: number
  readonly pattern?: string
}

interface HangingOptions extends ClientCommandOptions {
  readonly topic?: string[]
  readonly openFor?: number
}

interface AbortOptions extends ClientCommandOptions {
  readonly startOffset: number
}

export function declare(transactions: Command): void {
  const list = transactions.command('list').description('List the transactional ids of all brokers')
  list
    .option(
      '--state <state>',
      'only those in that state; may be given several times',
      collect(String),
    )
    .option('--open-for <duration>', 'only those open for longer', parseDuration('--open-for'))
    .option('--pattern <regex>', 'only ids that match')
  withClientOptions(list)
  withExamples(list, 'transactions list', 'transactions list --state Ongoing --json').action(
    listCommand,
  )

  const describe = transactions
    .command('describe')
    .description('Show the producer and the partitions of transactions')
  describe.argument('<ids...>', 'transactional ids')
  withClientOptions(describe)
  withExamples(describe, 'transactions describe payments').action(describeCommand)

  const hanging = transactions
    .command('find-hanging')
    .description(
      'Find open transactions that nobody will end, which hold read_committed consumers up',
    )
  hanging
    .option('-t, --topic <topic>', 'only in this one; may be given several times', collect(String))
    .option(
      '--open-for <duration>',
      'without a record for so long; 15 min',
      parseDuration('--open-for'),
    )
  withClientOptions(hanging)
  withExamples(
    hanging,
    'transactions find-hanging',
    'transactions find-hanging -t orders --open-for 1h',
  ).action(findHanging)

  const abort = transactions
    .command('abort')
    .description('End a transaction that hangs in a partition, without its coordinator')
  abort
    .argument('<topic>')
    .argument('<partition>', 'its number', integer('A partition', 0))
    .requiredOption('--start-offset <n>', 'of its first record', integer('--start-offset', 0))
  withClientOptions(abort)
  withExamples(abort, 'transactions abort orders 3 --start-offset 1027').action(abortCommand)
}

async function listCommand(options: ListOptions): Promise<void> {
  const { state: states = [], openFor, pattern } = options
  const found = await withClient(options, (client) =>
    listTransactions(client, {
      states,
      ...(openFor === undefined ? {} : { longerThanMs: openFor }),
      ...(pattern === undefined ? {} : { pattern }),
    }),
  )
  await printTable(
    options,
    found,
    ['TRANSACTIONAL ID', 'STATE', 'PRODUCER', 'COORDINATOR'],
    found.map(({ transactionalId, state, producerId, coordinator }) => [
      transactionalId,
      state,
      producerId,
      coordinator,
    ]),
    'There are no transactional ids.',
  )
}

async function describeCommand(
  ids: readonly string[],
  options: ClientCommandOptions,
): Promise<void> {
  const states = await withClient(options, async (client) => {
    const found: DescribedTransaction[] = []
    for (const id of ids) found.push(await describeTransaction(client, id))
    return found
  })
  if (options.json) return print(options, toJson(states.map(jsonOf), 2))
  await print(options, states.map(textOf).join('\n\n'))
}

const isOpen = ({ transactionStartTimeMs: since, transactionState }: DescribedTransaction) =>
  since >= 0 && !transactionState.startsWith('Complete')

const jsonOf = (state: DescribedTransaction) => ({
  transactionalId: state.transactionalId,
  state: state.transactionState,
  producerId: state.producerId,
  producerEpoch: state.producerEpoch,
  timeoutMs: state.transactionTimeoutMs,
  since: isOpen(state) ? state.transactionStartTimeMs : null,
  topics: state.topics,
})

function textOf(state: DescribedTransaction): string {
  const partitions = state.topics.flatMap(({ topic, partitions: indexes }) =>
    indexes.map((index) => `${topic}-${index}`),
  )
  return formatFacts([
    ['Transactional id', state.transactionalId],
    ['State', state.transactionState],
    ['Producer', `${state.producerId}, epoch ${state.producerEpoch}`],
    ['Time-out', `${state.transactionTimeoutMs} ms`],
    ['Open since', isOpen(state) ? new Date(state.transactionStartTimeMs).toISOString() : null],
    ['Partitions', partitions.length === 0 ? null : partitions.join(', ')],
  ])
}

async function findHanging(options: HangingOptions): Promise<void> {
  const { topic: topics, openFor = LONG_MS } = options
  const found = await withClient(options, async (client) => {
    const now = client.host.clock.now()
    const open = await openTransactions(client, topics ?? null)
    const old = open.filter(({ lastTimestamp }) => now - lastTimestamp > openFor)
    return unknownToCoordinators(client, old)
  })
  await printTable(
    options,
    found,
    ['TOPIC', 'PARTITION', 'START OFFSET', 'PRODUCER', 'EPOCH', 'LAST RECORD'],
    found.map(({ topic, partition, startOffset, producerId, producerEpoch, lastTimestamp }) => [
      topic,
      partition,
      startOffset,
      producerId,
      producerEpoch,
      new Date(lastTimestamp).toISOString(),
    ]),
    'No transaction hangs.',
  )
  if (found.length > 0 && !options.json) {
    const { topic, partition, startOffset } = found[0]!
    const command = `ottla transactions abort ${topic} ${partition} --start-offset ${startOffset}`
    await print(options, `\nConsumers with read_committed wait there. To end one: ${command}`)
  }
}

/** Those of which no coordinator has the partition in an open transaction of the producer. */
async function unknownToCoordinators(
  client: Client,
  open: readonly OpenTransaction[],
): Promise<OpenTransaction[]> {
  const hanging: OpenTransaction[] = []
  for (const one of open) {
    const known = await listTransactions(client, { producerIds: [one.producerId] })
    const states = await Promise.all(
      known.map(({ transactionalId }) => describeTransaction(client, transactionalId)),
    )
    const isKnown = states.some(({ topics }) =>
      topics.some(
        ({ topic, partitions }) => topic === one.topic && partitions.includes(one.partition),
      ),
    )
    if (!isKnown) hanging.push(one)
  }
  return hanging
}

async function abortCommand(
  topic: string,
  partition: number,
  options: AbortOptions,
): Promise<void> {
  const { startOffset } = options
  const aborted = await withClient(options, async (client) => {
    const open = await openTransactions(client, [topic])
    const found = open.find((one) => one.partition === partition && one.startOffset === startOffset)
    if (found === undefined) {
      throw new CommandError(
        'NO_SUCH_TRANSACTION',
        `No transaction of ${topic}-${partition} begins at offset ${startOffset}`,
        'See those that hang with: ottla transactions find-hanging',
      )
    }
    await abortIn(client, found)
    return found
  })
  await printEither(
    options,
    aborted,
    `Aborted the transaction of producer ${aborted.producerId} in ${topic}-${partition}.`,
  )
}
