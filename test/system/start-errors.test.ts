import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startBroker } from '../../src/index.ts'
import type { RunningBroker } from '../../src/index.ts'
import { startInVain } from '../support/broker-process.ts'
import type { Settings, Surroundings } from '../support/broker-process.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
let running: RunningBroker
beforeAll(async () => {
  running = await startBroker({ directory: directories.make() })
})
afterAll(async () => {
  await running?.close()
  directories.removeAll()
})

/** A directory that a node has used, and left. */
async function used(nodeId: number): Promise<string> {
  const directory = directories.make()
  const broker = await startBroker({ directory, settings: { 'node.id': nodeId } })
  await broker.close()
  return directory
}

/** The one line for a person that the command says before it gives up; the log's own lines are JSON. */
async function complaint(
  settings: Settings,
  more: readonly string[] = [],
  limits: Surroundings = {},
): Promise<string> {
  const { code, stdout, stderr } = await startInVain(settings, more, limits)
  const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
  expect({ code, stdout, lines }).toEqual({ code: 1, stdout: '', lines: [expect.any(String)] })
  expect(lines[0]).toMatch(/^ottla: /)
  return lines[0]!
}

const onLinux = process.platform === 'linux' ? test : test.skip

describe('ottla start says in one line what is wrong and what to do, and exits with 1', () => {
  test('when another process listens on the port', async () => {
    const listeners = `PLAINTEXT://127.0.0.1:${running.port}`
    const line = await complaint({ listeners, 'log.dirs': directories.make() })
    expect(line).toContain(`Port ${running.port} is in use`)
    expect(line).toContain('choose another port in listeners')
  })

  test('when the address is not of this machine', async () => {
    const listeners = 'PLAINTEXT://192.0.2.1:9092'
    const line = await complaint({ listeners, 'log.dirs': directories.make() })
    expect(line).toContain('192.0.2.1 is no address of this machine')
  })

  test('when the data directory is a file', async () => {
    const file = join(directories.make(), 'data')
    writeFileSync(file, '')
    const line = await complaint({ 'log.dirs': file })
    expect(line).toContain(file)
    expect(line).toContain('set log.dirs')
  })

  test.each([
    [
      'a controller is to join others, and nobody has formatted it',
      { 'controller.quorum.bootstrap.servers': 'other:1' },
      'format it for their cluster with ottla storage format',
    ],
    [
      'a broker is to join controllers, knows no cluster, and nobody tells it',
      {
        'process.roles': 'broker',
        listeners: 'PLAINTEXT://127.0.0.1:0',
        'controller.quorum.bootstrap.servers': '127.0.0.1:1',
        'initial.broker.registration.timeout.ms': 300,
      },
      'give the cluster’s id by CLUSTER_ID or ottla storage format',
    ],
  ])('when %s', async (_, settings, reason) => {
    const directory = directories.make()
    const line = await complaint({
      'node.id': 1,
      'process.roles': 'broker,controller',
      'controller.listener.names': 'CONTROLLER',
      listeners: 'PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0',
      'log.dirs': directory,
      ...settings,
    })
    expect(line).toContain(reason)
    // Nothing was begun there that a later start would find.
    expect(readdirSync(directory).filter((name) => name !== '.lock')).toEqual([])
  })

  onLinux('when the limit of open files is too low', async () => {
    const line = await complaint({ 'log.dirs': directories.make() }, [], { openFiles: 300 })
    expect(line).toContain('this process may have 300: raise the limit (ulimit -n')
  })

  onLinux('when the data directory can’t be made', async () => {
    // Nobody may make a directory here, not even root.
    const line = await complaint({ 'log.dirs': '/sys/ottla' })
    expect(line).toContain('/sys/ottla')
    expect(line).toContain('set log.dirs')
  })

  test('when another broker uses the data directory', async () => {
    const directory = directories.make()
    const other = await startBroker({ directory })
    try {
      const line = await complaint({ 'log.dirs': directory })
      expect(line).toContain(`Another process uses the log directory ${directory}`)
    } finally {
      await other.close()
    }
  })

  test('when the data directory belongs to another node', async () => {
    const directory = await used(7)
    const line = await complaint({ 'log.dirs': directory, 'node.id': 8 })
    expect(line).toContain(directory)
    expect(line).toMatch(/node.*7/)
    expect(line).toContain('8')
  })

  test('when two data directories belong to different clusters', async () => {
    const [one, other] = [await used(1), await used(1)]
    const line = await complaint({ 'log.dirs': `${one},${other}` })
    expect(line).toMatch(/cluster/)
    expect(line).toContain(other)
  })

  test('when the directory with the metadata is empty and another one is in use', async () => {
    const [one, other] = [directories.make(), directories.make()]
    const settings = { 'log.dirs': `${one},${other}` }
    const broker = await startBroker({ settings })
    await broker.close()
    rmSync(one, { recursive: true })
    const line = await complaint(settings)
    expect(line).toContain(`${one}, which has the cluster's metadata, is empty`)
    expect(line).toContain(other)
  })

  test('when log.dirs names a directory twice', async () => {
    const directory = directories.make()
    const line = await complaint({ 'log.dirs': `${directory},${directory}/` })
    expect(line).toContain(`${directory} twice`)
  })

  test('when there is a directory in the data directory that is no partition’s', async () => {
    const directory = directories.make()
    mkdirSync(join(directory, 'photos'))
    const line = await complaint({ 'log.dirs': directory })
    expect(line).toContain(`${join(directory, 'photos')} is no partition's directory`)
    expect(line).toContain('set log.dirs')
  })

  test('when meta.properties is damaged', async () => {
    const directory = directories.make()
    writeFileSync(join(directory, 'meta.properties'), 'no properties at all')
    const line = await complaint({ 'log.dirs': directory })
    expect(line).toContain(join(directory, 'meta.properties'))
    expect(line).toMatch(/restore it|move/)
  })

  test('when a setting has a value that can’t be', async () => {
    const line = await complaint({ 'num.partitions': 'many' })
    expect(line).toContain('num.partitions')
    expect(line).toContain('many')
  })

  test('when a setting is out of bounds', async () => {
    expect(await complaint({ 'num.partitions': 0 })).toMatch(/0 for .*num\.partitions.*at least 1/)
  })

  test('when a setting has no value', async () => {
    expect(await complaint({}, ['--set', 'num.partitions'])).toContain('num.partitions')
  })

  test('when the settings’ file is not there', async () => {
    const line = await complaint({}, ['--config', '/nowhere/server.properties'])
    expect(line).toContain('/nowhere/server.properties')
  })

  test('when the settings’ file has a line that can’t be', async () => {
    const file = join(directories.make(), 'server.properties')
    const lines = [
      'process.roles=broker,controller',
      'node.id=1',
      'listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0',
      'controller.listener.names=CONTROLLER',
      'controller.quorum.voters=1@127.0.0.1:9093',
      'log.retention.hours=forever',
    ]
    writeFileSync(file, lines.join('\n'))
    const line = await complaint({}, ['--config', file])
    expect(line).toContain('log.retention.hours')
    expect(line).toContain(file)
  })
})

test('a start that failed has changed nothing in the directory of another node', async () => {
  const directory = await used(7)
  const before = readFileSync(join(directory, 'meta.properties'), 'utf8')
  mkdirSync(join(directory, 'kept-0'))
  await complaint({ 'log.dirs': directory, 'node.id': 8 })
  expect(readFileSync(join(directory, 'meta.properties'), 'utf8')).toBe(before)
  expect(readFileSync(join(directory, '.kafka_cleanshutdown'), 'utf8')).not.toBe('')
})

test('a settings file that is malformed is named by its line, without what stands there', async () => {
  const file = join(directories.make(), 'server.properties')
  writeFileSync(file, 'node.id=1\nssl.keystore.password=topsecret\\u12\n')
  const { code, stderr } = await startInVain({}, ['--config', file])
  expect(code).toBe(1)
  expect(stderr).toContain(`${file} is not a properties file: Malformed \\uxxxx encoding in line 2`)
  expect(stderr).not.toContain('topsecret')
})
