import type { Command } from 'commander'
import {
  ACL_OPERATIONS,
  ACL_PATTERN_TYPES,
  ACL_PERMISSIONS,
  ACL_RESOURCE_TYPES,
  aclName,
} from '../../protocol/acls.ts'
import { CreateAcls } from '../../protocol/messages/create-acls.ts'
import { DeleteAcls } from '../../protocol/messages/delete-acls.ts'
import { DescribeAcls } from '../../protocol/messages/describe-acls.ts'
import { throwUnlessNone } from '../client/errors.ts'
import { UsageError } from '../errors.ts'
import { collect, withExamples } from '../options.ts'
import { printTable } from '../output.ts'
import { withAdmin, withAdminOptions, type AdminCommandOptions } from '../with-admin.ts'

const CLUSTER = 'kafka-cluster'
const EVERYBODY = 'User:*'
const EVERYWHERE = '*'

/** Which resources, as options name them; each may be named several times. */
interface ResourceOptions extends AdminCommandOptions {
  readonly topic?: readonly string[]
  readonly group?: readonly string[]
  readonly transactionalId?: readonly string[]
  readonly token?: readonly string[]
  readonly user?: readonly string[]
  readonly cluster?: boolean
  readonly prefixed?: boolean
}

interface RuleOptions extends ResourceOptions {
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
  readonly operation?: readonly string[]
  readonly host?: readonly string[]
}

interface FilterOptions extends ResourceOptions {
  readonly principal?: string
  readonly operation?: readonly string[]
  readonly host?: string
  readonly matching?: boolean
}

interface Rule {
  readonly resourceType: string
  readonly resourceName: string
  readonly patternType: string
  readonly principal: string
  readonly host: string
  readonly operation: string
  readonly permission: string
}

const text = collect((value: string) => value)

export function declare(acls: Command): void {
  const add = acls.command('add').description('Add rules: who may do what, or may not')
  withResources(add)
    .option('-a, --allow <principal>', `who may: ${EVERYBODY} stands for all users`, text)
    .option('-d, --deny <principal>', 'who may not, whatever else allows it', text)
    .option('-o, --operation <name>', 'what: read, write, describe, ...; all unless given', text)
    .option('--host <address>', 'from where: an address, or a range as in 10.0.0.0/8', text)
  withExamples(
    withAdminOptions(add),
    'acls add --topic orders --allow User:alice --operation read',
    'acls add --topic app- --prefixed --allow User:app --operation read --operation write',
    'acls add --cluster --allow User:broker-1 --operation cluster-action',
  ).action(addCommand)

  const list = acls.command('list').description('List rules')
  withExamples(
    withAdminOptions(withFilter(list)),
    'acls list',
    'acls list --topic orders --matching',
    'acls list --principal User:alice --json',
  ).action(listCommand)

  const remove = acls.command('remove').description('Remove rules')
  withExamples(
    withAdminOptions(withFilter(remove).option('--all', 'all of them')),
    'acls remove --topic orders --principal User:alice',
    'acls remove --principal User:alice --operation write',
  ).action(removeCommand)
}

function withResources(command: Command): Command {
  return command
    .option('-t, --topic <name>', `a topic; '*' stands for all`, text)
    .option('-g, --group <id>', 'a group', text)
    .option('--transactional-id <id>', 'a transactional id', text)
    .option('--token <id>', 'a delegation token', text)
    .option('--user <principal>', 'a user, whose tokens others may make or see', text)
    .option('--cluster', 'the cluster')
    .option('--prefixed', 'the names are what names begin with')
}

function withFilter(command: Command): Command {
  return withResources(command)
    .option('-p, --principal <principal>', 'rules of this one')
    .option('-o, --operation <name>', 'rules about this operation', text)
    .option('--host <address>', 'rules with this host')
    .option('--matching', 'the rules that count for a resource of the name, by whatever pattern')
}

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

function resourcesOf(options: ResourceOptions): Resource[] {
  const of = (type: string, names: readonly string[] = []): Resource[] =>
    names.map((resourceName) => ({
      resourceType: ACL_RESOURCE_TYPES.indexOf(type as never),
      resourceName,
    }))
  return [
    ...of('TOPIC', options.topic),
    ...of('GROUP', options.group),
    ...of('TRANSACTIONAL_ID', options.transactionalId),
    ...of('DELEGATION_TOKEN', options.token),
    ...of('USER', options.user),
    ...of('CLUSTER', options.cluster === true ? [CLUSTER] : []),
  ]
}

/** The numbers of operations, written as Kafka's tools take them: `DescribeConfigs`, `describe-configs`, `DESCRIBE_CONFIGS`. */
function operationsOf(names: readonly string[], otherwise: string): number[] {
  const plain = (name: string): string => name.toUpperCase().replaceAll(/[-_]/g, '')
  return (names.length === 0 ? [otherwise] : names).map((name) => {
    const number = ACL_OPERATIONS.findIndex((known) => plain(known) === plain(name))
    if (number > 0) return number
    const known = ACL_OPERATIONS.slice(2).map((each) => each.toLowerCase().replaceAll('_', '-'))
    throw new UsageError(`There is no operation ${name}: it is one of ${known.join(', ')}`)
  })
}

