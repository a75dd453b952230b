import { nodeHost } from '../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { eventually } from '../clients/wait.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { apacheTest, apacheTool } from './apache-tool.ts'
import { ottla, type Ended } from './command.ts'

const directories = temporaryDirectories()
const host = nodeHost({ log: { level: 'silent' } })
let broker: RunningBroker
beforeAll(async () => {
  broker = await startBroker({ host, directory: directories.make() })
})
afterAll(async () => {
  await broker?.close()
  await host.workers.close()
  directories.removeAll()
})

const run = (args: string): Promise<Ended> =>
  ottla(args.split(' '), { bootstrap: broker.bootstrap })
const rows = async (args = ''): Promise<string[]> => {
  const { code, stdout, stderr } = await run(`quotas list ${args}`.trim())
  if (code !== 0) throw new Error(stderr)
  return stdout
    .split('\n')
    .slice(1, -1)
    .map((row) => row.replaceAll(/ {2,}/g, ' | '))
}
const shown = (args: string, ...expected: string[]): Promise<void> =>
  eventually(async () => (await rows(args)).join('\n') === expected.join('\n'), `${args}: shown`)

test('quotas of users, client ids and addresses are set, listed and removed', async () => {
  expect((await run('quotas list')).stdout).toBe('There are no such quotas.\n')
  const set = await run(
    'quotas set --user alice --producer-byte-rate 1048576 --request-percentage 12.5',
  )
  expect(set).toMatchObject({ code: 0, stderr: '' })
  expect(set.stdout).toMatch(/^user alice +producer_byte_rate +1048576$/m)
  await run('quotas set --user alice --client-id app --consumer-byte-rate 2000')
  await run('quotas set --user-default --client-id-default --controller-mutation-rate 0.5')
  await run('quotas set --client-id-default --consumer-byte-rate 3000')
  await run('quotas set --ip 10.0.0.7 --connection-creation-rate 20')
  await run('quotas set --ip-default --connection-creation-rate 5')
  await shown(
    '',
    'client-id (default) | consumer_byte_rate | 3000',
    'ip (default) | connection_creation_rate | 5',
    'ip 10.0.0.7 | connection_creation_rate | 20',
    'user (default), client-id (default) | controller_mutation_rate | 0.5',
    'user alice | producer_byte_rate | 1048576',
    'user alice | request_percentage | 12.5',
    'user alice, client-id app | consumer_byte_rate | 2000',
  )
  expect(await rows('--user alice --client-id app')).toHaveLength(1)
  expect(await rows('--user alice')).toHaveLength(3)
  expect(await rows('--user alice --strict')).toHaveLength(2)
  expect(await rows('--user-default')).toHaveLength(1)
  expect(await rows('--client-id-default --strict')).toEqual([
    'client-id (default) | consumer_byte_rate | 3000',
  ])
  expect(JSON.parse((await run('quotas list --client-id app --json')).stdout)).toEqual([
    { entity: { user: 'alice', 'client-id': 'app' }, quotas: { consumer_byte_rate: 2000 } },
  ])

  const tried = await run('quotas remove --user alice --producer-byte-rate --validate-only')
  expect(tried.code).toBe(0)
  expect((await run('quotas set --user bob --producer-byte-rate 1 --validate-only')).code).toBe(0)
  await run('quotas remove --user alice --request-percentage')
  await shown(
    '--user alice',
    'user alice | producer_byte_rate | 1048576',
    'user alice, client-id app | consumer_byte_rate | 2000',
  )
  expect(await rows('--user bob')).toEqual([])
  const removed = await run('quotas remove --user alice --json')
  expect(JSON.parse(removed.stdout)).toEqual([
    { entity: { user: 'alice' }, quotas: { producer_byte_rate: 1_048_576 } },
  ])
  await shown('--user alice', 'user alice, client-id app | consumer_byte_rate | 2000')
  expect(await run('quotas remove --user alice')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('user alice: no quotas to remove'),
  })
  expect(await run('quotas remove --ip 10.0.0.7 --connection-creation-rate')).toMatchObject({
    code: 0,
  })
  expect(await run('quotas set --ip broker.test --connection-creation-rate 1')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('not a valid IP'),
  })
})

test.each([
  ['set --user a', 'Nothing to set: give --producer-byte-rate'],
  ['set --ip 1.2.3.4', 'Nothing to set: give --connection-creation-rate'],
  ['set --producer-byte-rate 1', 'Say whose quota: --user'],
  ['remove', 'Say whose quota: --user'],
  ['set --user a --user-default --producer-byte-rate 1', 'exclude each other'],
  ['set --user a --ip 1.2.3.4 --connection-creation-rate 1', 'neither --user nor --client-id'],
  ['set --ip 1.2.3.4 --producer-byte-rate 1', 'An address has no --producer-byte-rate'],
  ['set --user a --connection-creation-rate 1', 'have no --connection-creation-rate'],
  ['set --user a --producer-byte-rate 0', 'at least 1'],
  ['set --user a --producer-byte-rate 1.5', 'whole number'],
  ['set --user a --request-percentage 0', 'above 0'],
  ['set --user a --request-percentage 1e3', 'above 0'],
  ['set --ip-default --connection-creation-rate 2147483648', '1 to 2147483647'],
  ['set --user  --producer-byte-rate 1', 'not an empty one'],
  ['list --strict', '--strict needs'],
])('quotas %s is a mistake of usage before anything is asked', async (args, expected) => {
  // Nobody listens there.
  const { code, stderr } = await ottla(`quotas ${args}`.split(' '))
  expect(stderr).toContain(expected)
  expect(code).toBe(2)
})

apacheTest(
  "Apache's kafka-configs shows quotas of these commands, and they its (needs OTTLA_KAFKA_JARS)",
  async () => {
    await run('quotas set --user-default --client-id kc --producer-byte-rate 12345')
    const pair = ['--entity-type', 'users', '--entity-default', '--entity-type', 'clients']
    const configs = (...args: string[]) =>
      apacheTool('ConfigCommand', '--bootstrap-server', broker.bootstrap, ...args)
    await shown('--client-id kc', 'user (default), client-id kc | producer_byte_rate | 12345')
    const described = await configs('--describe', ...pair, '--entity-name', 'kc')
    expect(described).toContain('producer_byte_rate=12345')
    const add = ['--add-config', 'consumer_byte_rate=54321']
    await configs('--alter', '--entity-type', 'users', '--entity-name', 'kafka', ...add)
    await shown('--user kafka', 'user kafka | consumer_byte_rate | 54321')
  },
)
