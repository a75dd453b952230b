import type { Command } from 'commander'
import { AlterClientQuotas } from '../../protocol/messages/alter-client-quotas.ts'
import { DescribeClientQuotas } from '../../protocol/messages/describe-client-quotas.ts'
import { EntityType, QuotaKey } from '../../src/metadata/quotas.ts'
import type { Client } from '../client/client.ts'
import { throwUnlessNone } from '../client/errors.ts'
import { CommandError, UsageError } from '../errors.ts'
import { integer, withClientOptions, withExamples, type ClientCommandOptions } from '../options.ts'
import { printTable } from '../output.ts'
import { withAdmin, type Admin } from '../with-admin.ts'

/** Kafka's numbers of what a filter takes. */
const MatchType = { EXACT: 0, DEFAULT: 1 } as const
/** What users and client ids may be limited in; addresses have the other one. */
const OF_CLIENTS: readonly string[] = [
  QuotaKey.PRODUCE,
  QuotaKey.FETCH,
  QuotaKey.REQUEST,
  QuotaKey.MUTATION,
]
const OF_ADDRESSES: readonly string[] = [QuotaKey.CONNECTION]
const ALL = [...OF_CLIENTS, ...OF_ADDRESSES]
const GREATEST_INT = 2 ** 31 - 1

interface EntityOptions extends ClientCommandOptions {
  readonly user?: string
  readonly userDefault?: boolean
  readonly clientId?: string
  readonly clientIdDefault?: boolean
  readonly ip?: string
  readonly ipDefault?: boolean
}

interface ChangeOptions<T> extends EntityOptions {
  readonly producerByteRate?: T
  readonly consumerByteRate?: T
  readonly requestPercentage?: T
  readonly controllerMutationRate?: T
  readonly connectionCreationRate?: T
  readonly validateOnly?: boolean
}

/** Whom a quota is for; a null name is the default of its type. */
type Entity = readonly { readonly entityType: string; readonly entityName: string | null }[]

interface Quotas {
  readonly entity: Entity
  readonly values: readonly { readonly key: string; readonly value: number }[]
}

export function declare(quotas: Command): void {
  const list = quotas.command('list').description('List what clients may use')
  withEntity(list, 'quotas').option(
    '--strict',
    'not those of a user together with a client id, where only one is named',
  )
  withExamples(
    withClientOptions(list),
    'quotas list',
    'quotas list --user alice',
    'quotas list --client-id-default --strict --json',
  ).action(listCommand)

  const set = quotas.command('set').description('Limit what clients may use')
  withEntity(set, 'a quota')
    .option(
      '--producer-byte-rate <bytes>',
      'to produce, a second',
      wholeRate('--producer-byte-rate'),
    )
    .option('--consumer-byte-rate <bytes>', 'to fetch, a second', wholeRate('--consumer-byte-rate'))
    .option(
      '--request-percentage <percent>',
      "of a broker's time: as docs/quotas.md has it, 100 is the event loop",
      rate('--request-percentage'),
    )
    .option(
      '--controller-mutation-rate <partitions>',
      'made or deleted, a second',
      rate('--controller-mutation-rate'),
    )
    .option(
      '--connection-creation-rate <connections>',
      'a second, of addresses alone',
      wholeRate('--connection-creation-rate', GREATEST_INT),
    )
    .option('--validate-only', 'only check whether it could be done')
  withExamples(
    withClientOptions(set),
    'quotas set --user alice --producer-byte-rate 1048576 --consumer-byte-rate 2097152',
    'quotas set --user-default --client-id-default --request-percentage 12.5',
    'quotas set --ip 10.0.0.7 --connection-creation-rate 20',
  ).action(setCommand)

  const remove = quotas.command('remove').description('Limit no more: all of it, unless said what')
  withEntity(remove, 'a quota')
  for (const key of ALL) remove.option(`--${optionOf(key)}`, 'this one')
  remove.option('--validate-only', 'only check whether it could be done')
  withExamples(
    withClientOptions(remove),
    'quotas remove --user alice',
    'quotas remove --user alice --client-id app --producer-byte-rate',
  ).action(removeCommand)
}

