import { Command } from 'commander'
import { createRequire } from 'node:module'
import { EXIT_OK, failureOf } from './errors.ts'
import { bindTerminal, withExamples } from './options.ts'
import type { Terminal } from './terminal.ts'

/** The commands but for `start`, most of them groups: what they are for, and where their declarations are, which are loaded only when needed. */
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
    name: 'transactions',
    description: 'List and describe transactions, find those that hang, abort them',
    load: () => import('./commands/transactions.ts'),
  },
  {
    name: 'acls',
    description: 'List, add and remove rules of who may do what',
    load: () => import('./commands/acls.ts'),
  },
  {
    name: 'users',
    description: 'List, add, alter and remove the users that log in by SCRAM',
    load: () => import('./commands/users.ts'),
  },
  {
    name: 'quotas',
    description: 'List, set and remove limits of what clients may use',
    load: () => import('./commands/quotas.ts'),
  },
  {
    name: 'tokens',
    description: 'Make delegation tokens, list and renew them, and have them end',
    load: () => import('./commands/tokens.ts'),
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
    description: 'Describe brokers, controller, features and quorum; run a cluster on this machine',
    load: () => import('./commands/cluster.ts'),
  },
  {
    name: 'brokers',
    description: 'List and describe brokers, and forget those that are gone',
    load: () => import('./commands/brokers.ts'),
  },
  {
    name: 'quorum',
    description: 'Describe who votes on the metadata, and change it',
    load: () => import('./commands/quorum.ts'),
  },
  {
    name: 'reassign',
    description: 'Plan where replicas go, have them move, watch them, and have them go back',
    load: () => import('./commands/reassign.ts'),
  },
  {
    name: 'elect',
    description: 'Elect leaders: the preferred ones, or any where nobody in sync is left',
    load: () => import('./commands/elect.ts'),
  },
  {
    name: 'features',
    description: 'Describe, raise and lower what all nodes of the cluster have agreed on',
    load: () => import('./commands/features.ts'),
  },
  {
    name: 'health',
    description: 'Ask the node with these settings on this machine whether it serves',
    load: () => import('./commands/health.ts'),
  },
  {
    name: 'storage',
    description: 'Format the directories of a node, and show whose they are',
    load: () => import('./commands/storage.ts'),
  },
]

/**
 * Runs one call of the command. Errors are told on the terminal, as JSON where that was asked for.
 * @param args without the names of Node and of the program
 * @returns the exit code: 0 done, 1 failed, 2 a mistake of usage
 */
export async function execute(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const program = await declareProgram(args, terminal)
    await program.parseAsync(args, { from: 'user' })
    return EXIT_OK
  } catch (error) {
    const { code, message, remedy, exitCode } = failureOf(error)
    if (args.includes('--json') && message !== '') {
      terminal.writeError(`${JSON.stringify({ error: { code, message, remedy } })}\n`)
    } else if (message !== '') {
      terminal.writeError(`ottla: ${message}\n${remedy === null ? '' : `  ${remedy}\n`}`)
    }
    return exitCode
  }
}

async function declareProgram(args: readonly string[], terminal: Terminal): Promise<Command> {
  const program = new Command('ottla')
  program
    .description('A Kafka broker, and the commands to run it')
    .version(packageVersion(), '-V, --version', 'print the version')
    .showHelpAfterError('(--help says more)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.write(text),
      writeErr: (text) => terminal.writeError(text),
      // Who gives a password to an option that isn't there shows it to none but the arguments' readers.
      outputError: (text, write) =>
        write(text.replace(/^(error: unknown option '[^=]*)=.*'/s, "$1'")),
    })
    .hook('preAction', (_, command) => bindTerminal(command, terminal))
  withExamples(
    program,
    'start',
    'topics create orders --partitions 3',
    'produce orders --key 42 --value hello',
    'consume orders --keys',
  )

  const start = program
    .command('start')
    .description('Run a broker until SIGTERM, SIGINT or SIGHUP')
    .option('--config <file>', 'a server.properties file with Kafka’s setting names')
    .option('--set <name=value...>', 'a setting; wins over the file and the environment')
    .action(async (options: { config?: string; set?: string[] }) => {
      const { start: run } = await import('./commands/start.ts')
      await run(options, terminal)
    })
  withExamples(
    start,
    'start',
    'start --config server.properties',
    'start --set listeners=PLAINTEXT://127.0.0.1:9092 --set log.dirs=/var/lib/ottla',
  )

  for (const { name, description, load } of groups) {
    const command = program.command(name).description(description)
    if (name === args[0] || (args[0] === 'help' && name === args[1]))
      (await load()).declare(command)
  }
  return program
}

/** From the package's own package.json, two levels above where this file is compiled to. */
function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  return version
}
