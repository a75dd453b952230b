import type { Command } from 'commander'
import { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import type { Client } from '../client/client.ts'
import { PeerError } from '../../src/peer/errors.ts'
import {
  describeBrokers,
  featuresIn,
  QUORUM,
  quorumIn,
  type ClusterBrokers,
  type FeatureInfo,
  type QuorumPartition,
} from '../client/cluster.ts'
import { BrokerError } from '../client/errors.ts'
import { withClientOptions, withExamples, type ClientCommandOptions } from '../options.ts'
import { print, toJson } from '../output.ts'
import { formatFacts, formatTable, type Row } from '../table.ts'
import { withClient } from '../with-client.ts'
import { declareLocal } from './cluster-local.ts'
import { declare as declareLogDirs } from './log-dirs.ts'

export function declare(cluster: Command): void {
  declareLogDirs(cluster)
  declareLocal(cluster)
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
    ...(await describeBrokers(client)),
    features: featuresIn((await client.connection()).apiVersions),
    quorum: await quorum(client),
  }))
  await print(options, options.json ? toJson(cluster, 2) : clusterText(cluster))
}

/** Null where the broker has no quorum to describe, or doesn't let us see it; the rest is worth showing all the same. */
async function quorum(client: Client): Promise<QuorumPartition | null> {
  try {
    return quorumIn(await client.request(DescribeQuorum, QUORUM))
  } catch (error) {
    const isLeftOut =
      (error instanceof BrokerError && error.error === 'CLUSTER_AUTHORIZATION_FAILED') ||
      (error instanceof PeerError && error.code === 'UNSUPPORTED_VERSION')
    if (isLeftOut) return null
    throw error
  }
}

function clusterText(
  cluster: ClusterBrokers & {
    readonly features: readonly FeatureInfo[]
    readonly quorum: QuorumPartition | null
  },
): string {
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