async function addCommand(options: RuleOptions): Promise<void> {
  const resources = resourcesOf(options)
  if (resources.length === 0) throw new UsageError('Name a resource: --topic, --group, --cluster')
  const who = [
    ...(options.allow ?? []).map((principal) => [principal, 'ALLOW'] as const),
    ...(options.deny ?? []).map((principal) => [principal, 'DENY'] as const),
  ]
  if (who.length === 0) throw new UsageError('Say who may or may not: --allow, --deny')
  const operations = operationsOf(options.operation ?? [], 'ALL')
  const patternType = ACL_PATTERN_TYPES.indexOf(options.prefixed === true ? 'PREFIXED' : 'LITERAL')
  const creations = resources.flatMap((resource) =>
    who.flatMap(([principal, permission]) =>
      operations.flatMap((operation) =>
        (options.host ?? [EVERYWHERE]).map((host) => ({
          ...resource,
          resourcePatternType: patternType,
          principal,
          host,
          operation,
          permissionType: ACL_PERMISSIONS.indexOf(permission),
        })),
      ),
    ),
  )
  await withAdmin(options, (admin) =>
    admin.ask(CreateAcls, { creations }, ({ results }) => {
      for (const { errorCode, errorMessage } of results) {
        throwUnlessNone(errorCode, 'The rule', errorMessage)
      }
    }),
  )
  await print(
    options,
    creations.map(({ resourcePatternType, ...acl }) =>
      ruleOf({ ...acl, patternType: resourcePatternType }),
    ),
  )
}

/** What the options mean, a filter for each resource that they name. */
function filtersOf(options: FilterOptions) {
  const pattern = (): number => {
    if (options.matching === true) return ACL_PATTERN_TYPES.indexOf('MATCH')
    return ACL_PATTERN_TYPES.indexOf(options.prefixed === true ? 'PREFIXED' : 'ANY')
  }
  const resources = resourcesOf(options)
  const named = resources.map(({ resourceType, resourceName }) => ({
    resourceTypeFilter: resourceType,
    resourceNameFilter: resourceName,
  }))
  const any = { resourceTypeFilter: ACL_RESOURCE_TYPES.indexOf('ANY'), resourceNameFilter: null }
  return (named.length === 0 ? [any] : named).flatMap((resource) =>
    operationsOf(options.operation ?? [], 'ANY').map((operation) => ({
      ...resource,
      patternTypeFilter: pattern(),
      principalFilter: options.principal ?? null,
      hostFilter: options.host ?? null,
      operation,
      permissionType: ACL_PERMISSIONS.indexOf('ANY'),
    })),
  )
}

async function listCommand(options: FilterOptions): Promise<void> {
  const answers = await withAdmin(options, async ({ client }) => {
    const lists = []
    for (const filter of filtersOf(options)) {
      const answer = await client.request(DescribeAcls, filter)
      throwUnlessNone(answer.errorCode, 'The rules', answer.errorMessage)
      lists.push(answer)
    }
    return lists
  })
  const rules = answers.flatMap(({ resources }) =>
    resources.flatMap(({ acls, ...resource }) =>
      acls.map((acl) => ruleOf({ ...resource, ...acl })),
    ),
  )
  await print(options, rules)
}

async function removeCommand(options: FilterOptions & { readonly all?: boolean }): Promise<void> {
  const filters = filtersOf(options)
  const meansAll =
    resourcesOf(options).length === 0 &&
    options.principal === undefined &&
    options.operation === undefined &&
    options.host === undefined
  if (meansAll && options.all !== true) {
    throw new UsageError('Say which rules, by resource or principal, or --all')
  }
  const answer = await withAdmin(options, (admin) =>
    admin.ask(DeleteAcls, { filters }, ({ filterResults }) => {
      for (const { errorCode, errorMessage } of filterResults) {
        throwUnlessNone(errorCode, 'The rules', errorMessage)
      }
    }),
  )
  const rules = answer.filterResults.flatMap(({ matchingAcls }) => matchingAcls.map(ruleOf))
  await print(options, rules)
}

function ruleOf(acl: {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}): Rule {
  const { resourceName, principal, host } = acl
  return {
    resourceType: aclName(ACL_RESOURCE_TYPES, acl.resourceType),
    resourceName,
    patternType: aclName(ACL_PATTERN_TYPES, acl.patternType),
    principal,
    host,
    operation: aclName(ACL_OPERATIONS, acl.operation),
    permission: aclName(ACL_PERMISSIONS, acl.permissionType),
  }
}

/** Each rule once, sorted: brokers tell them in no particular order. */
function print(options: AdminCommandOptions, rules: readonly Rule[]): Promise<void> {
  const rows = new Map(
    rules.map((rule) => {
      const resource = `${rule.resourceType.toLowerCase()} ${rule.resourceName}`
      const name = rule.patternType === 'PREFIXED' ? `${resource}...` : resource
      const row = [name, rule.principal, rule.permission, rule.operation, rule.host]
      return [row.join('\n'), { rule, row }] as const
    }),
  )
  const sorted = [...rows].sort(([left], [right]) => (left < right ? -1 : 1))
  return printTable(
    options,
    sorted.map(([, { rule }]) => rule),
    ['RESOURCE', 'PRINCIPAL', 'PERMISSION', 'OPERATION', 'HOST'],
    sorted.map(([, { row }]) => row),
    'There are no such rules.',
  )
}
