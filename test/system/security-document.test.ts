import { spawn, type ChildProcess } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { Kafka, logLevel, type KafkaConfig } from 'kafkajs'
import { parseProperties } from '../../src/config/properties.ts'
import { startCluster } from '../../src/index.ts'
import { ottla } from '../bin/command.ts'
import { exited, until } from '../clients/wait.ts'
import { IdentityProvider, keySetOf, SigningKey } from '../support/identity-provider.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
const alive = new Set<ChildProcess>()
afterAll(async () => {
  for (const child of alive) process.kill(-child.pid!, 'SIGKILL')
  await Promise.all(Array.from(alive, (child) => exited(child)))
  directories.removeAll()
})

/** The blocks of docs/security.md by their headings. */
const blocks = new Map(
  readFileSync('docs/security.md', 'utf8')
    .split('\n## ')
    .flatMap((part) => {
      const block = /```bash\n([^]*?)```/.exec(part)?.[1]
      return block === undefined ? [] : [[part.split('\n')[0]!, block] as const]
    }),
)

const READY = /The broker is ready|^ottla cluster ready on [^,]+:(\d+)/m

/** Runs a block as it stands, but for its ports, in an empty directory; the ports are those of its listeners. */
async function run(block: string, changes: (script: string) => string = String) {
  const directory = directories.make()
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  symlinkSync(resolve('bin/ottla'), join(bin, 'ottla'))
  const [open, secured] = await freePorts(2)
  const script = changes(block).replaceAll(':9092', `:${open}`).replaceAll(':9093', `:${secured}`)
  const child = spawn('/bin/bash', ['-ec', script], {
    cwd: directory,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: [bin, process.env['PATH']].join(delimiter) },
  })
  alive.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => (output += bytes.toString()))
  }
  child.once('close', () => alive.delete(child))
  await until(
    () => READY.test(output) || child.exitCode !== null,
    () => `the broker: ${output}`,
  )
  expect(child.exitCode === null ? '' : output).toBe('')
  return { directory, child, port: secured!, output: () => output }
}

async function write(port: number, config: Partial<KafkaConfig>): Promise<void> {
  const brokers = [`localhost:${port}`]
  const kafka = new Kafka({
    brokers,
    ...config,
    connectionTimeout: 60_000,
    logLevel: logLevel.NOTHING,
  })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 't', messages: [{ value: 'v' }] })
  await producer.disconnect()
}

describe('docs/security.md', () => {
  test('has a block for each way', () => {
    expect([...blocks.keys()]).toEqual([
      'A cluster to try',
      'TLS',
      'SASL/PLAIN',
      'SASL/SCRAM',
      'SASL/OAUTHBEARER',
    ])
    for (const block of blocks.values()) expect(block.split('\n').length).toBeLessThanOrEqual(11)
  })

  test('leads to three brokers that speak SASL_SSL, and stays there', async () => {
    const { directory, child, output } = await run(blocks.get('A cluster to try')!, (script) =>
      script.replace('--base-port 9092', '--base-port 0'),
    )
    const place = join(directory, 'secured', 'security')
    const port = Number(READY.exec(output())![1])
    const users = parseProperties(readFileSync(join(place, 'users.properties'), 'utf8'))
    const password = users.get('admin')!
    const sasl = { mechanism: 'scram-sha-512', username: 'admin', password } as const
    await write(port, { ssl: { ca: readFileSync(join(place, 'ca.pem'), 'utf8') }, sasl })
    const list = ['topics', 'list', '--bootstrap-server', `127.0.0.1:${port}`]
    const by = ['--command-config', join(place, 'client.properties')]
    expect(await ottla([...list, ...by])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^t\s/m),
    })
    expect(await ottla(list)).toMatchObject({ code: 1, stdout: '' })
    for (const path of [
      join(directory, 'secured'),
      place,
      ...readdirSync(place).map((name) => join(place, name)),
    ]) {
      expect([path, statSync(path).mode & 0o077]).toEqual([path, 0])
    }
    process.kill(child.pid!, 'SIGTERM')
    await exited(child)
    expect(output()).not.toContain(password)
    const again = startCluster({ directory: join(directory, 'secured') })
    await expect(again).rejects.toThrow('speaks TLS and SASL: start it with ottla cluster up')
    rmSync(place, { recursive: true })
    for (const more of [[], ['--secure']]) {
      const lost = await ottla(['cluster', 'up', '--dir', join(directory, 'secured'), ...more])
      expect(lost).toMatchObject({ code: 1, stdout: '' })
      expect(lost.stderr).toContain(`can't start without what is missing: ${place}`)
    }
    expect(existsSync(place)).toBe(false)
  })

  test('leads to TLS', async () => {
    const { directory, port } = await run(blocks.get('TLS')!)
    await write(port, { ssl: { ca: readFileSync(join(directory, 'certificate.pem'), 'utf8') } })
  })

  test.each([
    ['SASL/PLAIN', 'plain'],
    ['SASL/SCRAM', 'scram-sha-512'],
  ] as const)('leads to %s', async (way, mechanism) => {
    const { port } = await run(blocks.get(way)!)
    const sasl = { mechanism, username: 'alice', password: 'alice-secret' } as never
    await write(port, { sasl })
  })
  test('leads to SASL/OAUTHBEARER', async () => {
    const key = await SigningKey.make('one')
    const provider = await IdentityProvider.start(keySetOf(key))
    const url = 'http://localhost:8080/keys'
    const block = blocks.get('SASL/OAUTHBEARER')!
    expect(block).toContain(url)
    const { port } = await run(block, (script) => script.replace(url, provider.url))
    const oauthBearerProvider = async () => ({ value: await key.token() })
    await write(port, { sasl: { mechanism: 'oauthbearer', oauthBearerProvider } })
    provider.close()
  })
})
