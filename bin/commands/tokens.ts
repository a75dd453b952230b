import type { Command } from 'commander'
import { CreateDelegationToken } from '../../protocol/messages/create-delegation-token.ts'
import { DescribeDelegationToken } from '../../protocol/messages/describe-delegation-token.ts'
import { ExpireDelegationToken } from '../../protocol/messages/expire-delegation-token.ts'
import { RenewDelegationToken } from '../../protocol/messages/renew-delegation-token.ts'
import type { ReceivedResponse } from '../../protocol/schema.ts'
import { throwUnlessNone } from '../client/errors.ts'
import { CommandError, UsageError } from '../errors.ts'
import { collect, parseDuration, withExamples } from '../options.ts'
import { printEither, printTable } from '../output.ts'
import { askSecret } from '../secret-input.ts'
import { formatFacts } from '../table.ts'
import { withAdmin, withAdminOptions, type AdminCommandOptions } from '../with-admin.ts'

/** [KIP-373] From which version on a token may be for another owner than who asks for it. */
const WITH_OWNERS = 3
/** What the cluster's settings say. */
const BY_SETTINGS = -1n
const AT_ONCE = -1n

interface Principal {
  readonly principalType: string
  readonly principalName: string
}

interface CreateOptions extends AdminCommandOptions {
  readonly owner?: Principal
  readonly renewer?: readonly Principal[]
  readonly maxLifetime?: number
}

interface SecretOptions extends AdminCommandOptions {
  readonly hmacFile?: string
}

type Told = ReceivedResponse<typeof DescribeDelegationToken>['tokens'][number]

export function declare(tokens: Command): void {
  const create = tokens
    .command('create')
    .description('Make a token that others are let in by, as whoever makes it')
    .option('--owner <principal>', 'as this one instead: User:alice', principal('--owner'))
    .option(
      '--renewer <principal>',
      'who may renew it, too: User:bob',
      collect(principal('--renewer')),
    )
    .option(
      '--max-lifetime <duration>',
      'how long it may be renewed at most: 1d, 12h; what the cluster allows, unless given',
      period('--max-lifetime'),
    )
  withExamples(
    withAdminOptions(create),
    'tokens create --max-lifetime 1d --command-config client.properties',
    'tokens create --renewer User:scheduler --json --command-config client.properties',
  ).action(createCommand)

  const list = tokens
    .command('list')
    .description('List tokens that you may see')
    .option(
      '--owner <principal>',
      'those of this one, and those that it may renew: User:alice',
      collect(principal('--owner')),
    )
    .option('--show-hmacs', 'with their secrets: whoever reads these is let in')
  withExamples(
    withAdminOptions(list),
    'tokens list --command-config client.properties',
    'tokens list --owner User:alice --json --command-config client.properties',
  ).action(listCommand)

  const renew = tokens
    .command('renew')
    .description('Have a token be good for longer')
    .option(
      '--for <duration>',
      'from now on: 12h; as long as the cluster does it, unless given',
      period('--for'),
    )
  withExamples(
    withAdminOptions(withSecret(renew)),
    'tokens renew --hmac-file token.hmac --command-config client.properties',
    'tokens renew --for 6h --hmac-file token.hmac --command-config client.properties',
  ).action(renewCommand)

  const expire = tokens
    .command('expire')
    .description('Have a token end')
    .option('--in <duration>', 'that long from now: 10m; at once, unless given', period('--in'))
  withExamples(
    withAdminOptions(withSecret(expire)),
    'tokens expire --hmac-file token.hmac --command-config client.properties',
    'tokens expire --in 10m --hmac-file token.hmac --command-config client.properties',
  ).action(expireCommand)
}

function withSecret(command: Command): Command {
  return command.option(
    '--hmac-file <file>',
    "the first line is the token's HMAC; without it the HMAC is asked for, or standard input's first line",
  )
}

/** `User:alice`, as Kafka's tools take it. */
function principal(option: string): (text: string) => Principal {
  return (text) => {
    const colon = text.indexOf(':')
    const principalName = text.slice(colon + 1)
    if (colon > 0 && principalName !== '') {
      return { principalType: text.slice(0, colon), principalName }
    }
    throw new UsageError(`${option} takes a principal as User:alice: not ${JSON.stringify(text)}`)
  }
}

/** Milliseconds. What is no time at all would mean something else to a broker. */
function period(option: string): (text: string) => number {
  return (text) => {
    const durationMs = Math.round(parseDuration(option)(text))
    if (durationMs > 0 && Number.isSafeInteger(durationMs)) return durationMs
    throw new UsageError(`${option} takes a duration above 0: not ${JSON.stringify(text)}`)
  }
}

