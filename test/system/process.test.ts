import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { until } from '../clients/wait.ts'
import {
  killAll,
  signalledAtFirstWord,
  startInShell,
  startProcess,
} from '../support/broker-process.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
const started: { kill(): Promise<void> }[] = []
afterAll(async () => {
  await Promise.all(started.map((broker) => broker.kill()))
  await killAll()
  directories.removeAll()
})
const onUnix = process.platform === 'win32' ? describe.skip : describe

/** What a stop in order leaves in a directory, so that the next start checks nothing. */
const isClosedInOrder = (directory: string): boolean =>
  existsSync(join(directory, '.kafka_cleanshutdown'))

async function isServed(at: { host: string; port: number }): Promise<void> {
  const client = await RawClient.connect(at)
  const { errorCode } = await client.request(ApiVersions, 3, {
    clientSoftwareName: 'test',
    clientSoftwareVersion: '1',
  })
  expect(errorCode).toBe('NONE')
  client.destroy()
}

onUnix('A process', () => {
  test.each(['SIGHUP', 'SIGTERM', 'SIGINT'] as const)('stops in order on %s', async (signal) => {
    const directory = directories.make()
    const broker = await startProcess({ 'log.dirs': directory })
    expect(isClosedInOrder(directory)).toBe(false)
    broker.kill(signal)
    expect(await broker.ended()).toMatchObject({ code: 0, signal: null })
    expect(isClosedInOrder(directory)).toBe(true)
  })

  test('stops in order when the signal comes before it serves', async () => {
    const directory = directories.make()
    const ended = await signalledAtFirstWord({ 'log.dirs': directory }, 'SIGTERM')
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(isClosedInOrder(directory)).toBe(true)
  })

  test('goes on when nobody reads its standard output, and says so', async () => {
    const broker = await startInShell('"$@" | true', { 'log.dirs': directories.make() })
    started.push(broker)
    const said =
      /^ottla: standard output takes nothing any more \(.*EPIPE.*\); the broker goes on$/m
    await until(() => said.test(broker.stderr), 'the broker to say so')
    await isServed(broker)
  })

  test('goes on when nobody reads its standard error, and then stops in order', async () => {
    const directory = directories.make()
    const unread = `{ sh -c 'echo "pid $$"; exec "$@"' sh "$@" 2>&1 1>&3 | sleep 1000; } 3>&1`
    const broker = await startInShell(unread, { 'log.dirs': directory })
    started.push(broker)
    // Each leaves a line in the log with the name of its software; together they are far more than a pipe holds.
    for (let index = 0; index < 5; index++) {
      const client = await RawClient.connect(broker)
      const software = { clientSoftwareName: 'x'.repeat(32_000), clientSoftwareVersion: '1' }
      expect((await client.request(ApiVersions, 3, software)).errorCode).toBe('NONE')
      client.sendFrame(Buffer.alloc(8, 0x7f))
      expect(await client.nextFrame()).toBe(null)
    }
    await isServed(broker)
    await until(() => broker.stdout.includes('ottla ready'), 'the broker to be ready')
    const [, pid] = /^pid (\d+)$/m.exec(broker.stdout)!
    process.kill(Number(pid), 'SIGTERM')
    await until(() => isClosedInOrder(directory), 'the broker to stop in order')
    await until(() => !isAlive(Number(pid)), 'the process to end')
  })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
