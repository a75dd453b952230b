import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ottla } from './command.ts'
import { commandScenario } from './scenario.ts'

const directories = temporaryDirectories()

describe('The commands on Ottla', () => {
  let broker: RunningBroker
  const dataDirectory = directories.make()

  beforeAll(async () => {
    const settings = { 'group.initial.rebalance.delay.ms': 0, 'offsets.topic.num.partitions': 5 }
    broker = await startBroker({ directory: dataDirectory, settings })
  })
  afterAll(async () => {
    await broker.close()
    directories.removeAll()
  })

  commandScenario(() => ({ bootstrap: broker.bootstrap, dataDirectory }))
})

describe('The command line', () => {
  test('without a broker says how to start one', async () => {
    expect(await ottla(['topics', 'list'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('Nothing listens on 127.0.0.1:1\n  Start a broker'),
    })
    const { stderr } = await ottla(['topics', 'list', '--json'])
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'CONNECTION_REFUSED' } })
  })

  test.each([
    ['an unknown command', ['bogus']],
    ['a missing argument', ['topics', 'create']],
    ['no subcommand', ['topics']],
    ['a number that is none', ['topics', 'list', '--timeout', 'x']],
    ['an address that is none', ['topics', 'list', '-b', 'a:b']],
    ['options that exclude each other', ['consume', 't', '-o', '1', '-t', '2026-01-01']],
    ['a change of nothing', ['configs', 'alter', 'topic', 't']],
  ])('%s is a mistake of usage, with exit code 2', async (_, args) => {
    const { code, stderr } = await ottla(args)
    expect(code).toBe(2)
    expect(stderr).not.toBe('')
  })

  test.each([[['--help']], [['topics', '--help']], [['groups', 'reset-offsets', '--help']]])(
    '%j shows examples or commands',
    async (args) => {
      const { code, stdout } = await ottla(args)
      expect(code).toBe(0)
      expect(stdout).toMatch(/Examples:|Commands:/)
    },
  )

  test('--version prints the version of the package, as a program does', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['bin/ottla.cjs', '--version'])
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  test('a file that is not there, or is none of ours, is an error', async () => {
    expect((await ottla(['log', 'dump', '/nowhere/00000000000000000000.log'])).stderr).toContain(
      'ENOENT',
    )
    expect(await ottla(['log', 'dump', 'package.json'])).toMatchObject({ code: 1 })
  })
})
