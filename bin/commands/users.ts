import { Option, type Command } from 'commander'
import { AlterUserScramCredentials } from '../../protocol/messages/alter-user-scram-credentials.ts'
import { DescribeUserScramCredentials } from '../../protocol/messages/describe-user-scram-credentials.ts'
import type { RequestToSend } from '../../protocol/schema.ts'
import { systemRandom } from '../../src/host/random.ts'
import {
  LEAST_ITERATIONS,
  MOST_ITERATIONS,
  saltedPassword,
  SCRAM_MECHANISMS,
  scramNumber,
  type ScramMechanism,
} from '../../src/security/sasl/scram.ts'
import type { Client } from '../client/client.ts'
import { throwUnlessNone } from '../client/errors.ts'
import { CommandError, UsageError } from '../errors.ts'
import {
  choice,
  collect,
  integer,
  withClientOptions,
  withExamples,
  type ClientCommandOptions,
} from '../options.ts'
import { printEither, printTable } from '../output.ts'
import { askSecret } from '../secret-input.ts'
import { SALT_BYTES } from '../storage/scram.ts'
import { withAdmin, type Admin } from '../with-admin.ts'

const MECHANISMS: readonly ScramMechanism[] = [...SCRAM_MECHANISMS.values()]
const DEFAULT_MECHANISM: ScramMechanism = 'SCRAM-SHA-512'

/** What is known of how a user logs in. */
interface Login {
  readonly mechanism: string
  readonly iterations: number
}

interface User {
  readonly user: string
  readonly credentials: readonly Login[]
}

interface ChangeOptions extends ClientCommandOptions {
  readonly mechanism?: readonly ScramMechanism[]
  readonly iterations?: number
  readonly passwordFile?: string
}

export function declare(users: Command): void {
  const list = users.command('list').description('List users, and by which mechanisms they log in')
  list.argument('[names...]', 'users; all unless given')
  withExamples(withClientOptions(list), 'users list', 'users list alice --json').action(listCommand)

  const add = users.command('add').description('Add a user, who is not there yet')
  withExamples(
    withPassword(add, `${DEFAULT_MECHANISM} unless given`, `${LEAST_ITERATIONS} unless given`),
    'users add alice',
    'users add alice --password-file alice.password',
    'pass show kafka/alice | ottla users add alice --mechanism SCRAM-SHA-256 --iterations 8192',
  ).action((user: string, options: ChangeOptions) => changeCommand(user, options, newLogins))

  const alter = users.command('alter').description("Change a user's password")
  withExamples(
    withPassword(alter, 'those that the user has, unless given', 'as before unless given'),
    'users alter alice',
    'users alter alice --mechanism SCRAM-SHA-256 --password-file alice.password',
  ).action((user: string, options: ChangeOptions) => changeCommand(user, options, changedLogins))

  const remove = users.command('remove').description('Remove a user, or one of its mechanisms')
  remove.argument('<name>', 'a user')
  withMechanism(remove, 'by which the user logs in no more; all unless given')
  withExamples(
    withClientOptions(remove),
    'users remove alice',
    'users remove alice --mechanism SCRAM-SHA-256',
  ).action(removeCommand)
}

function withPassword(command: Command, mechanisms: string, iterations: string): Command {
  command.argument('<name>', 'a user')
  withMechanism(command, mechanisms)
  command
    .option(
      '-i, --iterations <number>',
      `how much work a log-in takes a client, from ${LEAST_ITERATIONS} to ${MOST_ITERATIONS}; ${iterations}`,
      integer('--iterations', LEAST_ITERATIONS, MOST_ITERATIONS),
    )
    .option(
      '--password-file <file>',
      "the first line is the password; without it the password is asked for, or standard input's first line",
    )
  return withClientOptions(command)
}

function withMechanism(command: Command, otherwise: string): Command {
  return command.addOption(
    new Option(
      '-m, --mechanism <name>',
      `one of ${MECHANISMS.join(', ')}, more than once for both; ${otherwise}`,
    ).argParser(collect(choice('--mechanism', MECHANISMS))),
  )
}

async function listCommand(names: string[], options: ClientCommandOptions): Promise<void> {
  const users = await withAdmin(options, async ({ client }) => {
    const known = await describe(client, names)
    const missing = [...new Set(names)].filter((name) => known.every(({ user }) => user !== name))
    if (missing.length === 0) return known
    throw noSuchUser(missing, await describe(client, []))
  })
  await printTable(
    options,
    users,
    ['USER', 'MECHANISM', 'ITERATIONS'],
    users.flatMap(({ user, credentials }) =>
      credentials.map(({ mechanism, iterations }) => [user, mechanism, iterations]),
    ),
    'There are no users of SCRAM.',
  )
}

/** Users by name, those that are there. @param names all, if there are none */
async function describe(client: Client, names: readonly string[]): Promise<User[]> {
  const users = names.length === 0 ? null : [...new Set(names)].map((name) => ({ name }))
  const answer = await client.request(DescribeUserScramCredentials, { users })
  throwUnlessNone(answer.errorCode, 'The users', answer.errorMessage)
  const found = answer.results.flatMap(({ user, errorCode, errorMessage, credentialInfos }) => {
    if (errorCode === 'RESOURCE_NOT_FOUND') return []
    throwUnlessNone(errorCode, `User ${user}`, errorMessage)
    const credentials = credentialInfos
      .map(({ mechanism: number, iterations }) => {
        const mechanism: string = SCRAM_MECHANISMS.get(number) ?? `mechanism ${number}`
        return { mechanism, iterations }
      })
      .sort((left, right) => (left.mechanism < right.mechanism ? -1 : 1))
    return [{ user, credentials }]
  })
  return found.sort((left, right) => (left.user < right.user ? -1 : 1))
}

