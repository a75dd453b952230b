import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { readHiddenLine } from '../../bin/hidden-line.ts'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { eventually } from '../clients/wait.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { apacheTest, apacheTool } from './apache-tool.ts'
import { ottla, type CallOptions, type Ended } from './command.ts'

const directories = temporaryDirectories()
const place = directories.make()
const host = nodeHost({ log: { level: 'silent' } })
let broker: RunningBroker
beforeAll(async () => {
  broker = await startBroker({
    host,
    directory: directories.make(),
    settings: {
      listeners: 'PLAINTEXT://127.0.0.1:0,SASL://127.0.0.1:0',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT',
      'sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512',
      'connection.failed.authentication.delay.ms': 1,
    },
  })
})
afterAll(async () => {
  await broker?.close()
  await host.workers.close()
  directories.removeAll()
})

const run = (args: string, options: CallOptions = {}): Promise<Ended> =>
  ottla(args.split(' '), { bootstrap: broker.bootstrap, ...options })
const secret = (text: string): string => {
  const path = join(place, `${Buffer.from(text).toString('hex')}.password`)
  writeFileSync(path, `${text}\n`)
  return path
}
const table = async (...names: string[]): Promise<string[]> =>
  (await run(['users', 'list', ...names].join(' '))).stdout.split('\n').slice(0, -1)
const shown = (name: string, ...lines: RegExp[]): Promise<void> =>
  eventually(async () => {
    const rows = (await table()).filter((row) => row.startsWith(`${name} `))
    return rows.length === lines.length && lines.every((line, at) => line.test(rows[at]!))
  }, `${name} to be shown so`)
/** Whether a user is let in by what the commands have made of the password. */
async function isLetIn(user: string, password: string, mechanism: string): Promise<boolean> {
  const { port } = broker.addresses.find(({ listener }) => listener === 'SASL')!
  const by = ['--sasl-user', user, '--sasl-mechanism', mechanism]
  const args = ['topics', 'list', ...by, '--sasl-password-file', secret(password)]
  const { code, stderr } = await ottla(args, { bootstrap: `127.0.0.1:${port}` })
  if (code !== 0) expect(stderr).toContain('has not let this client in')
  return code === 0
}

test('a user is added, listed, given another password, and removed', async () => {
  expect((await run('users list')).stdout).toBe('There are no users of SCRAM.\n')
  const file = secret('alice-1')
  const added = await run(`users add alice --password-file ${file} --iterations 5000`)
  expect(added).toEqual({
    code: 0,
    stdout: 'User alice logs in by SCRAM-SHA-512 now.\n',
    stderr: '',
  })
  await shown('alice', /^alice +SCRAM-SHA-512 +5000$/)
  expect(await isLetIn('alice', 'alice-1', 'SCRAM-SHA-512')).toBe(true)
  expect(await isLetIn('alice', 'alice-1', 'SCRAM-SHA-256')).toBe(false)

  const again = await run(`users add alice --password-file ${file}`)
  expect(again).toMatchObject({ code: 1, stdout: '' })
  expect(again.stderr).toMatch(/already, who logs in by SCRAM-SHA-512\n.*ottla users alter alice/)

  // By another mechanism, too; then both get the next password, each in as many rounds as before.
  const other = `users alter alice --mechanism SCRAM-SHA-256 --password-file ${file}`
  expect(JSON.parse((await run(`${other} --json`)).stdout)).toEqual({
    user: 'alice',
    credentials: [{ mechanism: 'SCRAM-SHA-256', iterations: 4096 }],
  })
  await shown('alice', /SCRAM-SHA-256 +4096$/, /SCRAM-SHA-512 +5000$/)
  const altered = await run(`users alter alice --password-file ${secret('alice-2')}`)
  expect(altered.stdout).toBe('User alice logs in by SCRAM-SHA-256 and SCRAM-SHA-512 now.\n')
  await shown('alice', /SCRAM-SHA-256 +4096$/, /SCRAM-SHA-512 +5000$/)
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    await eventually(() => isLetIn('alice', 'alice-2', mechanism), 'the new password to count')
    expect(await isLetIn('alice', 'alice-1', mechanism)).toBe(false)
  }

  const removed = await run('users remove alice --mechanism SCRAM-SHA-512')
  expect(removed.stdout).toContain('logs in by SCRAM-SHA-512 no more')
  await shown('alice', /SCRAM-SHA-256/)
  const gone = await run('users remove alice --mechanism SCRAM-SHA-512')
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('SCRAM-SHA-256') })
  expect((await run('users remove alice')).code).toBe(0)
  await shown('alice')
  expect(await isLetIn('alice', 'alice-2', 'SCRAM-SHA-256')).toBe(false)
})

