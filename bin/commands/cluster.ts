import type { Command } from 'commander'
import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import type { ReceivedResponse } from '../../protocol/schema.ts'
import type { Client } from '../client/client.ts'
import { PeerError } from '../../src/peer/errors.ts'
import { BrokerError, throwUnlessNone } from '../client/errors.ts'
import { withClientOptions, withExamples, type ClientCommandOptions } from '../options.ts'
import { print, toJson } from '../output.ts'
import { formatFacts, formatTable, type Row } from '../table.ts'
import { withClient } from '../with-client.ts'
import { declare as declareLogDirs } from './log-dirs.ts'

export function declare(cluster: Command): void {
  declareLogDirs(cluster)
  const describe = cluster.command('describe').description('Show brokers, features and the quorum')
  withClientOptions(describe)
  withExamples(
    describe,
    'cluster describe',
    'cluster describe --bootstrap-server kafka:9092 --json',
  )
  describe.action(describeCluster)
}

async function describeCluster(options: ClientCommandOptions): Promise<void> {
  const cluster = await withClient(options, async (client) => ({
    ...(await brokers(client)),
    features: await features(client),
    quorum: await quorum(client),
  }))
  await print(options, options.json ? toJson(cluster, 2) : clusterText(cluster))
}

/** Older brokers (before 2.8) say the same by Metadata, except who is fenced. */
async function brokers(client: Client) {
  const connection = await client.connection()
  if (connection.versionOf(DescribeCluster) === null) {
    const { clusterId, controllerId, brokers: found } = await client.metadata([])
    return {
      clusterId,
      controllerId,
      brokers: found.map((broker) => ({ ...broker, brokerId: broker.nodeId, isFenced: false })),
    }
  }
  const answer = await client.request(DescribeCluster, {
    includeClusterAuthorizedOperations: false,
    includeFencedBrokers: true,
  })
  throwUnlessNone(answer.errorCode, 'The cluster', answer.errorMessage)
  return {
    clusterId: answer.clusterId,
    controllerId: answer.controllerId,
    brokers: answer.brokers,
  }
}

async function features(client: Client) {
  const { supportedFeatures, finalizedFeatures } = (await client.connection()).apiVersions
  const names = [...supportedFeatures, ...finalizedFeatures].map(({ name }) => name)
  return [...new Set(names)].sort().map((name) => {
    const supported = supportedFeatures.find((feature) => feature.name === name)
    const finalized = finalizedFeatures.find((feature) => feature.name === name)
    return {
      name,
      minSupported: supported?.minVersion ?? null,
      maxSupported: supported?.maxVersion ?? null,
      // What nobody has raised is at level 0.
      finalized: finalized?.maxVersionLevel ?? 0,
    }
  })
}

type QuorumPartition = ReceivedResponse<
  typeof DescribeQuorum
>['topics'][number]['partitions'][number]

/** Null where the broker has no quorum to describe, or doesn't let us see it; the rest is worth showing all the same. */
async function quorum(client: Client): Promise<QuorumPartition | null> {
  try {
    const answer = await client.request(DescribeQuorum, {
      topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
    })
    throwUnlessNone(answer.errorCode, 'The quorum', answer.errorMessage)
    const partition = answer.topics[0]?.partitions[0]
    if (partition === undefined) return null
    throwUnlessNone(partition.errorCode, 'The quorum', partition.errorMessage)
    return partition
  } catch (error) {
    const isLeftOut =
      (error instanceof BrokerError && error.error === 'CLUSTER_AUTHORIZATION_FAILED') ||
      (error instanceof PeerError && error.code === 'UNSUPPORTED_VERSION')
    if (isLeftOut) return null
    throw error
  }
}

function clusterText(cluster: {
  clusterId: string | null
  controllerId: number
  brokers: readonly {
    brokerId: number
    host: string
    port: number
    rack: string | null
    isFenced: boolean
  }[]
  features: Awaited<ReturnType<typeof features>>
  quorum: QuorumPartition | null
}): string {
  const { quorum: metadata } = cluster
  const facts: [string, Row[number]][] = [
    ['Cluster', cluster.clusterId],
    ['Controller', metadata?.leaderId ?? cluster.controllerId],
  ]
  if (metadata !== null) {
    facts.push(['Leader epoch', metadata.leaderEpoch], ['High watermark', metadata.highWatermark])
  }
  const sections = [
    formatFacts(facts),
    formatTable(
      ['BROKER', 'HOST', 'PORT', 'RACK', 'STATE'],
      cluster.brokers.map(({ brokerId, host, port, rack, isFenced }) => [
        brokerId,
        host,
        port,
        rack,
        isFenced ? 'fenced' : 'active',
      ]),
    ),
    formatTable(
      ['FEATURE', 'FINALIZED', 'SUPPORTED'],
      cluster.features.map(({ name, finalized, minSupported, maxSupported }) => [
        name,
        finalized,
        minSupported === null ? null : `${minSupported} to ${maxSupported}`,
      ]),
    ),
  ]
  if (metadata !== null) sections.push(quorumTable(metadata))
  return sections.join('\n\n')
}

function quorumTable(metadata: QuorumPartition): string {
  const leader = metadata.currentVoters.find(({ replicaId }) => replicaId === metadata.leaderId)
  const rows = (role: string, replicas: QuorumPartition['observers']): Row[] =>
    replicas.map(({ replicaId, logEndOffset }) => [
      replicaId,
      replicaId === metadata.leaderId ? 'leader' : role,
      logEndOffset,
      leader === undefined || logEndOffset < 0 ? null : leader.logEndOffset - logEndOffset,
    ])
  return formatTable(
    ['QUORUM NODE', 'ROLE', 'LOG END', 'LAG'],
    [...rows('voter', metadata.currentVoters), ...rows('observer', metadata.observers)],
  )
}