function noSuchUser(missing: readonly string[], known: readonly User[]): CommandError {
  const names = known.map(({ user }) => user)
  const some = names.slice(0, 10).join(', ') + (names.length > 10 ? ', ...' : '')
  return new CommandError(
    'NO_SUCH_USER',
    `There is no user ${missing.join(', ')} of SCRAM`,
    names.length === 0 ? 'There are none: ottla users add adds one.' : `There are: ${some}.`,
  )
}

/** Which mechanisms get the password, in how many rounds. */
type Choose = (
  user: string,
  before: readonly Login[] | null,
  options: ChangeOptions,
  client: Client,
) => Promise<readonly { readonly mechanism: ScramMechanism; readonly iterations: number }[]>

const newLogins: Choose = (user, before, { mechanism, iterations }) => {
  if (before !== null) {
    const has = before.map((login) => login.mechanism).join(', ')
    throw new CommandError(
      'USER_EXISTS',
      `There is a user ${user} already, who logs in by ${has}`,
      `Change the password with: ottla users alter ${user}`,
    )
  }
  const chosen = new Set(mechanism ?? [DEFAULT_MECHANISM])
  return Promise.resolve(
    Array.from(chosen, (one) => ({ mechanism: one, iterations: iterations ?? LEAST_ITERATIONS })),
  )
}

const changedLogins: Choose = async (user, before, { mechanism, iterations }, client) => {
  if (before === null) throw noSuchUser([user], await describe(client, []))
  const has = new Map(before.map((login) => [login.mechanism, login.iterations]))
  const chosen = new Set(mechanism ?? MECHANISMS.filter((one) => has.has(one)))
  return Array.from(chosen, (one) => ({
    mechanism: one,
    iterations: iterations ?? has.get(one) ?? LEAST_ITERATIONS,
  }))
}

async function changeCommand(user: string, options: ChangeOptions, choose: Choose): Promise<void> {
  checkName(user)
  const password = await askSecret(options.terminal, {
    file: options.passwordFile,
    option: '--password-file',
    what: `Password of ${user}`,
    isNew: true,
  })
  const credentials = await withAdmin(options, async (admin) => {
    const [before = null] = await describe(admin.client, [user])
    const chosen = await choose(user, before?.credentials ?? null, options, admin.client)
    if (chosen.length === 0) throw unknownMechanisms(user)
    const changes = chosen.map(async ({ mechanism, iterations }): Promise<Change> => {
      const salt = systemRandom().bytes(SALT_BYTES)
      // [KIP-554] The password itself stays here; what goes is worked out on the thread pool.
      const salted = await saltedPassword(mechanism, password, salt, iterations)
      const number = scramNumber(mechanism)
      const upsertion = { name: user, mechanism: number, iterations, salt, saltedPassword: salted }
      return { mechanism, body: { deletions: [], upsertions: [upsertion] } }
    })
    await alter(admin, user, await Promise.all(changes))
    return chosen
  })
  const by = credentials.map(({ mechanism }) => mechanism).join(' and ')
  await printEither(options, { user, credentials }, `User ${user} logs in by ${by} now.`)
}

async function removeCommand(
  user: string,
  options: ClientCommandOptions & { readonly mechanism?: readonly ScramMechanism[] },
): Promise<void> {
  checkName(user)
  const { mechanism } = options
  const removed = await withAdmin(options, async (admin) => {
    const [before] = await describe(admin.client, [user])
    if (before === undefined) throw noSuchUser([user], await describe(admin.client, []))
    const has = before.credentials.map((login) => login.mechanism)
    const asked = [...new Set(mechanism ?? MECHANISMS.filter((one) => has.includes(one)))]
    if (asked.length === 0) throw unknownMechanisms(user)
    const lacking = asked.filter((one) => !has.includes(one))
    if (lacking.length > 0) {
      throw new CommandError(
        'NO_SUCH_CREDENTIAL',
        `User ${user} does not log in by ${lacking.join(', ')}`,
        `Name one that the user has: ${has.join(', ')}.`,
      )
    }
    const changes = asked.map((one): Change => {
      const deletions = [{ name: user, mechanism: scramNumber(one) }]
      return { mechanism: one, body: { deletions, upsertions: [] } }
    })
    await alter(admin, user, changes)
    return asked
  })
  await printEither(
    options,
    { user, removed },
    `User ${user} logs in by ${removed.join(' and ')} no more. Connections that are open stay.`,
  )
}

/** The broker may be of a later version. */
function unknownMechanisms(user: string): CommandError {
  const known = MECHANISMS.join(' and ')
  const message = `User ${user} logs in by mechanisms that are not known here, which has ${known}`
  return new CommandError('UNKNOWN_MECHANISM', message, 'Name one with --mechanism.')
}

function checkName(user: string): void {
  if (user === '') throw new UsageError('The name of a user has at least one character')
}

interface Change {
  readonly mechanism: ScramMechanism
  readonly body: RequestToSend<typeof AlterUserScramCredentials>
}

/** Brokers take a user once in a request, with one mechanism. So each change goes by itself, and the first that is refused ends it. */
async function alter(admin: Admin, user: string, changes: readonly Change[]): Promise<void> {
  const done: ScramMechanism[] = []
  for (const { mechanism, body } of changes) {
    await admin.ask(AlterUserScramCredentials, body, ({ results }) => {
      const before = done.length === 0 ? '' : ` (that of ${done.join(', ')} is changed already)`
      for (const { errorCode, errorMessage } of results) {
        throwUnlessNone(errorCode, `${mechanism} of user ${user}${before}`, errorMessage)
      }
    })
    done.push(mechanism)
  }
}
