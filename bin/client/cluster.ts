import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import type { DescribeQuorum } from '../../protocol/messages/describe-quorum.ts'
import type { ReceivedResponse } from '../../protocol/schema.ts'
import type { ApiVersionsResponse } from '../../src/peer/connection.ts'
import type { Client } from './client.ts'
import { CommandError } from '../errors.ts'
import { throwUnlessNone } from './errors.ts'

export interface BrokerInfo {
  readonly brokerId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
  readonly isFenced: boolean
}

export interface ClusterBrokers {
  readonly clusterId: string | null
  readonly controllerId: number
  readonly brokers: readonly BrokerInfo[]
}

/** The brokers of a cluster, by their ids. Older ones (before 2.8) say the same by Metadata, except who is fenced. */
export async function describeBrokers(client: Client): Promise<ClusterBrokers> {
  const connection = await client.connection()
  if (connection.versionOf(DescribeCluster) === null) {
    const { clusterId, controllerId, brokers: found } = await client.metadata([])
    return {
      clusterId,
      controllerId,
      brokers: sorted(
        found.map((broker) => ({ ...broker, brokerId: broker.nodeId, isFenced: false })),
      ),
    }
  }
  const answer = await client.request(DescribeCluster, {
    includeClusterAuthorizedOperations: false,
    includeFencedBrokers: true,
  })
  throwUnlessNone(answer.errorCode, 'The cluster', answer.errorMessage)
  const { clusterId, controllerId, brokers } = answer
  return { clusterId, controllerId, brokers: sorted(brokers) }
}

function sorted(brokers: readonly BrokerInfo[]): BrokerInfo[] {
  return [...brokers].sort((left, right) => left.brokerId - right.brokerId)
}

/** Somebody has named a broker that there isn't. */
export function unknownBroker(
  id: number | string,
  brokers: readonly Pick<BrokerInfo, 'brokerId'>[],
): CommandError {
  const known = brokers.map(({ brokerId }) => brokerId).join(', ')
  return new CommandError('UNKNOWN_BROKER', `There is no broker ${id}`, `The cluster has: ${known}`)
}

export interface FeatureInfo {
  readonly name: string
  /** Null where the node doesn't offer the feature. */
  readonly minSupported: number | null
  readonly maxSupported: number | null
  /** What nobody has raised is at level 0. */
  readonly finalized: number
}

/** What a node offers of features, and what the cluster has agreed on; by their names. */
export function featuresIn(answer: ApiVersionsResponse): FeatureInfo[] {
  const { supportedFeatures, finalizedFeatures } = answer
  const names = [...supportedFeatures, ...finalizedFeatures].map(({ name }) => name)
  return [...new Set(names)].sort().map((name) => {
    const supported = supportedFeatures.find((feature) => feature.name === name)
    const finalized = finalizedFeatures.find((feature) => feature.name === name)
    return {
      name,
      minSupported: supported?.minVersion ?? null,
      maxSupported: supported?.maxVersion ?? null,
      finalized: finalized?.maxVersionLevel ?? 0,
    }
  })
}

type QuorumAnswer = ReceivedResponse<typeof DescribeQuorum>
export type QuorumPartition = QuorumAnswer['topics'][number]['partitions'][number]
export type QuorumReplica = QuorumPartition['observers'][number]

/** The one partition that a quorum has. */
export const QUORUM = {
  topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
} as const

/** What an answer says of the quorum. Throws BrokerError; null where it says nothing. */
export function quorumIn(answer: QuorumAnswer): QuorumPartition | null {
  throwUnlessNone(answer.errorCode, 'The quorum', answer.errorMessage)
  const partition = answer.topics[0]?.partitions[0]
  if (partition === undefined) return null
  throwUnlessNone(partition.errorCode, 'The quorum', partition.errorMessage)
  return partition
}
