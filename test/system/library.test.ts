import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { startBroker, startCluster } from '../../src/index.ts'
import type { RunningBroker } from '../../src/index.ts'
import { until } from '../clients/wait.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
// The system's place for temporary files is full of others' that come and go.
const temporary = directories.make()
const usual = process.env['TMPDIR']
beforeAll(() => {
  process.env['TMPDIR'] = temporary
})
afterAll(() => {
  if (usual === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = usual
  directories.removeAll()
})

const inTemporary = (): string[] =>
  readdirSync(temporary).filter((name) => !name.startsWith('ottla-test-'))

async function using(
  brokers: Promise<RunningBroker>[],
  work: (...brokers: RunningBroker[]) => Promise<void>,
): Promise<void> {
  const running = await Promise.all(brokers)
  try {
    await work(...running)
  } finally {
    await Promise.all(running.map((broker) => broker.close()))
  }
}

/** Rejects when the port is not free. */
function takePort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject)
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()))
  })
}

async function codeOf(
  starting: Promise<RunningBroker>,
): Promise<{ code: string; message: string }> {
  try {
    await (await starting).close()
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return { code, message }
  }
  throw new Error('the broker started')
}

const topicsOf = async (broker: RunningBroker): Promise<string[]> => {
  const client = await RawClient.connect(broker)
  const { topics } = await client.request(Metadata, 12, {
    topics: null,
    allowAutoTopicCreation: false,
  })
  client.destroy()
  return topics.map(({ name }) => name ?? '').sort()
}

const createTopic = async (broker: RunningBroker, name: string): Promise<void> => {
  const client = await RawClient.connect(broker)
  const ask = () =>
    client.request(Metadata, 12, { topics: [{ name }], allowAutoTopicCreation: true })
  let answer = await ask()
  while (answer.topics[0]?.errorCode !== 'NONE') answer = await ask()
  client.destroy()
}

describe('startBroker', () => {
  test('without options listens on a free port and keeps its data in a temporary directory', async () => {
    const broker = await startBroker()
    expect(broker.host).toBe('127.0.0.1')
    expect(broker.port).toBeGreaterThan(0)
    expect(broker.bootstrap).toBe(`127.0.0.1:${broker.port}`)
    await expect(takePort(broker.port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await broker.close()
    await takePort(broker.port)
  })

  test('removes its temporary directory when it closes, and leaves a given one', async () => {
    const broker = await startBroker()
    expect(inTemporary()).toHaveLength(1)
    await broker.close()
    expect(inTemporary()).toEqual([])

    const directory = directories.make()
    await (await startBroker({ directory })).close()
    expect(inTemporary()).toEqual([])
    expect(existsSync(join(directory, '.kafka_cleanshutdown'))).toBe(true)
  })

  test('lets the directory go when it closes, so that the next one can take it', async () => {
    const directory = directories.make()
    const first = await startBroker({ directory })
    expect(await codeOf(startBroker({ directory }))).toMatchObject({ code: 'LOG_DIRECTORY_LOCKED' })
    await first.close()
    await using([startBroker({ directory })], async () => {})
  })

  test('closes once, however often it is asked', async () => {
    const broker = await startBroker()
    await Promise.all([broker.close(), broker.close()])
    await broker.close()
  })

  test('closes while clients are connected, and ends their connections', async () => {
    const broker = await startBroker()
    const client = await RawClient.connect(broker)
    await client.request(Metadata, 12, { topics: null })
    await broker.close()
    await client.closed
  })

  test('two in one process do not disturb each other', async () => {
    await using([startBroker(), startBroker()], async (first, second) => {
      expect(first.port).not.toBe(second.port)
      await createTopic(first, 'of-the-first')
      await createTopic(second, 'of-the-second')
      expect(await topicsOf(first)).toEqual(['of-the-first'])
      expect(await topicsOf(second)).toEqual(['of-the-second'])
      await first.close()
      expect(await topicsOf(second)).toEqual(['of-the-second'])
    })
  })

  test('serves kafkajs in the same process', async () => {
    await using([startBroker()], async (broker) => {
      const kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING })
      const producer = kafka.producer({ allowAutoTopicCreation: true })
      await producer.connect()
      const [sent] = await producer.send({
        topic: 'greetings',
        messages: [{ key: 'k', value: 'hello', headers: { h: 'v' } }],
      })
      expect(sent).toMatchObject({ topicName: 'greetings', partition: 0, baseOffset: '0' })
      await producer.disconnect()
    })
  })
})

describe('startBroker says what is wrong by a stable code', () => {
  const cases: [string, () => Parameters<typeof startBroker>[0], string, RegExp][] = [
    [
      'an unknown value',
      () => ({ settings: { 'num.partitions': 'many' } }),
      'CONFIG_INVALID',
      /num\.partitions/,
    ],
    [
      'a value out of bounds',
      () => ({ settings: { 'num.partitions': 0 } }),
      'CONFIG_INVALID',
      /num\.partitions/,
    ],
    [
      'listeners that make no sense',
      () => ({ settings: { listeners: 'nonsense' } }),
      'CONFIG_INVALID',
      /listeners/,
    ],
    [
      'a file in place of the directory',
      () => ({ directory: join(process.cwd(), 'package.json') }),
      'LOG_DIRECTORY_UNUSABLE',
      /log\.dirs/,
    ],
    [
      'an address of another machine',
      () => ({ settings: { listeners: 'PLAINTEXT://192.0.2.1:0' } }),
      'ERR_START',
      /192\.0\.2\.1/,
    ],
  ]
  test.each(cases)('%s', async (_, options, code, words) => {
    const error = await codeOf(startBroker(options()))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(words)
    expect(error.message).not.toContain('\n')
  })

  test('a port in use', async () => {
    await using([startBroker()], async ({ port }) => {
      const settings = { listeners: `PLAINTEXT://127.0.0.1:${port}` }
      const error = await codeOf(startBroker({ settings }))
      expect(error.code).toBe('ERR_START')
      expect(error.message).toContain(`Port ${port} is in use`)
    })
  })

  test('and leaves nothing behind', async () => {
    await codeOf(startBroker({ settings: { 'num.partitions': 0 } }))
    await codeOf(startBroker({ settings: { listeners: 'PLAINTEXT://192.0.2.1:0' } }))
    expect(inTemporary()).toEqual([])
  })
})

describe('close', () => {
  test('leaves no handle and no timer: the process ends by itself', async () => {
    const library = pathToFileURL('dist/src/index.js').href
    const program = `
      import { startBroker } from '${library}'
      const brokers = await Promise.all([startBroker(), startBroker()])
      await Promise.all(brokers.map((broker) => broker.close()))
      await new Promise(setImmediate)
      const left = process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')
      console.log(JSON.stringify(left))`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
    let isOver = false
    child.once('close', () => (isOver = true))
    await until(() => isOver, 'the process to end by itself', 20_000).catch((error: unknown) => {
      child.kill('SIGKILL')
      throw error
    })
    expect(JSON.parse(output)).toEqual([])
    expect(child.exitCode).toBe(0)
  })
})

test('a cluster that can not start removes its temporary directory', async () => {
  const before = inTemporary()
  await expect(startCluster({ settings: { 'num.partitions': 'none' } })).rejects.toMatchObject({
    message: expect.stringContaining('num.partitions') as string,
  })
  expect(inTemporary()).toEqual(before)
})