function withEntity(command: Command, what: string): Command {
  return command
    .option('--user <name>', `${what} of this user`)
    .option('--user-default', 'of users that have none of their own')
    .option('--client-id <id>', 'of clients that give this id; with a user, of those of that user')
    .option('--client-id-default', 'of clients by ids that have none of their own')
    .option('--ip <address>', 'of connections from this address')
    .option('--ip-default', 'of connections from addresses that have none of their own')
}

const optionOf = (key: string): string => key.replaceAll('_', '-')

/** A number above 0. */
function rate(option: string): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+(\.\d+)?$/.test(text) && value > 0) return value
    throw new UsageError(`${option} takes a number above 0: not ${JSON.stringify(text)}`)
  }
}

const wholeRate = (option: string, most?: number): ((text: string) => number) =>
  integer(option, 1, most)

/** @throws UsageError where the options exclude each other */
function entityOf(options: EntityOptions): Entity {
  const part = (entityType: string, name: string | undefined, isDefault: boolean | undefined) => {
    if (name === '') throw new UsageError(`--${entityType} takes a name, and not an empty one`)
    if (name !== undefined && isDefault === true) {
      throw new UsageError(`--${entityType} and --${entityType}-default exclude each other`)
    }
    if (isDefault === true) return [{ entityType, entityName: null }]
    return name === undefined ? [] : [{ entityType, entityName: name }]
  }
  const entity = [
    ...part(EntityType.USER, options.user, options.userDefault),
    ...part(EntityType.CLIENT_ID, options.clientId, options.clientIdDefault),
    ...part(EntityType.IP, options.ip, options.ipDefault),
  ]
  if (isOfAddress(entity) && entity.length > 1) {
    throw new UsageError(
      '--ip goes with neither --user nor --client-id: addresses have quotas of their own',
    )
  }
  return entity
}

/** @throws UsageError for none, too */
function namedEntity(options: EntityOptions): Entity {
  const entity = entityOf(options)
  if (entity.length > 0) return entity
  throw new UsageError(
    'Say whose quota: --user, --user-default, --client-id, --client-id-default, --ip, --ip-default',
  )
}

const isOfAddress = (entity: Entity): boolean =>
  entity.some(({ entityType }) => entityType === EntityType.IP)

/**
 * What the options say of each quota, by its key.
 * @throws UsageError for what the entity can't be limited in
 */
function chosenOf<T>(entity: Entity, options: ChangeOptions<T>): Map<string, T> {
  const values: readonly (readonly [key: string, value: T | undefined])[] = [
    [QuotaKey.PRODUCE, options.producerByteRate],
    [QuotaKey.FETCH, options.consumerByteRate],
    [QuotaKey.REQUEST, options.requestPercentage],
    [QuotaKey.MUTATION, options.controllerMutationRate],
    [QuotaKey.CONNECTION, options.connectionCreationRate],
  ]
  const possible = isOfAddress(entity) ? OF_ADDRESSES : OF_CLIENTS
  const chosen = new Map<string, T>()
  for (const [key, value] of values) {
    if (value === undefined) continue
    if (!possible.includes(key)) {
      const who = isOfAddress(entity) ? 'An address has' : 'Users and client ids have'
      const which = possible.map((each) => `--${optionOf(each)}`).join(', ')
      throw new UsageError(`${who} no --${optionOf(key)}, but ${which}`)
    }
    chosen.set(key, value)
  }
  return chosen
}

async function listCommand(options: EntityOptions & { readonly strict?: boolean }): Promise<void> {
  const entity = entityOf(options)
  const isStrict = options.strict === true
  if (isStrict && entity.length === 0) throw new UsageError('--strict needs the name of somebody')
  const found = await withAdmin(options, ({ client }) => describe(client, entity, isStrict))
  await print(options, found, 'There are no such quotas.')
}