async function createCommand(options: CreateOptions): Promise<void> {
  const { owner, renewer = [], maxLifetime } = options
  const token = await withAdmin(options, async (admin) => {
    const version = (await admin.client.connection()).versionOf(CreateDelegationToken)
    if (owner !== undefined && version !== null && version < WITH_OWNERS) {
      throw new CommandError(
        'UNSUPPORTED_VERSION',
        'This cluster makes tokens only for those who ask for them',
        'Log in as the owner, and leave out --owner.',
      )
    }
    const body = {
      ownerPrincipalType: owner?.principalType ?? null,
      ownerPrincipalName: owner?.principalName ?? null,
      renewers: [...renewer],
      maxLifetimeMs: maxLifetime === undefined ? BY_SETTINGS : BigInt(maxLifetime),
    }
    return admin.ask(CreateDelegationToken, body, ({ errorCode }) =>
      throwUnlessNone(errorCode, 'The token'),
    )
  })
  const facts = {
    tokenId: token.tokenId,
    // Nobody can log in without it, and this is when it is made.
    hmac: token.hmac.toString('base64'),
    owner: textOf(token),
    renewers: renewer.map(textOf),
    issued: time(token.issueTimestampMs),
    expires: time(token.expiryTimestampMs),
    endsAtLast: time(token.maxTimestampMs),
  }
  const text = formatFacts([
    ['Token id', facts.tokenId],
    ['HMAC (secret)', facts.hmac],
    ['Owner', facts.owner],
    ['Renewers', facts.renewers.join(', ') || null],
    ['Issued', facts.issued],
    ['Expires', facts.expires],
    ['Ends at last', facts.endsAtLast],
  ])
  await printEither(options, facts, text)
}

async function listCommand(
  options: AdminCommandOptions & {
    readonly owner?: readonly Principal[]
    readonly showHmacs?: boolean
  },
): Promise<void> {
  const { owner: owners = null, showHmacs = false } = options
  const { tokens } = await withAdmin(options, (admin) =>
    admin.ask(
      DescribeDelegationToken,
      { owners: owners === null ? null : [...owners] },
      ({ errorCode }) => throwUnlessNone(errorCode, 'The tokens'),
    ),
  )
  const shown = tokens
    .map((token) => factsOf(token, showHmacs))
    .sort((left, right) => (left.tokenId < right.tokenId ? -1 : 1))
  await printTable(
    options,
    shown,
    [
      ...['TOKEN', 'OWNER', 'REQUESTER', 'RENEWERS', 'ISSUED', 'EXPIRES', 'ENDS AT LAST'],
      ...(showHmacs ? ['HMAC'] : []),
    ],
    shown.map(({ tokenId, owner, requester, renewers, issued, expires, endsAtLast, hmac }) => [
      ...[tokenId, owner, requester, renewers.join(',') || null, issued, expires, endsAtLast],
      ...(hmac === undefined ? [] : [hmac]),
    ]),
    'There are no tokens that you may see.',
  )
}

function factsOf(token: Told, showHmacs: boolean) {
  const { tokenId, hmac, renewers, issueTimestamp, expiryTimestamp, maxTimestamp } = token
  const requester = {
    principalType: token.tokenRequesterPrincipalType,
    principalName: token.tokenRequesterPrincipalName,
  }
  return {
    tokenId,
    owner: textOf(token),
    // Brokers of before KIP-373 make tokens for nobody else.
    requester: requester.principalName === '' ? textOf(token) : textOf(requester),
    renewers: renewers.map(textOf),
    issued: time(issueTimestamp),
    expires: time(expiryTimestamp),
    endsAtLast: time(maxTimestamp),
    ...(showHmacs && { hmac: hmac.toString('base64') }),
  }
}

async function renewCommand(options: SecretOptions & { readonly for?: number }): Promise<void> {
  const renewPeriodMs = options.for === undefined ? BY_SETTINGS : BigInt(options.for)
  const hmac = await hmacOf(options)
  const { expiryTimestampMs } = await withAdmin(options, (admin) =>
    admin.ask(RenewDelegationToken, { hmac, renewPeriodMs }, ({ errorCode }) =>
      throwUnlessNone(errorCode, 'The token'),
    ),
  )
  const expires = time(expiryTimestampMs)
  await printEither(options, { expires }, `The token expires at ${expires}.`)
}

async function expireCommand(options: SecretOptions & { readonly in?: number }): Promise<void> {
  const isNow = options.in === undefined
  const expiryTimePeriodMs = options.in === undefined ? AT_ONCE : BigInt(options.in)
  const hmac = await hmacOf(options)
  const { expiryTimestampMs } = await withAdmin(options, (admin) =>
    admin.ask(ExpireDelegationToken, { hmac, expiryTimePeriodMs }, ({ errorCode }) =>
      throwUnlessNone(errorCode, 'The token'),
    ),
  )
  const expires = time(expiryTimestampMs)
  const text = isNow ? 'The token is over.' : `The token expires at ${expires}.`
  await printEither(options, { expires }, text)
}

/** Rejects with UsageError, which has nothing of it. */
async function hmacOf({ terminal, hmacFile: file }: SecretOptions): Promise<Buffer> {
  const what = 'HMAC of the token'
  const text = await askSecret(terminal, { file, option: '--hmac-file', what, isNew: false })
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return Buffer.from(text, 'base64')
  throw new UsageError(`${what}: it is no Base64, as ottla tokens create prints it`)
}

const textOf = ({ principalType, principalName }: Principal): string =>
  `${principalType}:${principalName}`

/** Milliseconds since 1970, as JavaScript can write them. */
function time(timestampMs: number): string {
  const date = new Date(timestampMs)
  return Number.isNaN(date.getTime()) ? String(timestampMs) : date.toISOString()
}