test('by both mechanisms at once, with a password from a pipe, or typed twice', async () => {
  const both = '--mechanism SCRAM-SHA-256 --mechanism SCRAM-SHA-512'
  expect((await run(`users add bob ${both}`, { input: 'bob, "1"\r\nnext\n' })).code).toBe(0)
  await shown('bob', /SCRAM-SHA-256 +4096$/, /SCRAM-SHA-512 +4096$/)
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    expect(await isLetIn('bob', 'bob, "1"', mechanism)).toBe(true)
  }
  const typed = await run('users add carol', { typed: ['carol-1', 'carol-1'] })
  expect(typed).toEqual({
    code: 0,
    stdout: 'User carol logs in by SCRAM-SHA-512 now.\n',
    stderr: 'Password of carol: Password of carol, again: ',
  })
  await shown('carol', /SCRAM-SHA-512/)
  expect(await isLetIn('carol', 'carol-1', 'SCRAM-SHA-512')).toBe(true)
  const named = JSON.parse((await run('users list carol bob --json')).stdout)
  expect(named).toMatchObject([{ user: 'bob' }, { user: 'carol' }])
  expect(await run('users list carol dave')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/no user dave[^]*There are: bob, carol/),
  })
})

test.each([
  ['users add x --iterations 4095', {}, '4096 to 16384'],
  ['users add x --iterations 16385', {}, '4096 to 16384'],
  ['users add x --mechanism PLAIN', {}, 'SCRAM-SHA-256, SCRAM-SHA-512'],
  ['users add x --password-file /nowhere', {}, "--password-file can't be read"],
  ['users add x', { input: '\nsecret' }, '--password-file'],
  ['users add x --password=secret', {}, "unknown option '--password'"],
  ['users list --sasl-user x --sasl-password-file -', {}, 'and not standard input'],
  ['users add x', { typed: ['secret', 'other'] }, 'not the same'],
  ['users add x', { typed: [''] }, 'nothing was typed'],
  ['users add  --json', { input: 'secret' }, 'at least one character'],
])('%s is a mistake of usage before anything is asked', async (args, options, expected) => {
  // Nobody listens there.
  const { code, stderr } = await ottla(args.split(' '), options)
  expect(stderr).toContain(expected)
  expect(stderr).not.toContain('secret')
  expect(code).toBe(2)
})

test('who is not there is neither altered nor removed', async () => {
  const altered = await run(`users alter nobody --password-file ${secret('x')}`)
  expect(altered).toMatchObject({ code: 1, stderr: expect.stringContaining('no user nobody') })
  const removed = await run('users remove nobody')
  expect(removed).toMatchObject({ code: 1, stderr: expect.stringContaining('no user nobody') })
  const { code, stdout } = await run('users add --help')
  expect([code, stdout]).toEqual([0, expect.stringContaining('Examples:')])
})

describe('what is typed without being shown', () => {
  const terminal = () => {
    const raw: boolean[] = []
    const input = Object.assign(new PassThrough(), { setRawMode: (on: boolean) => raw.push(on) })
    const output = new PassThrough()
    const chunks: Buffer[] = []
    output.on('data', (chunk: Buffer) => chunks.push(chunk))
    return { raw, input, output, written: () => Buffer.concat(chunks).toString() }
  }

  test('is not on the screen, and the terminal is as before', async () => {
    const { raw, input, output, written } = terminal()
    const line = readHiddenLine(input, output, 'Password: ')
    input.write('sesam\x7fme\r')
    expect(await line).toBe('sesame')
    expect(written()).toBe('Password: \n')
    expect(raw).toEqual([true, false])
  })

  test.each([['\x03'], ['\x04']])('is nothing after %j', async (key) => {
    const { raw, input, output } = terminal()
    const line = readHiddenLine(input, output, 'Password: ')
    input.write(key)
    await expect(line).rejects.toThrow('Interrupted')
    expect(raw).toEqual([true, false])
  })
})

apacheTest(
  "Apache's kafka-configs shows users of these commands, and they its (needs OTTLA_KAFKA_JARS)",
  async () => {
    await run(`users add erin --iterations 6000`, { input: 'erin-1' })
    await shown('erin', /SCRAM-SHA-512 +6000/)
    const users = ['--entity-type', 'users', '--entity-name']
    const configs = (...args: string[]) =>
      apacheTool('ConfigCommand', '--bootstrap-server', broker.bootstrap, ...args)
    expect(await configs('--describe', ...users, 'erin')).toContain('SCRAM-SHA-512=iterations=6000')
    const added = ['--add-config', 'SCRAM-SHA-256=[iterations=7000,password=frank-1]']
    await configs('--alter', ...users, 'frank', ...added)
    await shown('frank', /SCRAM-SHA-256 +7000/)
    expect((await run('users alter frank', { input: 'frank-2' })).code).toBe(0)
    await eventually(() => isLetIn('frank', 'frank-2', 'SCRAM-SHA-256'), 'the new password')
    expect(await configs('--describe', ...users, 'frank')).toContain('iterations=7000')
  },
)
