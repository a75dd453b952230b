import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import { ottla } from '../bin/command.ts'
import { killAll, startEntryPoint } from '../support/broker-process.ts'
import { freePorts } from '../support/ports.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

type Environment = Readonly<Record<string, string>>

/** A directory for PATH, whose `node` says what it was called with. */
function telling(): string {
  const directory = directories.make()
  const node = join(directory, 'node')
  writeFileSync(
    node,
    '#!/bin/sh\nenv | grep ^KAFKA_\nshift\nfor one; do echo "argument=$one"; done\n',
  )
  chmodSync(node, 0o755)
  return directory
}

/** What the image's entry point calls Node with. */
function called(environment: Environment, args: readonly string[]) {
  const env = { PATH: `${telling()}:${process.env['PATH']}`, ...environment }
  const lines = execFileSync('docker/entrypoint', args, { env, encoding: 'utf8' }).split('\n')
  const pairs = lines.filter((line) => line !== '').map((line) => line.split(/=(.*)/s) as string[])
  return {
    environment: Object.fromEntries(pairs.filter(([name]) => name !== 'argument')) as Environment,
    args: pairs.filter(([name]) => name === 'argument').map(([, value]) => value!),
  }
}

/** Where a broker in the image listens, and what it tells clients. */
function listenersOf(environment: Environment, set: readonly string[] = []) {
  const args = ['start', ...set.flatMap((one) => ['--set', one])]
  const { environment: given } = called(environment, args)
  const config = new BrokerConfig({ environment: given, set })
  const shown = ({ host, port }: { host: string; port: number }) => `${host}:${port}`
  const { broker, advertised } = config.listeners
  return { on: broker.map(shown).join(), told: advertised.map(shown).join() }
}

const posix = process.platform === 'win32' ? describe.skip : describe

posix('The image', () => {
  test('without any setting listens on all interfaces, for clients of the same machine', () => {
    expect(listenersOf({})).toEqual({ on: '0.0.0.0:9092', told: 'localhost:9092' })
    expect(called({}, ['start'])).toEqual({
      environment: {
        KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://localhost:9092',
        KAFKA_LOG_DIRS: '/var/lib/ottla',
      },
      args: ['start'],
    })
  })

  test('takes the advertised listeners alone, or the listeners alone', () => {
    const advertised = { KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://kafka:19092' }
    expect(listenersOf(advertised)).toEqual({ on: '0.0.0.0:19092', told: 'kafka:19092' })
    const listeners = { KAFKA_LISTENERS: 'PLAINTEXT://kafka:19092' }
    expect(listenersOf(listeners)).toEqual({ on: 'kafka:19092', told: 'kafka:19092' })
    expect(listenersOf({ ...advertised, KAFKA_LISTENERS: 'PLAINTEXT://:9092' })).toEqual({
      on: ':9092',
      told: 'kafka:19092',
    })
  })

  test('leaves what the command line or a file says alone', () => {
    const set = ['listeners=PLAINTEXT://here:1', 'log.dirs=/elsewhere']
    expect(listenersOf({}, set)).toEqual({ on: 'here:1', told: 'here:1' })
    expect(called({}, ['start', '--config', '/a b/server.properties'])).toEqual({
      environment: {},
      args: ['start', '--config', '/a b/server.properties'],
    })
    expect(called({ KAFKA_LOG_DIR: '/mine' }, ['start']).environment).not.toHaveProperty(
      'KAFKA_LOG_DIRS',
    )
  })

  test('starts a broker that stops in order, with the advertised listener alone', async () => {
    const [port] = (await freePorts(1)) as [number]
    const broker = await startEntryPoint({
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
      KAFKA_LOG_DIRS: directories.make(),
    })
    const made = await ottla(['topics', 'create', 'made'], { bootstrap: `127.0.0.1:${port}` })
    expect(made).toMatchObject({ code: 0, stderr: '' })
    broker.kill('SIGTERM')
    expect(await broker.ended()).toMatchObject({ code: 0, signal: null })
  })
})
