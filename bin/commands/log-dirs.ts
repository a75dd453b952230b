import type { Command } from 'commander'
import { AlterReplicaLogDirs } from '../../protocol/messages/alter-replica-log-dirs.ts'
import { DescribeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import type { ReceivedResponse } from '../../protocol/schema.ts'
import type { Client } from '../client/client.ts'
import { throwUnlessNone } from '../client/errors.ts'
import { integer, withClientOptions, withExamples, type ClientCommandOptions } from '../options.ts'
import { print, printTable } from '../output.ts'
import type { Row } from '../table.ts'
import { withClient } from '../with-client.ts'

const GREATEST = 2 ** 31 - 1

interface ListOptions extends ClientCommandOptions {
  readonly partitions?: boolean
  readonly broker?: number
}

interface MoveOptions extends ClientCommandOptions {
  readonly broker: number
}

type Directory = ReceivedResponse<typeof DescribeLogDirs>['results'][number]
type DescribedDirectory = Directory & { readonly brokerId: number }

export function declare(cluster: Command): void {
  const list = cluster.command('log-dirs').description('Show the log directories of the brokers')
  list
    .option('--partitions', 'show each partition in them, and those on their way')
    .option('--broker <id>', 'only of this one', integer('--broker', 0, GREATEST))
  withClientOptions(list)
  withExamples(list, 'cluster log-dirs', 'cluster log-dirs --partitions --json').action(listCommand)

  const move = cluster
    .command('move-replica')
    .description('Move a replica to another log directory of its broker')
  move
    .argument('<topic>')
    .argument('<partition>', 'its number', integer('partition', 0, GREATEST))
    .argument('<directory>', 'as cluster log-dirs shows it')
    .requiredOption(
      '--broker <id>',
      'the broker that has the replica',
      integer('--broker', 0, GREATEST),
    )
  withClientOptions(move)
  withExamples(move, 'cluster move-replica orders 0 /disk2/kafka --broker 1').action(moveCommand)
}

async function listCommand(options: ListOptions): Promise<void> {
  const directories = await withClient(options, async (client) => {
    await client.metadata([])
    const ids = options.broker === undefined ? [...client.nodes.keys()] : [options.broker]
    const found = await Promise.all(ids.sort((a, b) => a - b).map((id) => describe(client, id)))
    return found.flat()
  })
  if (options.partitions === true) {
    const headings = ['BROKER', 'DIRECTORY', 'TOPIC', 'PARTITION', 'BYTES', 'LAG', 'STATE']
    const rows = directories.flatMap(partitionRows)
    return printTable(options, directories, headings, rows, 'No partitions')
  }
  const headings = ['BROKER', 'DIRECTORY', 'STATE', 'PARTITIONS', 'BYTES', 'FREE', 'VOLUME']
  const rows = directories.map(directoryRow)
  await printTable(options, directories, headings, rows, 'No log directories')
}

async function describe(client: Client, brokerId: number): Promise<DescribedDirectory[]> {
  const connection = await client.connection(brokerId)
  const answer = await connection.request(DescribeLogDirs, { topics: null })
  throwUnlessNone(answer.errorCode, `Broker ${brokerId}`)
  return answer.results.map((directory) => ({ brokerId, ...directory }))
}

function directoryRow({ brokerId, logDir, errorCode, topics, ...space }: DescribedDirectory): Row {
  const partitions = topics.flatMap((topic) => topic.partitions)
  const isOnline = errorCode === 'NONE'
  const bytes = partitions.reduce((sum, { partitionSize }) => sum + partitionSize, 0)
  return [
    brokerId,
    logDir,
    isOnline ? 'online' : errorCode,
    isOnline ? partitions.length : null,
    isOnline ? bytes : null,
    // Brokers before 3.3 don't tell.
    space.usableBytes < 0 ? null : space.usableBytes,
    space.totalBytes < 0 ? null : space.totalBytes,
  ]
}

function partitionRows({ brokerId, logDir, topics }: DescribedDirectory): Row[] {
  return topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, partitionSize, offsetLag, isFutureKey }) => [
      brokerId,
      logDir,
      name,
      partitionIndex,
      partitionSize,
      offsetLag < 0 ? null : offsetLag,
      isFutureKey ? 'on its way here' : 'here',
    ]),
  )
}

async function moveCommand(
  topic: string,
  partition: number,
  path: string,
  options: MoveOptions,
): Promise<void> {
  await withClient(options, async (client) => {
    await client.metadata([])
    const connection = await client.connection(options.broker)
    const dirs = [{ path, topics: [{ name: topic, partitions: [partition] }] }]
    const { results } = await connection.request(AlterReplicaLogDirs, { dirs })
    const errorCode = results[0]?.partitions[0]?.errorCode ?? 'UNKNOWN_SERVER_ERROR'
    throwUnlessNone(errorCode, `${topic}-${partition} can't be moved to ${path}`)
  })
  await print(
    options,
    options.json
      ? JSON.stringify({ topic, partition, broker: options.broker, directory: path })
      : `${topic}-${partition} is on its way to ${path}; cluster log-dirs --partitions shows how far it is`,
  )
}
