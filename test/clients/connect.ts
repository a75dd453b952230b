import { execFile, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../support/ports.ts'
import { checkCommitted } from './copying.ts'
import { type Started } from './driver.ts'
import { driverOf } from './patient.ts'
import { type SuiteRun } from './scenario.ts'
import { toolOf } from './tool.ts'
import { java } from './toolchains.ts'
import { OutputTail, eventually, exited } from './wait.ts'

const topic = 'numbers'
const partitions = 3
const taskCount = 2
const countOfEach = 500
const total = taskCount * countOfEach
/** How many of them are there at least and at most when a worker is killed. */
const earliest = 100
const latest = 700

/** A worker of Kafka Connect, and the port of its REST interface. */
interface Worker extends Started {
  readonly port: number
  /** What the threads of its tasks and of their producers do: a task that stands still waits for them, or for the broker. */
  threads(): Promise<string>
}

const workerSettings = (bootstrap: string, port: number): Readonly<Record<string, string>> => {
  const converter = 'org.apache.kafka.connect.storage.StringConverter'
  return {
    'bootstrap.servers': bootstrap,
    'group.id': 'workers',
    listeners: `http://127.0.0.1:${port}`,
    'exactly.once.source.support': 'enabled',
    'key.converter': converter,
    'value.converter': converter,
    // As many replicas as the brokers give a topic.
    'config.storage.topic': 'connect-configs',
    'config.storage.replication.factor': '-1',
    'offset.storage.topic': 'connect-offsets',
    'offset.storage.replication.factor': '-1',
    'offset.storage.partitions': '3',
    'status.storage.topic': 'connect-status',
    'status.storage.replication.factor': '-1',
    'status.storage.partitions': '2',
    // Without a search through all classes.
    'plugin.discovery': 'service_load',
    // The work of a dead worker is given to the other at once.
    'scheduled.rebalance.max.delay.ms': '0',
    'session.timeout.ms': '6000',
    'heartbeat.interval.ms': '500',
  }
}

const startWorker = async (
  name: string,
  bootstrap: string,
  directory: string,
  port: number,
): Promise<Worker> => {
  const properties = path.join(directory, `${name}.properties`)
  const lines = Object.entries(workerSettings(bootstrap, port)).map(
    ([setting, value]) => `${setting}=${value}\n`,
  )
  await writeFile(properties, lines.join(''))
  const [program, ...options] = java() as [string, ...string[]]
  const main = 'org.apache.kafka.connect.cli.ConnectDistributed'
  const child = spawn(program, [...options, main, properties], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = new OutputTail()
  output.follow(child)
  const kill9 = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited(child)
  }
  const threads = async (): Promise<string> => {
    const { stdout } = await promisify(execFile)('jstack', [`${child.pid}`])
    const isOfTask = /^"(task-thread-|kafka-producer-network-thread \| connector-producer-)/
    return stdout
      .split('\n\n')
      .filter((thread) => isOfTask.test(thread))
      .join('\n')
  }
  return { name, port, threads, kill9, close: kill9, tail: () => output.tail(100) }
}

/** Asks a worker by its REST interface. */
const rest = async <Answer>(
  { port }: Worker,
  resource: string,
  body?: Readonly<Record<string, string>>,
): Promise<Answer> => {
  const put = { method: 'PUT', headers: { 'content-type': 'application/json' } }
  const options = body === undefined ? {} : { ...put, body: JSON.stringify(body) }
  const signal = AbortSignal.timeout(30_000)
  const answer = await fetch(`http://127.0.0.1:${port}/${resource}`, { ...options, signal })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${resource}: ${answer.status} ${text}`)
  return JSON.parse(text) as Answer
}

const connector = {
  'connector.class': 'NumbersSource',
  'tasks.max': `${taskCount}`,
  'exactly.once.support': 'required',
  'transaction.boundary': 'connector',
  'producer.override.interceptor.classes': 'NumbersSource$UnhurriedOffsets',
  topic,
  count: `${countOfEach}`,
}

interface Status {
  readonly tasks: readonly {
    readonly id: number
    readonly state: string
    readonly worker_id: string
    /** Of a task that has failed. */
    readonly trace?: string
  }[]
}

interface Offsets {
  readonly offsets: readonly { readonly offset: { readonly next: number } }[]
}

/** @throws Error of a task that has failed: nobody starts it again */
const tasksOf = async (worker: Worker): Promise<Status['tasks']> => {
  const { tasks } = await rest<Status>(worker, 'connectors/numbers/status')
  const failed = tasks.find(({ state }) => state === 'FAILED')
  if (failed !== undefined) throw new Error(`task ${failed.id} has failed: ${failed.trace}`)
  return tasks
}

/** The ports of the workers that run the tasks. */
const runningOn = async (worker: Worker): Promise<number[]> => {
  const tasks = await tasksOf(worker)
  const running = tasks.filter(({ state }) => state === 'RUNNING')
  return running.map((task) => Number(task.worker_id.split(':')[1]))
}

/**
 * Kafka Connect with exactly-once source support (KIP-618): two workers share a connector's tasks, one of them is killed in the middle,
 * and what is committed is what the source had, each once.
 */
export const connectScenario = async (run: SuiteRun): Promise<void> => {
  const { broker, step, directory, keep, chance } = run
  const client = driverOf(run, 'client', [...java(), 'Driver'])
  const ports = await freePorts(2)
  const workers = await step('two workers start', async () => {
    await client.call('create', { topic, partitions })
    const started = await Promise.all(
      ports.map((port, index) => startWorker(`worker-${index}`, broker.bootstrap, directory, port)),
    )
    const both = started.map(keep)
    for (const worker of both)
      await eventually(
        async () => (await rest<{ status: string }>(worker, 'health')).status === 'healthy',
        `${worker.name} to be healthy`,
      )
    return both
  })
  const survivor = await step('one of them is killed', async () => {
    const [one] = workers as [Worker]
    const isTold = async (): Promise<boolean> => {
      await rest(one, 'connectors/numbers/config', connector)
      return true
    }
    await eventually(isTold, 'the connector to be taken')
    const isShared = async (): Promise<boolean> =>
      new Set(await runningOn(one)).size === workers.length
    await eventually(isShared, 'both to run a task')
    const count = earliest + chance(latest - earliest)
    await client.call('consume', { topic, count })
    const dying = chance(workers.length)
    await workers[dying]!.kill9()
    return workers[1 - dying]!
  })
  await step('the other one goes on', async () => {
    let [states, offsets] = [[] as Status['tasks'], [] as Offsets['offsets']]
    const isThrough = async (): Promise<boolean> => {
      states = await tasksOf(survivor)
      ;({ offsets } = await rest<Offsets>(survivor, 'connectors/numbers/offsets'))
      return (
        offsets.length === taskCount && offsets.every(({ offset }) => offset.next === countOfEach)
      )
    }
    try {
      await eventually(
        isThrough,
        () => `the source to be read to its end: ${JSON.stringify({ states, offsets })}`,
      )
    } catch (error) {
      const threads = await survivor.threads().catch(String)
      throw new Error(`${(error as Error).message}\n${threads}`, { cause: error })
    }
    await survivor.kill9()
  })
  await step('what is committed is what the source had, each once', async () => {
    const numbers = Array.from({ length: total }, (_, index) => {
      return `${index % taskCount}-${Math.floor(index / taskCount)}`
    })
    await checkCommitted(client, client, topic, numbers)
  })
  await step('the log has aborted records, too', async () => {
    const main = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
    const consumer = toolOf(client, broker.bootstrap, main)
    const isolation = ['--isolation-level', 'read_uncommitted']
    const args = ['--topic', topic, '--from-beginning', '--max-messages', `${total + 41}`]
    const printed = await consumer([...args, ...isolation])
    if (!/^aborted-\d$/m.test(printed)) throw new Error('nothing was aborted')
  })
}
