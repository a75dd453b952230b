import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Codec } from './driver.ts'
import { driverOf } from './patient.ts'
import { type ReadRecord, type SentRecord, checkReadBack, sentRecord } from './records.ts'
import { type SuiteRun } from './scenario.ts'
import { type Tool, offsetsOf, toolOf } from './tool.ts'
import { java } from './toolchains.ts'
import { verifiable } from './verifiable.ts'
import { eventually } from './wait.ts'

const expectText = (text: string, ...patterns: readonly (RegExp | string)[]): void => {
  for (const pattern of patterns)
    if (typeof pattern === 'string' ? !text.includes(pattern) : !pattern.test(text))
      throw new Error(`${String(pattern)} is not in:\n${text}`)
}

const expectEqual = (found: unknown, expected: unknown, what: string): void => {
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`)
}

const topics = async (tool: Tool, replicas: number): Promise<void> => {
  const count = ['--partitions', '3', '--replication-factor', `${replicas}`]
  const create = ['--create', '--topic', 'tools', ...count]
  expectText(await tool([...create, '--config', 'retention.ms=3600000']), 'Created topic tools.')
  expectText(await tool(create, '', 1), /Topic 'tools' already exists/)
  expectText(await tool(['--list']), /^tools$/m)
  const describe = ['--describe', '--topic', 'tools']
  expectText(await tool(describe), /PartitionCount: 3\b/, /retention\.ms=3600000/, /Partition: 2\b/)
  await tool(['--alter', '--topic', 'tools', '--partitions', '5'])
  expectText(await tool(describe), /PartitionCount: 5\b/, /Partition: 4\b/)
  expectText(await tool(['--alter', '--topic', 'tools', '--partitions', '2'], '', 1), /partition/)
  await tool(['--create', '--topic', 'short-lived'])
  expectText(await tool(['--list']), /^short-lived$/m)
  await tool(['--delete', '--topic', 'short-lived'])
  const listed = await tool(['--list'])
  if (/^short-lived$/m.test(listed)) throw new Error(`a deleted topic is listed:\n${listed}`)
  expectText(await tool(['--describe', '--topic', 'short-lived'], '', 1), /does not exist/)
}

const configs = async (tool: Tool, brokerId: string): Promise<void> => {
  const topic = ['--entity-type', 'topics', '--entity-name', 'tools']
  const describe = ['--describe', ...topic]
  const add = 'max.message.bytes=123456,cleanup.policy=[compact,delete]'
  expectText(await tool(['--alter', ...topic, '--add-config', add]), /Completed updating config/)
  expectText(
    await tool(describe),
    /max\.message\.bytes=123456/,
    /cleanup\.policy=(compact,delete|delete,compact)/,
    /retention\.ms=3600000/,
  )
  await tool(['--alter', ...topic, '--delete-config', 'max.message.bytes,cleanup.policy'])
  const after = await tool(describe)
  if (/max\.message\.bytes=123456/.test(after)) throw new Error(`not deleted:\n${after}`)
  const wrong = ['--alter', ...topic, '--add-config', 'retention.ms=soon']
  expectText(await tool(wrong, '', 1), /Invalid value soon for configuration retention\.ms/)
  const broker = ['--entity-type', 'brokers', '--entity-name', brokerId]
  expectText(
    await tool(['--describe', '--all', ...broker]),
    /log\.dirs=/,
    /num\.partitions=/,
    /message\.max\.bytes=/,
  )
}

const consoleCodecs: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const consoleCount = 2000

/** A record as a line of the console tools: headers, key, value. */
const lineOf = ([key, value, headers]: SentRecord): string =>
  [headers.map((pair) => pair.join(':')).join(','), key ?? 'NULL', value ?? 'NULL'].join('\t')

const recordOf = (line: string): ReadRecord => {
  const [partition, offset, headers, key, value] = line.split('\t') as [
    string,
    string,
    string,
    string,
    string,
  ]
  const pairs = headers.split(',').map((pair) => {
    const at = pair.indexOf(':')
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  const text = (field: string): string | null => (field === 'NULL' ? null : field)
  const number = (field: string): number => Number(field.slice(field.indexOf(':') + 1))
  return [number(partition), number(offset), text(key), text(value), pairs]
}

const formatter = [
  ...['print.partition=true', 'print.offset=true', 'print.headers=true', 'print.key=true'],
  'null.literal=NULL',
].flatMap((property) => ['--formatter-property', property])

const consoles = async (producer: Tool, consumer: Tool): Promise<void> => {
  const sent: SentRecord[] = []
  const reader = ['parse.key=true', 'parse.headers=true', 'null.marker=NULL']
  const properties = reader.flatMap((property) => ['--reader-property', property])
  for (const codec of consoleCodecs) {
    const records = Array.from({ length: consoleCount }, (_, index) =>
      sentRecord(sent.length + index, {}),
    )
    sent.push(...records)
    const args = ['--topic', 'tools', '--compression-codec', codec, ...properties]
    const patient = ['--request-timeout-ms', '30000']
    await producer([...args, ...patient], records.map((record) => `${lineOf(record)}\n`).join(''))
  }
  const args = ['--topic', 'tools', '--from-beginning', '--max-messages', `${sent.length}`]
  const printed = await consumer([...args, ...formatter])
  const lines = printed.split('\n').filter((line) => line.startsWith('Partition:'))
  checkReadBack(sent, lines.map(recordOf))
}

const sumOfColumn = (table: string, name: string): number => {
  const lines = table.split('\n').filter((line) => line.trim() !== '')
  const head = lines.findIndex((line) => line.includes(name))
  if (head === -1) throw new Error(`no column ${name} in:\n${table}`)
  const column = lines[head]!.trim().split(/\s+/).indexOf(name)
  const cells = lines.slice(head + 1).map((line) => Number(line.trim().split(/\s+/)[column]))
  return cells.reduce((sum, cell) => sum + (Number.isNaN(cell) ? 0 : cell), 0)
}

const groups = async (tool: Tool, consumer: Tool): Promise<void> => {
  const group = ['--group', 'console']
  await consumer(['--topic', 'tools', ...group, '--from-beginning', '--max-messages', '1000'])
  expectText(await tool(['--list']), /^console$/m)
  const described = await tool(['--describe', ...group])
  expectEqual(sumOfColumn(described, 'CURRENT-OFFSET'), 1000, 'committed offsets')
  expectEqual(sumOfColumn(described, 'LAG'), 9000, 'lag')
  expectText(await tool(['--describe', '--state', ...group]), /\bEmpty\b/)
  expectText(await tool(['--describe', '--members', ...group]), /no active members/)
  const reset = ['--reset-offsets', ...group, '--topic', 'tools', '--execute']
  await tool([...reset, '--to-earliest'])
  const earliest = await tool(['--describe', ...group])
  expectEqual(sumOfColumn(earliest, 'LAG'), 10_000, 'lag after the reset to the earliest')
  await tool([...reset, '--shift-by', '100'])
  const shifted = await tool(['--describe', ...group])
  expectEqual(sumOfColumn(shifted, 'CURRENT-OFFSET'), 500, 'offsets after the shift')
  await tool([...reset, '--to-datetime', '2020-01-01T00:00:00.000'])
  const byTime = await tool(['--describe', ...group])
  expectEqual(sumOfColumn(byTime, 'CURRENT-OFFSET'), 0, 'offsets after the reset to a time')
  await tool(['--delete-offsets', ...group, '--topic', 'tools:0'])
  await tool(['--delete', ...group])
  const listed = await tool(['--list'])
  if (/^console$/m.test(listed)) throw new Error(`a deleted group is listed:\n${listed}`)
}

const offsets = async (getOffsets: Tool, deleteRecords: Tool, directory: string): Promise<void> => {
  const latest = await offsetsOf(getOffsets, 'tools', '-1')
  expectEqual(latest.length, 5, 'partitions')
  expectEqual(
    latest.reduce((sum, offset) => sum + offset, 0),
    10_000,
    'end offsets',
  )
  expectEqual(await offsetsOf(getOffsets, 'tools', 'earliest'), [0, 0, 0, 0, 0], 'first offsets')
  const file = path.join(directory, 'delete.json')
  const partitions = [
    { topic: 'tools', partition: 1, offset: 70 },
    { topic: 'tools', partition: 3, offset: -1 },
  ]
  await writeFile(file, JSON.stringify({ version: 1, partitions }))
  expectText(
    await deleteRecords(['--offset-json-file', file]),
    /partition: tools-1\s+low_watermark: 70/,
  )
  const first = await offsetsOf(getOffsets, 'tools', 'earliest')
  expectEqual(first, [0, 70, 0, latest[3], 0], 'first offsets after records were deleted')
  expectEqual(await offsetsOf(getOffsets, 'tools', 'latest'), latest, 'end offsets after that')
}

interface LogDirectories {
  readonly brokers: readonly {
    readonly logDirs: readonly {
      readonly error: string | null
      readonly logDir: string
      readonly partitions: readonly { readonly partition: string; readonly size: number }[]
    }[]
  }[]
}

const logDirectories = async (tool: Tool, brokers: number): Promise<void> => {
  const printed = await tool(['--describe', '--topic-list', 'tools'])
  const json = printed.split('\n').find((line) => line.startsWith('{'))
  if (json === undefined) throw new Error(`no log directories in:\n${printed}`)
  const found = (JSON.parse(json) as LogDirectories).brokers.flatMap((broker) => broker.logDirs)
  const partitions = found.flatMap((directory) => directory.partitions)
  expectEqual(
    found.map((directory) => directory.error),
    Array.from({ length: brokers }, () => null),
    'errors',
  )
  expectEqual(
    partitions.map(({ partition }) => partition).toSorted(),
    // As many replicas as brokers.
    [0, 1, 2, 3, 4].flatMap((index) => Array.from({ length: brokers }, () => `tools-${index}`)),
    'partitions',
  )
  if (partitions.some(({ size, partition }) => partition !== 'tools-3' && size < 1000))
    throw new Error(`sizes too small: ${json}`)
}

const toolClasses = {
  topics: 'org.apache.kafka.tools.TopicCommand',
  configs: 'org.apache.kafka.tools.ConfigCommand',
  groups: 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  producer: 'org.apache.kafka.tools.ConsoleProducer',
  consumer: 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  getOffsets: 'org.apache.kafka.tools.GetOffsetShell',
  deleteRecords: 'org.apache.kafka.tools.DeleteRecordsCommand',
  logDirectories: 'org.apache.kafka.tools.LogDirsCommand',
  versions: 'org.apache.kafka.tools.BrokerApiVersionsCommand',
} as const

/** It waits five seconds for an answer, unless it is told otherwise. */
const patientGroups =
  (tool: Tool): Tool =>
  (args, ...more) =>
    tool([...args, '--timeout', '120000'], ...more)

/** Apache's command-line tools, in one process one after another, and beside them the verifiable clients. */
export const toolsScenario = async (run: SuiteRun): Promise<void> => {
  const { broker, step, directory } = run
  const driver = driverOf(run, 'apache-tools', [...java(), 'Driver'])
  const tool = (name: keyof typeof toolClasses): Tool =>
    toolOf(driver, broker.bootstrap, toolClasses[name])
  const commandLine = async (): Promise<void> => {
    const brokerId = await step('kafka-broker-api-versions', async () => {
      let printed = ''
      // It gives up after five seconds, which the first request of a process may take.
      const isAnswered = async (): Promise<boolean> => {
        printed = await tool('versions')([])
        return printed.includes('usable')
      }
      await eventually(isAnswered, () => `the versions of the brokers in:\n${printed}`)
      expectText(
        printed,
        /Produce\(0\): .*usable/,
        /Fetch\(1\): .*usable/,
        /ApiVersions\(18\): 0 to/,
      )
      const id = /\(id: (\d+) rack:/.exec(printed)
      if (id === null) throw new Error(`no broker id in:\n${printed}`)
      return id[1]!
    })
    // One of several brokers may die with the answer. Apache's client asks again then, and takes for a failure what it is told: that
    // the topic is there, or is gone.
    await step('kafka-topics', () => broker.calmly(() => topics(tool('topics'), broker.brokers)))
    await step('kafka-configs', () => configs(tool('configs'), brokerId))
    await step('console producer and consumer, 10,000 records', () =>
      consoles(tool('producer'), tool('consumer')),
    )
    // A consumer commits nothing of partitions that had no leader to ask where they begin, and then they have no lag.
    await step('kafka-consumer-groups', () =>
      broker.calmly(() => groups(patientGroups(tool('groups')), tool('consumer'))),
    )
    await step('kafka-get-offsets and kafka-delete-records', () =>
      offsets(tool('getOffsets'), tool('deleteRecords'), directory),
    )
    // Of all brokers that there are.
    await step('kafka-log-dirs', () =>
      broker.calmly(() => logDirectories(tool('logDirectories'), broker.brokers)),
    )
  }
  await driver.call('create', { topic: 'verifiable', partitions: 6 })
  await verifiable(run, commandLine)
}