/** @param isStrict without those of a user and a client id where only one is named */
async function describe(client: Client, entity: Entity, isStrict: boolean): Promise<Quotas[]> {
  const components = entity.map(({ entityType, entityName: match }) => ({
    entityType,
    matchType: match === null ? MatchType.DEFAULT : MatchType.EXACT,
    match,
  }))
  const answer = await client.request(DescribeClientQuotas, { components, strict: isStrict })
  throwUnlessNone(answer.errorCode, 'The quotas', answer.errorMessage)
  return answer.entries ?? []
}

async function setCommand(options: ChangeOptions<number>): Promise<void> {
  const entity = namedEntity(options)
  const chosen = chosenOf(entity, options)
  if (chosen.size === 0) {
    const possible = isOfAddress(entity) ? OF_ADDRESSES : OF_CLIENTS
    const which = possible.map((key) => `--${optionOf(key)}`).join(', ')
    throw new UsageError(`Nothing to set: give ${which}`)
  }
  const values = Array.from(chosen, ([key, value]) => ({ key, value }))
  const ops = values.map((each) => ({ ...each, remove: false }))
  await withAdmin(options, (admin) => alter(admin, entity, ops, options.validateOnly === true))
  await print(options, [{ entity, values }], '')
}

async function removeCommand(options: ChangeOptions<true>): Promise<void> {
  const entity = namedEntity(options)
  const chosen = chosenOf(entity, options)
  const removed = await withAdmin(options, async (admin) => {
    const before = (await describe(admin.client, entity, true)).flatMap(({ values }) => values)
    const values = before.filter(({ key }) => chosen.size === 0 || chosen.has(key))
    const lacking = [...chosen.keys()].filter((key) => before.every((each) => each.key !== key))
    if (values.length === 0 || lacking.length > 0) {
      const what = lacking.length === 0 ? 'quotas' : lacking.join(', ')
      const has = before.map(({ key }) => key).join(', ')
      throw new CommandError(
        'NO_SUCH_QUOTA',
        `${entityText(entity)}: no ${what} to remove`,
        has === '' ? 'See what there is with: ottla quotas list' : `There is ${has}.`,
      )
    }
    const ops = values.map(({ key }) => ({ key, value: 0, remove: true }))
    await alter(admin, entity, ops, options.validateOnly === true)
    return values
  })
  await print(options, [{ entity, values: removed }], '')
}

interface Alteration {
  readonly key: string
  readonly value: number
  readonly remove: boolean
}

async function alter(
  admin: Admin,
  entity: Entity,
  ops: readonly Alteration[],
  validateOnly: boolean,
): Promise<void> {
  const body = { entries: [{ entity, ops }], validateOnly }
  await admin.ask(AlterClientQuotas, body, ({ entries }) => {
    for (const { errorCode, errorMessage } of entries) {
      throwUnlessNone(errorCode, `The quotas of ${entityText(entity)}`, errorMessage)
    }
  })
}

const entityText = (entity: Entity): string =>
  ordered(entity)
    .map(({ entityType, entityName }) => `${entityType} ${entityName ?? '(default)'}`)
    .join(', ')

const ORDER: readonly string[] = [EntityType.USER, EntityType.CLIENT_ID, EntityType.IP]

/** Users first, in whatever order a broker tells them. */
const ordered = (entity: Entity): Entity =>
  entity.toSorted((a, b) => ORDER.indexOf(a.entityType) - ORDER.indexOf(b.entityType))

function print(
  options: ClientCommandOptions,
  found: readonly Quotas[],
  whenEmpty: string,
): Promise<void> {
  const sorted = found
    .map(({ entity, values }) => ({ text: entityText(entity), entity: ordered(entity), values }))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
  return printTable(
    options,
    sorted.map(({ entity, values }) => ({
      entity: Object.fromEntries(entity.map((part) => [part.entityType, part.entityName])),
      quotas: Object.fromEntries(values.map(({ key, value }) => [key, value])),
    })),
    ['WHOSE', 'QUOTA', 'VALUE'],
    sorted.flatMap(({ text, values }) => values.map(({ key, value }) => [text, key, value])),
    whenEmpty,
  )
}
