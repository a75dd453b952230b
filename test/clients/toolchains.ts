import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { quickJava } from '../support/quick-java.ts'

/** Where .ci/prepare-clients puts what it installs and builds. */
const cacheDirectory = path.resolve(
  process.env['OTTLA_CLIENT_CACHE'] ?? 'node_modules/.cache/ottla-clients',
)

/** The folder of the sources, from the repository's root, where the suites are run. */
export const sourceDirectory = path.resolve('test/clients')

const prepare = 'run .ci/prepare-clients'

/** Runs a program to its end; its exit code and what it printed. The code is null when it can't be run. */
const run = (
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<{ code: number | null; output: string }> =>
  new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
      env: { ...process.env, ...options.env },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.once('error', () => resolve({ code: null, output }))
    child.once('close', (code) => resolve({ code, output }))
  })

/** Resolves to null when the program can be run, else says what is missing. */
export const installed = async (program: string, ...args: string[]): Promise<string | null> => {
  const { code } = await run(program, args)
  if (code === null) return `${program} is not installed`
  return code === 0 ? null : `${program} does not run`
}

/** The Python of the clients' own environment. */
export const python = path.join(cacheDirectory, 'python/bin/python3')

/** Resolves to null when the Python clients are installed in the versions that requirements.txt names. */
export const pythonMissing = async (): Promise<string | null> => {
  const wanted = await readFile(path.join(sourceDirectory, 'python/requirements.txt'))
  const digest = createHash('sha256').update(wanted).digest('hex')
  const stamp = path.join(cacheDirectory, 'python/requirements.sha256')
  const found = await readFile(stamp, 'utf8').catch(() => null)
  if (found === null) return `the Python clients are not installed: ${prepare}`
  return found.trim() === digest ? null : `the Python clients are outdated: ${prepare}`
}

/** Where the Go drivers are built to. */
export const goBinary = (name: string): string => path.join(cacheDirectory, 'go', name)

/** The answer to a question that is asked once for all suites. */
const once = (ask: () => Promise<string | null>): (() => Promise<string | null>) => {
  let answer: Promise<string | null> | null = null
  return () => (answer ??= ask())
}

/** Builds the Go drivers, from modules that have been downloaded before; resolves to what is missing or null. */
export const goMissing = once(async () => {
  const missing = await installed('go', 'version')
  if (missing !== null) return missing
  const built = await run('go', ['build', '-o', `${path.join(cacheDirectory, 'go')}/`, './...'], {
    cwd: path.join(sourceDirectory, 'go'),
    env: { GOPROXY: 'off', GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' },
  })
  return built.code === 0 ? null : `the Go clients don't build, ${prepare}: ${built.output.trim()}`
})

/** The folder of Apache Kafka's jars. */
const jarsDirectory = path.resolve(
  process.env['OTTLA_KAFKA_JARS'] ?? path.join(cacheDirectory, 'jars'),
)

/** What a Java program of the suites is started with: quick to start rather than fast. */
export const java = (): string[] => [
  'java',
  '-Xmx256m',
  `-Dlog4j2.configurationFile=${path.join(sourceDirectory, 'java/src/log4j2.properties')}`,
  ...quickJava(jarsDirectory, javaClasses, path.join(sourceDirectory, 'java/resources')),
]

/** Where the Java driver is compiled to. */
const javaClasses = path.join(cacheDirectory, 'java')

/** Programs that need a jar more than the driver. */
const programs = {
  streams: { source: 'Streams.java', jar: 'kafka-streams-', what: 'Kafka Streams' },
  connect: { source: 'NumbersSource.java', jar: 'connect-runtime-', what: 'Kafka Connect' },
} as const

const hasJar = async ({ jar }: { readonly jar: string }): Promise<boolean> =>
  (await readdir(jarsDirectory)).some((name) => name.startsWith(jar))

/** What the Java driver is made of. */
export const DRIVER_SOURCES = ['Driver.java', 'Tools.java', 'Protocol.java', 'Security.java']

/** Compiles the Java driver against the jars, and what else there are jars for; resolves to what is missing or null. */
export const javaMissing = once(async () => {
  const missing = await installed('javac', '-version')
  if (missing !== null) return missing
  const isThere = await access(path.join(jarsDirectory, '.complete')).then(
    () => true,
    () => false,
  )
  // A folder that the environment names needs no stamp of ours.
  if (!isThere && process.env['OTTLA_KAFKA_JARS'] === undefined)
    return `Apache Kafka's jars are not there: ${prepare}`
  const names = [...DRIVER_SOURCES]
  for (const program of Object.values(programs))
    if (await hasJar(program)) names.push(program.source)
  const files = names.map((name) => path.join(sourceDirectory, 'java/src', name))
  const args = ['-nowarn', '-d', javaClasses, '-cp', `${jarsDirectory}/*`, ...files]
  const compiled = await run('javac', args)
  return compiled.code === 0 ? null : `the Java drivers don't compile: ${compiled.output.trim()}`
})

/** The same for a program that needs a jar more. */
const programMissing = async (program: (typeof programs)[keyof typeof programs]) => {
  const missing = await javaMissing()
  if (missing !== null) return missing
  return (await hasJar(program)) ? null : `${program.what} is not among the jars: ${prepare}`
}

export const streamsMissing = (): Promise<string | null> => programMissing(programs.streams)
export const connectMissing = (): Promise<string | null> => programMissing(programs.connect)
