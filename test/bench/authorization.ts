import path from 'node:path'
import {
  ACL_OPERATIONS,
  ACL_PATTERN_TYPES,
  ACL_PERMISSIONS,
  ACL_RESOURCE_TYPES,
  aclNumber,
} from '../../protocol/acls.ts'
import { CreateAcls } from '../../protocol/messages/create-acls.ts'
import { RawClient } from '../support/raw-client.ts'
import { type Broker, prepareBroker, removeAll } from './brokers.ts'
import { runOn } from './load.ts'
import { type Line, median } from './report.ts'
import { type Compared, forEachOf } from './samples.ts'
import type { StartsOptions } from './starts.ts'
import { type Workload, workloads } from './workloads.ts'

const acls = 10_000
const leastPairs = 5
const mostAtOnce = 1000

/** Clients don't say who they are, and may do what an ACL allows ANONYMOUS; before there are any, everything. */
const settings = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'allow.everyone.if.no.acl.found': 'true',
}

const small = workloads.find(({ name }) => name === 'produce-small')!
/** Its topics begin with what ACLs are about. */
const workload: Workload = { ...small, name: 'authorized', title: small.title }

interface Rule {
  readonly name: string
  readonly isPrefix?: boolean
  readonly user: string
  readonly operation: string
}

/** Of many users on many topics: half by their names, half by what these begin with; a hundred are on the topics that are used. */
const rules = (): Rule[] => [
  { name: 'authorized', isPrefix: true, user: 'ANONYMOUS', operation: 'ALL' },
  ...Array.from({ length: 99 }, (_, index) => ({
    name: 'authorized'.slice(0, 1 + (index % 10)),
    isPrefix: true,
    user: `user-${index}`,
    operation: 'WRITE',
  })),
  ...Array.from({ length: acls - 100 }, (_, index) => ({
    name: `team-${index % 1000}-topic-${index}`,
    isPrefix: index % 2 === 0,
    user: `user-${index % 500}`,
    operation: index % 3 === 0 ? 'WRITE' : 'READ',
  })),
]

const addAcls = async ({ plainAddress }: Broker): Promise<void> => {
  const [host, port] = plainAddress.split(':') as [string, string]
  const admin = await RawClient.connect({ host, port: Number(port) }, 60_000)
  const creations = rules().map(({ name, isPrefix = false, user, operation }) => ({
    resourceType: aclNumber(ACL_RESOURCE_TYPES, 'TOPIC'),
    resourceName: name,
    resourcePatternType: aclNumber(ACL_PATTERN_TYPES, isPrefix ? 'PREFIXED' : 'LITERAL'),
    principal: `User:${user}`,
    host: '*',
    operation: aclNumber(ACL_OPERATIONS, operation),
    permissionType: aclNumber(ACL_PERMISSIONS, 'ALLOW'),
  }))
  for (let from = 0; from < creations.length; from += mostAtOnce) {
    const some = creations.slice(from, from + mostAtOnce)
    const { results } = await admin.request(CreateAcls, 3, { creations: some })
    const failed = results.find(({ errorCode }) => errorCode !== 'NONE')
    if (failed !== undefined) throw new Error(`no ACLs: ${failed.errorCode}`)
  }
  admin.destroy()
}

interface Pair {
  readonly without: Broker
  readonly with: Broker
}

const start = async (of: StartsOptions, name: Compared): Promise<Pair> => {
  const prepare = (what: string, more: Readonly<Record<string, string>>): Promise<Broker> => {
    const directory = path.join(of.directory, `authorization-${name}-${what}`)
    return prepareBroker(name, { ...of.options, settings: more, directory })
  }
  const pair = { without: await prepare('without', {}), with: await prepare('with', settings) }
  await pair.without.start(0)
  await pair.with.start(0)
  await addAcls(pair.with)
  return pair
}

/**
 * What 10,000 ACLs cost: two brokers of a kind that are up together, one with an authorizer and the ACLs, take turns with small
 * Produce requests. At least five pairs, whatever the number of rounds.
 */
export const measureAuthorization = async (of: StartsOptions): Promise<Line[]> => {
  const failures: string[] = []
  const cost = new Map<Compared, { without: number[]; with: number[] }>()
  await forEachOf('authorization', of, failures, async (name) => {
    const pair = await start(of, name)
    const costs = { without: [] as number[], with: [] as number[] }
    cost.set(name, costs)
    try {
      const kinds = ['without', 'with'] as const
      for (const kind of kinds) {
        await runOn(of.options.client, pair[kind], workload, of.plan, 'warm-up')
      }
      for (let round = 1; round <= Math.max(leastPairs, of.plan.rounds); round += 1) {
        of.progress(`authorization: ${name}, pair ${round}`)
        // In either order, in turn.
        for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
          const measured = await runOn(of.options.client, pair[kind], workload, of.plan, round)
          costs[kind].push((measured.brokerCpuSeconds * 1e6) / measured.requests)
        }
      }
    } finally {
      for (const broker of [pair.without, pair.with]) {
        await broker.stop()
        await removeAll(broker.directory)
      }
    }
  })
  const value = (name: Compared, kind: 'without' | 'with'): number | null =>
    median(cost.get(name)?.[kind] ?? [])
  const ratio = (name: Compared): number | null => {
    const [without, withAcls] = [value(name, 'without'), value(name, 'with')]
    return without === null || withAcls === null ? null : withAcls / without
  }
  const line = (measure: string, figure: (name: Compared) => number | null): Line => ({
    work: 'small Produce requests, 10,000 ACLs',
    measure,
    ottla: figure('ottla'),
    kafka: figure('kafka'),
    client: null,
    target: null,
    failures,
  })
  return [
    line('CPU µs/request', (name) => value(name, 'with')),
    line('CPU µs/request without an authorizer', (name) => value(name, 'without')),
    { ...line('with : without', ratio), target: { ottlaAtMost: 1.1 } },
  ]
}
