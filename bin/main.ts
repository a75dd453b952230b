import { Command } from 'commander'
import { createRequire } from 'node:module'
import { failureOf } from './errors.ts'
import { withExamples } from './options.ts'

/** The groups of commands: what they are for, and where their declarations are, which are loaded only when needed. */
const groups: readonly {
  readonly name: string
  readonly description: string
  readonly load: () => Promise<{ declare(command: Command): void }>
}[] = [
  {
    name: 'topics',
    description: 'List, describe, create, alter and delete topics',
    load: () => import('./commands/topics.ts'),
  },
  {
    name: 'configs',
    description: 'Describe and alter the settings of topics, brokers, groups and client metrics',
    load: () => import('./commands/configs.ts'),
  },
  {
    name: 'groups',
    description: 'List and describe groups, reset their offsets, delete them',
    load: () => import('./commands/groups.ts'),
  },
  {
    name: 'produce',
    description: 'Write records to a topic',
    load: () => import('./commands/produce.ts'),
  },
  {
    name: 'consume',
    description: 'Read records of topics',
    load: () => import('./commands/consume.ts'),
  },
  {
    name: 'log',
    description: 'Look into the files of a log directory',
    load: () => import('./commands/log.ts'),
  },
  {
    name: 'cluster',
    description: 'Describe brokers, controller, features and quorum',
    load: () => import('./commands/cluster.ts'),
  },
]

const program = new Command('ottla')
program
  .description('A Kafka broker, and the commands to run it')
  .version(packageVersion(), '-V, --version', 'print the version')
  .showHelpAfterError('(--help says more)')
  .exitOverride()
withExamples(
  program,
  'start',
  'topics create orders --partitions 3',
  'produce orders --key 42 --value hello',
  'consume orders --keys',
)

program
  .command('start')
  .description('Run a broker until SIGTERM or SIGINT')
  .option('--config <file>', 'a server.properties file with Kafka’s setting names')
  .option('--set <name=value...>', 'a setting; wins over the file and the environment')
  .action(async (options: { config?: string; set?: string[] }) => {
    const { start } = await import('./commands/start.ts')
    await start(options)
  })

for (const { name, description, load } of groups) {
  const command = program.command(name).description(description)
  if (name === process.argv[2]) (await load()).declare(command)
}

// The client's timers don't keep the process alive, so that a broker in it could stop; here somebody waits for them.
const alive = setInterval(() => undefined, 2 ** 30)
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of our pipe has seen enough.
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
try {
  await program.parseAsync()
} catch (error) {
  const { code, message, remedy, exitCode } = failureOf(error)
  if (process.argv.includes('--json') && message !== '') {
    console.error(JSON.stringify({ error: { code, message, remedy } }))
  } else if (message !== '') {
    console.error(`ottla: ${message}${remedy === null ? '' : `\n  ${remedy}`}`)
  }
  process.exitCode = exitCode
} finally {
  clearInterval(alive)
}

/** From the package's own package.json, two levels above where this file is compiled to. */
function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  return version
}
