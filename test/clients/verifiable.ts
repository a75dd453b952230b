import { spawn } from 'node:child_process'
import { type Started } from './driver.ts'
import { type SuiteRun } from './scenario.ts'
import { java } from './toolchains.ts'
import { OutputTail, eachLine, exited, until } from './wait.ts'

interface Place {
  readonly topic: string
  readonly partition: number
}

/** What the verifiable producer and consumer print, one JSON object a line. */
type Event =
  | ({ readonly name: 'producer_send_success'; value: string; offset: number } & Place)
  | { readonly name: 'producer_send_error'; value: string }
  | { readonly name: 'partitions_assigned'; partitions: readonly Place[] }
  | { readonly name: 'partitions_revoked'; partitions: readonly Place[] }
  | ({ readonly name: 'record_data'; value: string; offset: number } & Place)
  | { readonly name: 'offsets_committed'; success: boolean }
  | { readonly name: 'shutdown_complete' }

interface Verifiable extends Started {
  readonly ended: () => boolean
  /** Asks it to end, and resolves to its exit code when it has. */
  terminate(): Promise<number | null>
}

const start = (
  name: string,
  main: string,
  args: readonly string[],
  take: (event: Event) => void,
): Verifiable => {
  const [program, ...options] = java() as [string, ...string[]]
  const child = spawn(program, [...options, main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = new OutputTail()
  output.followStream(child.stderr)
  eachLine(child.stdout, (line) => {
    if (!/"name":"(producer_send_success|record_data)"/.test(line)) output.note(line.slice(0, 300))
    if (line.startsWith('{')) take(JSON.parse(line) as Event)
  })
  const kill9 = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited(child)
  }
  return {
    name,
    kill9,
    close: kill9,
    tail: () => output.tail(15),
    ended: () => child.exitCode !== null || child.signalCode !== null,
    terminate: async () => {
      child.kill('SIGTERM')
      await exited(child, 60_000)
      return child.exitCode
    },
  }
}

const topic = 'verifiable'
const partitionCount = 6
const patienceMs = 150_000

/** Where a record is, and what it says. */
const placed = (event: { value: string; offset: number; partition: number }): string =>
  `${event.partition}:${event.offset}=${event.value}`

interface Consumer {
  readonly process: Verifiable
  readonly partitions: Set<number>
}

const startConsumer = (
  bootstrap: string,
  name: string,
  read: (record: string) => void,
): Consumer => {
  const partitions = new Set<number>()
  const options = ['--group-id', 'verifiers', '--session-timeout', '6000', '--verbose']
  const args = ['--bootstrap-server', bootstrap, '--topic', topic, ...options]
  const main = 'org.apache.kafka.tools.VerifiableConsumer'
  const process = start(`VerifiableConsumer ${name}`, main, args, (event) => {
    if (event.name === 'record_data') read(placed(event))
    if (event.name === 'partitions_assigned')
      for (const each of event.partitions) partitions.add(each.partition)
    if (event.name === 'partitions_revoked')
      for (const each of event.partitions) partitions.delete(each.partition)
  })
  return { process, partitions }
}

const share = (consumers: readonly Consumer[]): Promise<void> =>
  until(
    () =>
      consumers.every(({ partitions }) => partitions.size > 0) &&
      consumers.reduce((sum, { partitions }) => sum + partitions.size, 0) === partitionCount &&
      new Set(consumers.flatMap(({ partitions }) => [...partitions])).size === partitionCount,
    () =>
      `the consumers to share: ${JSON.stringify(consumers.map((each) => [...each.partitions]))}`,
    patienceMs,
  )

/**
 * The clients of Apache's own system tests: three VerifiableConsumers of a group, of which one leaves and one dies, and a
 * VerifiableProducer that goes on while the broker is killed. All that was acknowledged is read where it was said to be.
 * @param meanwhile what is to be done with the broker before it is killed
 */
export const verifiable = async (
  { broker, step, keep }: SuiteRun,
  meanwhile: () => Promise<void>,
): Promise<void> => {
  const read = new Set<string>()
  /** Acknowledged, and not read so far. */
  const missing = new Set<string>()
  let acked = 0
  const isRead = (record: string): void => {
    read.add(record)
    missing.delete(record)
  }
  const isAcked = (record: string): void => {
    acked++
    if (!read.has(record)) missing.add(record)
  }
  let failed = 0
  const [first, second, third] = ['1', '2', '3'].map((name) => {
    const consumer = startConsumer(broker.bootstrap, name, isRead)
    keep(consumer.process)
    return consumer
  }) as [Consumer, Consumer, Consumer]
  const rebalances = async (): Promise<void> => {
    await step('three VerifiableConsumers share a topic', () => share([first, second, third]))
    await step('one leaves, two share', async () => {
      const code = await third.process.terminate()
      if (code !== 143 && code !== 0) throw new Error(`it ended with ${code}`)
      await share([first, second])
    })
    await step('one dies, one has all', async () => {
      await second.process.kill9()
      await share([first])
    })
  }
  await Promise.all([meanwhile(), rebalances()])
  await step('VerifiableProducer, kill -9 in the middle', async () => {
    const args = ['--bootstrap-server', broker.bootstrap, '--topic', topic, '--throughput', '3000']
    const main = 'org.apache.kafka.tools.VerifiableProducer'
    const producer = keep(
      start('VerifiableProducer', main, args, (event) => {
        if (event.name === 'producer_send_success') isAcked(placed(event))
        if (event.name === 'producer_send_error') failed++
      }),
    )
    const state = (): string => `${acked} acknowledged, ${failed} failed, ${read.size} read`
    const ackedTo = async (count: number): Promise<void> => {
      const reached = (): boolean => acked >= count
      await until(
        () => reached() || producer.ended(),
        () => `${count} acknowledged: ${state()}`,
        patienceMs,
      )
      if (!reached()) throw new Error(`the producer ended: ${state()}`)
    }
    await ackedTo(2000)
    await broker.crash(topic)
    await ackedTo(Math.max(10_000, acked + 1000))
    await producer.terminate()
    await until(
      () => missing.size === 0,
      () => `all acknowledged to be read, ${missing.size} are not: ${[...missing][0]}; ${state()}`,
      patienceMs,
    )
  })
}
