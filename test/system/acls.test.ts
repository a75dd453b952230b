import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DescribeAcls } from '../../protocol/messages/describe-acls.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { ottla } from '../bin/command.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { createTopic } from './load.ts'

const directories = temporaryDirectories()
const settings = {
  'authorizer.class.name': 'standard',
  'allow.everyone.if.no.acl.found': 'true',
}
let directory: string
let broker: RunningBroker
beforeAll(async () => {
  directory = directories.make()
  broker = await startBroker({ directory, settings })
  await createTopic(broker, 'orders', 1)
  await createTopic(broker, 'payments', 1)
})
afterAll(async () => {
  await broker.close()
  directories.removeAll()
})

const run = async (args: string): Promise<string> => {
  const { code, stdout, stderr } = await ottla(args.split(' '), { bootstrap: broker.bootstrap })
  return code === 0 ? stdout : stderr
}
const visible = async (): Promise<(string | null)[]> => {
  const client = await RawClient.connect(broker)
  const { topics } = await client.request(Metadata, 12, { topics: null })
  client.destroy()
  return topics.map(({ name }) => name).sort()
}

test('rules hide a topic as soon as they are added, over a restart, and until they are removed', async () => {
  expect(await run('acls list')).toBe('There are no such rules.\n')
  expect(await visible()).toEqual(['orders', 'payments'])
  const added = await run('acls add --topic pay --prefixed --deny User:* --host 127.0.0.0/8')
  expect(added.split('\n')[1]).toMatch(/^topic pay\.\.\. +User:\* +DENY +ALL +127\.0\.0\.0\/8$/)
  expect(await visible()).toEqual(['orders'])
  expect(await run('topics describe payments')).toContain('TOPIC_AUTHORIZATION_FAILED')
  await broker.close()
  broker = await startBroker({ directory, settings })
  expect(await visible()).toEqual(['orders'])
  expect(JSON.parse(await run('acls list --topic payments --matching --json'))).toEqual([
    {
      resourceType: 'TOPIC',
      resourceName: 'pay',
      patternType: 'PREFIXED',
      principal: 'User:*',
      host: '127.0.0.0/8',
      operation: 'ALL',
      permission: 'DENY',
    },
  ])
  expect(await run('acls remove')).toContain('Say which rules')
  expect(await run('acls remove --topic pay --operation read')).toBe('There are no such rules.\n')
  expect(await run('acls remove --topic pay')).toContain('DENY')
  expect(await visible()).toEqual(['orders', 'payments'])
})

test('mistakes in rules are told', async () => {
  expect(await run('acls add --topic a --allow alice')).toContain('Could not parse principal')
  expect(await run('acls add --topic a')).toContain('--allow')
  expect(await run('acls add --allow User:a')).toContain('--topic')
  expect(await run('acls add --topic a --allow User:a --operation eat')).toContain('cluster-action')
  expect(await run('acls add --topic a --allow User:a --host 10.0.0.0/99')).toContain('CIDR')
})

test('who may not look at rules or at the cluster does neither', async () => {
  expect(await run('acls add --cluster --deny User:* --operation describe')).toContain('DESCRIBE')
  expect(await run('acls list')).toContain('CLUSTER_AUTHORIZATION_FAILED')
  const client = await RawClient.connect(broker)
  const filter = {
    resourceTypeFilter: 1,
    resourceNameFilter: null,
    principalFilter: null,
    hostFilter: null,
    operation: 1,
    permissionType: 1,
  }
  const answer = await client.request(DescribeAcls, 3, filter)
  expect(answer).toMatchObject({ errorCode: 'CLUSTER_AUTHORIZATION_FAILED', resources: [] })
  // A rule on the cluster: what no rule allows there is refused from now on.
  const topic = {
    name: 'new',
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }
  const created = await client.request(CreateTopics, 7, { topics: [topic], timeoutMs: 10_000 })
  expect(created.topics).toMatchObject([{ errorCode: 'NONE' }])
  client.destroy()
})
