import type { Command } from 'commander'
import { DescribeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import { UnregisterBroker } from '../../protocol/messages/unregister-broker.ts'
import type { Client, ClusterMetadata } from '../client/client.ts'
import { describeBrokers, unknownBroker, type BrokerInfo } from '../client/cluster.ts'
import { BrokerError, throwUnlessNone } from '../client/errors.ts'
import { CommandError } from '../errors.ts'
import { integer, withClientOptions, withExamples, type ClientCommandOptions } from '../options.ts'
import { print, printEither, printTable, toJson } from '../output.ts'
import { formatFacts, formatTable, type Row } from '../table.ts'
import { withAdmin, withAdminOptions, type Admin, type AdminCommandOptions } from '../with-admin.ts'
import { withClient } from '../with-client.ts'

const GREATEST_ID = 2 ** 31 - 1
const parseId = integer('A broker', 0, GREATEST_ID)

interface UnregisterOptions extends AdminCommandOptions {
  readonly force?: boolean
}

export function declare(brokers: Command): void {
  const list = brokers.command('list').description('List the brokers, fenced ones too')
  withClientOptions(list)
  withExamples(list, 'brokers list', 'brokers list --json').action(listCommand)

  const describe = brokers
    .command('describe')
    .description('Show what brokers lead and have, and their log directories')
  describe.argument('[ids...]', 'all unless named')
  withClientOptions(describe)
  withExamples(describe, 'brokers describe', 'brokers describe 2 --json').action(describeCommand)

  const unregister = brokers
    .command('unregister')
    .description('Forget a broker that is gone for good, and has no replicas any more')
  unregister
    .argument('<id>', 'its node id', parseId)
    .option('--force', 'even if it runs: then it registers again')
  withAdminOptions(unregister)
  withExamples(
    unregister,
    'brokers unregister 3',
    'brokers unregister 3 --bootstrap-controller kafka-1:9093',
  ).action(unregisterCommand)
}

async function listCommand(options: ClientCommandOptions): Promise<void> {
  const { brokers } = await withClient(options, describeBrokers)
  await printTable(
    options,
    brokers.map(jsonOf),
    ['BROKER', 'HOST', 'PORT', 'RACK', 'STATE'],
    brokers.map(({ brokerId, host, port, rack, isFenced }) => [
      brokerId,
      host,
      port,
      rack,
      stateText(isFenced),
    ]),
    'No brokers',
  )
}

const stateText = (isFenced: boolean): string => (isFenced ? 'fenced' : 'active')

const jsonOf = ({ brokerId, host, port, rack, isFenced }: BrokerInfo) => ({
  id: brokerId,
  host,
  port,
  rack,
  isFenced,
})

interface Described extends BrokerInfo {
  readonly leads: number
  readonly replicas: number
  /** Of its replicas, those that are not in sync. */
  readonly behind: number
  /** Null for a fenced broker, which isn't asked. */
  readonly directories: readonly DirectoryInfo[] | null
}

interface DirectoryInfo {
  readonly path: string
  readonly error: string | null
  readonly partitions: number
  readonly bytes: number
  /** Null where the broker doesn't tell (before 3.3). */
  readonly totalBytes: number | null
  readonly usableBytes: number | null
}

async function describeCommand(
  texts: readonly string[],
  options: ClientCommandOptions,
): Promise<void> {
  const ids = texts.map(parseId)
  const described = await withClient(options, async (client) => {
    const { brokers } = await describeBrokers(client)
    const unknown = ids.find((id) => !brokers.some(({ brokerId }) => brokerId === id))
    if (unknown !== undefined) throw unknownBroker(unknown, brokers)
    const shown = brokers.filter(({ brokerId }) => ids.length === 0 || ids.includes(brokerId))
    const metadata = await client.metadata(null)
    return Promise.all(shown.map((broker) => describeOne(client, broker, metadata)))
  })
  if (options.json) {
    const values = described.map(({ leads, replicas, behind, directories, ...broker }) => ({
      ...jsonOf(broker),
      leads,
      replicas,
      behind,
      directories,
    }))
    return print(options, toJson(values, 2))
  }
  await print(options, described.map(textOf).join('\n\n'))
}

async function describeOne(
  client: Client,
  broker: BrokerInfo,
  { topics }: ClusterMetadata,
): Promise<Described> {
  const { brokerId: id, isFenced } = broker
  const partitions = topics.flatMap((topic) => topic.partitions)
  const own = partitions.filter(({ replicaNodes }) => replicaNodes.includes(id))
  return {
    ...broker,
    leads: own.filter(({ leaderId }) => leaderId === id).length,
    replicas: own.length,
    behind: own.filter(({ isrNodes }) => !isrNodes.includes(id)).length,
    directories: isFenced ? null : await directoriesOf(client, id),
  }
}

async function directoriesOf(client: Client, node: number): Promise<DirectoryInfo[]> {
  const answer = await client.request(DescribeLogDirs, { topics: null }, { node })
  throwUnlessNone(answer.errorCode, `The log directories of broker ${node}`)
  return answer.results.map(({ logDir, errorCode, topics, totalBytes, usableBytes }) => {
    const partitions = topics.flatMap((topic) => topic.partitions)
    return {
      path: logDir,
      error: errorCode === 'NONE' ? null : errorCode,
      partitions: partitions.length,
      bytes: partitions.reduce((sum, { partitionSize }) => sum + partitionSize, 0),
      totalBytes: totalBytes < 0 ? null : totalBytes,
      usableBytes: usableBytes < 0 ? null : usableBytes,
    }
  })
}

function textOf(broker: Described): string {
  const { brokerId, host, port, rack, isFenced, leads, replicas, behind, directories } = broker
  const facts = formatFacts([
    ['Broker', brokerId],
    ['Address', `${host}:${port}`],
    ['Rack', rack],
    ['State', stateText(isFenced)],
    ['Partitions', `leads ${leads}, has ${replicas}, of which ${behind} not in sync`],
  ])
  if (directories === null) return facts
  const rows = directories.map((one): Row => [
    one.path,
    one.error ?? 'online',
    one.partitions,
    one.bytes,
    one.usableBytes,
    one.totalBytes,
  ])
  const headings = ['DIRECTORY', 'STATE', 'PARTITIONS', 'BYTES', 'FREE', 'VOLUME']
  return `${facts}\n\n${formatTable(headings, rows)}`
}

async function unregisterCommand(id: number, options: UnregisterOptions): Promise<void> {
  await withAdmin(options, async (admin) => {
    if (options.force !== true) await checkGone(admin, id)
    await admin.ask(UnregisterBroker, { brokerId: id }, ({ errorCode, errorMessage }) => {
      const isUnknown = errorCode === 'BROKER_ID_NOT_REGISTERED'
      if (errorCode === 'NONE') return
      throw new BrokerError(errorCode, `Broker ${id}`, errorMessage, {
        ...(isUnknown && { remedy: 'ottla brokers list shows those there are.' }),
      })
    })
  })
  await printEither(options, { id, unregistered: true }, `Forgot broker ${id}.`)
}

/** Who runs would register again. Controllers don't say who runs. */
async function checkGone({ client, asksControllers }: Admin, id: number): Promise<void> {
  if (asksControllers) return
  const { brokers } = await describeBrokers(client)
  const broker = brokers.find(({ brokerId }) => brokerId === id)
  if (broker === undefined) throw unknownBroker(id, brokers)
  if (broker.isFenced) return
  throw new CommandError(
    'BROKER_ACTIVE',
    `Broker ${id} runs, and would register again`,
    'Stop it first, or say --force.',
  )
}
