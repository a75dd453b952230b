import type { Command } from 'commander'
import { ElectLeaders } from '../../protocol/messages/elect-leaders.ts'
import { throwUnlessNone } from '../client/errors.ts'
import { CommandError, UsageError } from '../errors.ts'
import { withClientOptions, withExamples, type ClientCommandOptions } from '../options.ts'
import { printTable } from '../output.ts'
import { parsePartitions, type PartitionChoice } from '../partition-choice.ts'
import { withAdmin, type Admin } from '../with-admin.ts'

/** Kafka's numbers. */
const PREFERRED = 0
const UNCLEAN = 1

interface UncleanOptions extends ClientCommandOptions {
  readonly all?: boolean
}

interface Outcome {
  readonly topic: string
  readonly partition: number
  /** NONE where a leader was elected. */
  readonly error: string
  readonly message: string | null
}

export function declare(elect: Command): void {
  const preferred = elect
    .command('preferred')
    .description('Give the lead back to the first of the replicas, where that is in sync')
    .argument('[partitions...]', 'topics, or partitions as in orders:0,2; all unless named')
  withClientOptions(preferred)
  withExamples(preferred, 'elect preferred', 'elect preferred orders payments:0,2').action(
    (named: readonly string[], options: ClientCommandOptions) => run(named, options, PREFERRED),
  )

  const unclean = elect
    .command('unclean')
    .description(
      'Have partitions led that nobody in sync can lead; what only the others had is lost',
    )
    .argument('[partitions...]', 'partitions as in orders:0,2, or topics')
    .option('--all', 'all that nobody leads')
  withClientOptions(unclean)
  withExamples(unclean, 'elect unclean orders:3', 'elect unclean --all').action(
    (named: readonly string[], options: UncleanOptions) => {
      if (named.length === 0 && options.all !== true) {
        throw new UsageError('Records may be lost: name partitions, or say --all')
      }
      return run(named, options, UNCLEAN)
    },
  )
}

async function run(
  named: readonly string[],
  options: ClientCommandOptions,
  electionType: number,
): Promise<void> {
  const choices = named.map(parsePartitions)
  const outcomes = await withAdmin(options, (admin) => elected(admin, choices, electionType))
  await printTable(
    options,
    outcomes,
    ['TOPIC', 'PARTITION', 'OUTCOME'],
    outcomes.map(({ topic, partition, error, message }) => [
      topic,
      partition,
      error === 'NONE' ? 'elected' : (message ?? error),
    ]),
    'No partition needed an election.',
  )
  const failed = outcomes.filter(({ error }) => error !== 'NONE')
  if (failed.length > 0) {
    throw new CommandError(
      'NOT_ELECTED',
      `${failed.length} of the partitions have no such leader`,
      'ottla topics describe shows who is in sync, and which replicas are offline.',
    )
  }
}

/** Those that needed an election. */
async function elected(
  admin: Admin,
  choices: readonly PartitionChoice[],
  electionType: number,
): Promise<Outcome[]> {
  const topicPartitions =
    choices.length === 0
      ? null
      : await Promise.all(
          choices.map(async ({ topic, partitions }) => ({
            topic,
            partitions: partitions ?? (await partitionsOf(admin, topic)),
          })),
        )
  const { replicaElectionResults } = await admin.ask(
    ElectLeaders,
    { electionType, topicPartitions, timeoutMs: 30_000 },
    ({ errorCode }) => throwUnlessNone(errorCode, 'The election'),
  )
  return replicaElectionResults
    .flatMap(({ topic, partitionResult }) =>
      partitionResult.map(({ partitionId, errorCode, errorMessage }) => ({
        topic,
        partition: partitionId,
        error: errorCode,
        message: errorMessage,
      })),
    )
    .filter(({ error }) => error !== 'ELECTION_NOT_NEEDED')
}

async function partitionsOf({ client }: Admin, name: string): Promise<number[]> {
  const { topics } = await client.metadata([name])
  const [topic] = topics
  throwUnlessNone(topic?.errorCode ?? 'UNKNOWN_TOPIC_OR_PARTITION', `Topic ${name}`)
  return topic!.partitions.map(({ partitionIndex }) => partitionIndex)
}
