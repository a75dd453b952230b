import type { Command } from 'commander'
import type { Client } from '../client/client.ts'
import {
  abortIn,
  describeTransaction,
  fenceProducer,
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
  readonly all?: boolean
}

interface AbortOptions extends ClientCommandOptions {
  readonly startOffset?: number
  readonly transactionalId?: string
}

/** A transaction that is open in a partition, with what its coordinator says. */
interface Holder extends OpenTransaction {
  /** Null: no coordinator knows of it, and nobody will end it. */
  readonly coordinated: DescribedTransaction | null
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
    .option('--all', 'also those that their producer or coordinator will end, however new')
  withClientOptions(hanging)
  withExamples(
    hanging,
    'transactions find-hanging',
    'transactions find-hanging -t orders --open-for 1h',
    'transactions find-hanging -t orders --all',
  ).action(findHanging)

  const abort = transactions
    .command('abort')
    .description(
      'End a transaction that hangs in a partition, without its coordinator; or have the coordinator end one, and fence its producer',
    )
  abort
    .argument('[topic]')
    .argument('[partition]', 'its number', integer('A partition', 0))
    .option('--start-offset <n>', 'of its first record', integer('--start-offset', 0))
    .option('--transactional-id <id>', 'in place of the others: one that its coordinator knows of')
  withClientOptions(abort)
  withExamples(
    abort,
    'transactions abort orders 3 --start-offset 1027',
    'transactions abort --transactional-id payments',
  ).action(abortCommand)
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
  const { topic: topics, all = false } = options
  const { openFor = all ? -1 : LONG_MS } = options
  const found = await withClient(options, async (client) => {
    const now = client.host.clock.now()
    const open = await openTransactions(client, topics ?? null)
    const old = open.filter(({ lastTimestamp }) => now - lastTimestamp > openFor)
    const holders = await withCoordinators(client, old)
    return all ? holders : holders.filter(({ coordinated }) => coordinated === null)
  })
  await printTable(
    options,
    found.map(jsonOfHolder),
    [
      'TOPIC',
      'PARTITION',
      'START OFFSET',
      'PRODUCER',
      'EPOCH',
      'LAST RECORD',
      ...(all ? ['TRANSACTIONAL ID', 'OPEN SINCE'] : []),
    ],
    found.map((holder) => [
      holder.topic,
      holder.partition,
      holder.startOffset,
      holder.producerId,
      holder.producerEpoch,
      new Date(holder.lastTimestamp).toISOString(),
      ...(all ? [holder.coordinated?.transactionalId ?? null, sinceOf(holder)] : []),
    ]),
    all ? 'No transaction is open.' : 'No transaction hangs.',
  )
  const hanging = found.find(({ coordinated }) => coordinated === null)
  const known = found.find(({ coordinated }) => coordinated !== null)
  if (options.json) return
  if (hanging !== undefined) {
    const { topic, partition, startOffset } = hanging
    const command = `ottla transactions abort ${topic} ${partition} --start-offset ${startOffset}`
    await print(options, `\nConsumers with read_committed wait there. To end one: ${command}`)
  }
  if (known !== undefined) await print(options, `\n${howItEnds(known.coordinated!)}`)
}

const sinceOf = ({ coordinated }: Holder): string | null =>
  coordinated === null ? null : new Date(coordinated.transactionStartTimeMs).toISOString()

const jsonOfHolder = ({ coordinated, ...open }: Holder) => ({
  ...open,
  transactionalId: coordinated?.transactionalId ?? null,
  since: coordinated?.transactionStartTimeMs ?? null,
})

function howItEnds(known: DescribedTransaction): string {
  const { transactionalId, transactionStartTimeMs, transactionTimeoutMs, transactionState } = known
  if (transactionState.startsWith('Prepare')) {
    return `${transactionalId} is ending (${transactionState}): its markers are written as soon as the partitions' leaders can.`
  }
  const latest = new Date(transactionStartTimeMs + transactionTimeoutMs).toISOString()
  const command = `ottla transactions abort --transactional-id ${transactionalId}`
  return `Consumers with read_committed wait until the producer of ${transactionalId} ends its transaction, or its coordinator, soon after ${latest}. To end it now, and fence the producer: ${command}`
}

/** What the coordinators say that have the partition in an open transaction of the producer. */
async function withCoordinators(
  client: Client,
  open: readonly OpenTransaction[],
): Promise<Holder[]> {
  const holders: Holder[] = []
  for (const one of open) {
    const known = await listTransactions(client, { producerIds: [one.producerId] })
    const states = await Promise.all(
      known.map(({ transactionalId }) => describeTransaction(client, transactionalId)),
    )
    const coordinated = states.find(({ topics }) =>
      topics.some(
        ({ topic, partitions }) => topic === one.topic && partitions.includes(one.partition),
      ),
    )
    holders.push({ ...one, coordinated: coordinated ?? null })
  }
  return holders
}

async function abortCommand(
  topic: string | undefined,
  partition: number | undefined,
  options: AbortOptions,
): Promise<void> {
  const { startOffset, transactionalId } = options
  if (transactionalId !== undefined && topic === undefined && startOffset === undefined) {
    return abortKnown(transactionalId, options)
  }
  if (topic === undefined || partition === undefined || startOffset === undefined) {
    throw new CommandError(
      'BAD_OPTION',
      'A transaction that hangs is named by topic, partition and --start-offset, one that its coordinator knows of by --transactional-id alone',
      'See which there are with: ottla transactions find-hanging --all',
    )
  }
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

async function abortKnown(transactionalId: string, options: AbortOptions): Promise<void> {
  const state = await withClient(options, async (client) => {
    const before = await describeTransaction(client, transactionalId)
    if (before.transactionState !== 'Ongoing') {
      throw new CommandError(
        'NO_SUCH_TRANSACTION',
        `${transactionalId} has no transaction that could be aborted: its state is ${before.transactionState}`,
        'See those that are open with: ottla transactions list --state Ongoing',
      )
    }
    await fenceProducer(client, transactionalId)
    return before
  })
  const { producerId, producerEpoch } = state
  await printEither(
    options,
    { transactionalId, producerId, producerEpoch },
    `Aborted the transaction of ${transactionalId}; producer ${producerId} with epoch ${producerEpoch} is fenced.`,
  )
}
