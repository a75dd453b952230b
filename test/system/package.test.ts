import { execFile, spawn } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { exited, until } from '../clients/wait.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
afterAll(() => directories.removeAll())

const root = process.cwd()
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  bin: Record<string, string>
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}

interface Result {
  readonly code: number
  readonly output: string
}

function run(directory: string, command: string, ...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    const options = { cwd: directory, timeout: 300_000, maxBuffer: 64 << 20 }
    execFile(command, args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : 1, output: `${stdout}${stderr}` })
    })
  })
}

/** The package as it would be published, in a directory. */
async function pack(): Promise<string> {
  const directory = directories.make()
  const { code, output } = await run(
    root,
    'npm',
    'pack',
    '--ignore-scripts',
    '--silent',
    '--pack-destination',
    directory,
  )
  if (code !== 0) throw new Error(output)
  return join(directory, readdirSync(directory)[0]!)
}

/**
 * An empty project with the package in it, as npm lays it out, but without a registry: the tarball's files, and of the
 * repository's packages only those that the package says it depends on.
 */
async function projectWith(tarball: string): Promise<string> {
  const project = directories.make()
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }')
  const installed = join(project, 'node_modules/ottla')
  mkdirSync(installed, { recursive: true })
  await run(project, 'tar', '-xzf', tarball, '-C', installed, '--strip-components=1')
  const { dependencies, optionalDependencies } = manifest
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const link = join(project, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link)
  }
  mkdirSync(join(project, 'node_modules/.bin'))
  chmodSync(join(installed, manifest.bin['ottla']!), 0o755)
  symlinkSync(join('../ottla', manifest.bin['ottla']!), join(project, 'node_modules/.bin/ottla'))
  return project
}

/** Runs `npx ottla start` until it says that it is ready, then stops it. */
async function startsIn(project: string): Promise<void> {
  const args = ['--no-install', 'ottla', 'start', '--set', 'listeners=PLAINTEXT://127.0.0.1:0']
  const child = spawn('npx', [...args, '--set', `log.dirs=${join(project, 'data')}`], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'pipe'],
    // npx puts a shell between: the broker is stopped with it.
    detached: true,
  })
  let output = ''
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()))
  const isOver = (): boolean => child.exitCode !== null
  await until(
    () => output.includes('ottla ready on 127.0.0.1:') || isOver(),
    () => output,
    60_000,
  )
  expect(output).toMatch(/^ottla ready on 127\.0\.0\.1:\d+$/m)
  process.kill(-child.pid!, 'SIGTERM')
  await exited(child, 20_000)
}

describe('the package', () => {
  let tarball: string
  let project: string
  beforeAll(async () => {
    tarball = await pack()
    project = await projectWith(tarball)
  })

  test('has what it needs and no tests', async () => {
    const { output } = await run(root, 'tar', '-tzf', tarball)
    const files = output.split('\n')
    for (const file of ['package.json', 'README.md', 'LICENSE', manifest.bin['ottla']]) {
      expect(files).toContain(`package/${file}`)
    }
    expect(files.filter((file) => /\/test\/|\.test\.|node_modules/.test(file))).toEqual([])
  })

  test('starts by npx in an empty project', () => startsIn(project))

  test('is a library: import { startBroker } from "ottla", and its protocol', async () => {
    writeFileSync(
      join(project, 'use.mjs'),
      `import { startBroker } from 'ottla'
       import { Metadata, decode, encode } from 'ottla/protocol'
       const broker = await startBroker()
       const request = decode(Metadata.request, 9, encode(Metadata.request, 9, { topics: null }))
       console.log(broker.host, request.topics)
       await broker.close()`,
    )
    expect(await run(project, process.execPath, 'use.mjs')).toEqual({
      code: 0,
      output: '127.0.0.1 null\n',
    })
  })

  test('runs heavy work in threads: a batch is compressed anew', async () => {
    writeFileSync(
      join(project, 'threads.mjs'),
      `import { execFile } from 'node:child_process'
       import { promisify } from 'node:util'
       import { startBroker } from 'ottla'
       const broker = await startBroker({ settings: { 'compression.type': 'gzip' } })
       const ottla = (...args) => promisify(execFile)('node_modules/.bin/ottla', [...args, '-b', broker.bootstrap])
       await ottla('topics', 'create', 'zipped')
       await ottla('produce', 'zipped', '-v', 'a value')
       console.log((await ottla('consume', 'zipped')).stdout.trim())
       await broker.close()`,
    )
    const ran = await run(project, process.execPath, 'threads.mjs')
    expect(ran).toEqual({ code: 0, output: 'a value\n' })
  })

  test('has types', async () => {
    mkdirSync(join(project, 'node_modules/@types'), { recursive: true })
    symlinkSync(join(root, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'))
    writeFileSync(
      join(project, 'use.ts'),
      `import { startBroker, type RunningBroker } from 'ottla'
       import { Metadata, encode, type RequestOf } from 'ottla/protocol'
       const broker: RunningBroker = await startBroker({ settings: { 'num.partitions': 3 } })
       const port: number = broker.port
       type Request = RequestOf<typeof Metadata>
       const names = (request: Request): (string | null)[] => (request.topics ?? []).map(({ name }) => name)
       // @ts-expect-error a port is no text
       const text: string = broker.port
       export { encode, names, port, text }`,
    )
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const options = [
      '--strict',
      '--noEmit',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--target',
      'es2023',
    ]
    const checked = await run(
      project,
      process.execPath,
      tsc,
      ...options,
      '--types',
      'node',
      'use.ts',
    )
    expect(checked).toEqual({ code: 0, output: '' })
  })

  const withRegistry = process.env['OTTLA_REQUIRE_CLIENTS'] === undefined ? test.skip : test
  withRegistry(
    'installs by npm and starts (needs the registry; OTTLA_REQUIRE_CLIENTS=1)',
    async () => {
      const empty = directories.make()
      writeFileSync(join(empty, 'package.json'), '{ "private": true }')
      const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball]
      let installed = await run(empty, 'npm', ...args)
      for (let tries = 1; installed.code !== 0 && tries < 3; tries++) {
        installed = await run(empty, 'npm', ...args)
      }
      if (installed.code !== 0) throw new Error(installed.output)
      await startsIn(empty)
    },
  )
})
