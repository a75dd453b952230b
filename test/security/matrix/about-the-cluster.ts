import { AlterClientQuotas } from '../../../protocol/messages/alter-client-quotas.ts'
import { AlterConfigs } from '../../../protocol/messages/alter-configs.ts'
import { AlterReplicaLogDirs } from '../../../protocol/messages/alter-replica-log-dirs.ts'
import { AlterUserScramCredentials } from '../../../protocol/messages/alter-user-scram-credentials.ts'
import { ApiVersions } from '../../../protocol/messages/api-versions.ts'
import { CreateAcls } from '../../../protocol/messages/create-acls.ts'
import { DeleteAcls } from '../../../protocol/messages/delete-acls.ts'
import { DescribeAcls } from '../../../protocol/messages/describe-acls.ts'
import { DescribeClientQuotas } from '../../../protocol/messages/describe-client-quotas.ts'
import { DescribeCluster } from '../../../protocol/messages/describe-cluster.ts'
import { DescribeConfigs } from '../../../protocol/messages/describe-configs.ts'
import { DescribeLogDirs } from '../../../protocol/messages/describe-log-dirs.ts'
import { DescribeQuorum } from '../../../protocol/messages/describe-quorum.ts'
import { DescribeUserScramCredentials } from '../../../protocol/messages/describe-user-scram-credentials.ts'
import { IncrementalAlterConfigs } from '../../../protocol/messages/incremental-alter-configs.ts'
import { ListConfigResources } from '../../../protocol/messages/list-config-resources.ts'
import { UpdateFeatures } from '../../../protocol/messages/update-features.ts'
import { asks } from './request.ts'
import type { MatrixRequest, Subject } from './request.ts'

const acls: readonly MatrixRequest[] = [
  asks(CreateAcls, 3, ({ topic }) => ({
    creations: ['', topic].map((resourceName) => ({
      resourceType: 2,
      resourceName,
      resourcePatternType: 3,
      principal: 'User:nobody',
      host: '*',
      operation: 4,
      permissionType: 3,
    })),
  })),
  asks(DescribeAcls, 3, ({ topic }) => ({
    resourceTypeFilter: 2,
    resourceNameFilter: topic,
    patternTypeFilter: 3,
    principalFilter: 'User:nobody',
    hostFilter: null,
    operation: 3,
    permissionType: 1,
  })),
  asks(DeleteAcls, 3, ({ topic }) => ({
    filters: [
      {
        resourceTypeFilter: 2,
        resourceNameFilter: topic,
        patternTypeFilter: 3,
        principalFilter: 'User:nobody',
        hostFilter: null,
        operation: 4,
        permissionType: 1,
      },
    ],
  })),
]

/** A topic, one that is not there, a broker, all brokers, a broker's loggers, client metrics, a group. */
const resources = ({ topic, missing, group, prefix }: Subject) =>
  (
    [
      [2, topic],
      [2, missing],
      [4, '1'],
      [4, ''],
      [8, '1'],
      [16, `${prefix}metrics`],
      [32, group],
    ] as const
  ).map(([resourceType, resourceName]) => ({ resourceType, resourceName }))
/** A setting of each. */
const configs: Readonly<Record<number, { name: string; value: string }>> = {
  2: { name: 'retention.ms', value: '1000' },
  4: { name: 'log.cleaner.threads', value: '1' },
  8: { name: 'kafka.no.such.logger', value: 'INFO' },
  16: { name: 'interval.ms', value: '1000' },
  32: { name: 'consumer.session.timeout.ms', value: '50000' },
}

const settings: readonly MatrixRequest[] = [
  asks(DescribeConfigs, 4, (own) => ({
    resources: resources(own).map((resource) => ({
      ...resource,
      configurationKeys: [configs[resource.resourceType]!.name],
    })),
  })),
  asks(AlterConfigs, 2, (own) => ({
    resources: resources(own)
      .filter(({ resourceType }) => resourceType !== 8)
      .map((resource) => ({ ...resource, configs: [configs[resource.resourceType]!] })),
    validateOnly: true,
  })),
  asks(IncrementalAlterConfigs, 1, (own) => ({
    resources: resources(own).map((resource) => ({
      ...resource,
      configs: [{ ...configs[resource.resourceType]!, configOperation: 0 }],
    })),
    validateOnly: true,
  })),
  ...[0, 1].map((version) => asks(ListConfigResources, version, () => ({ resourceTypes: [] }))),
  asks(AlterClientQuotas, 1, ({ prefix }) => ({
    entries: [
      {
        entity: [{ entityType: 'user', entityName: `${prefix}user` }],
        ops: [{ key: 'producer_byte_rate', value: 1000, remove: false }],
      },
    ],
    validateOnly: true,
  })),
  asks(DescribeClientQuotas, 1, ({ prefix }) => ({
    components: [{ entityType: 'user', matchType: 0, match: `${prefix}user` }],
    strict: true,
  })),
  asks(AlterUserScramCredentials, 0, ({ prefix }) => ({
    deletions: [{ name: `${prefix}user`, mechanism: 1 }],
    upsertions: [],
  })),
  asks(DescribeUserScramCredentials, 0, ({ prefix }) => ({ users: [{ name: `${prefix}user` }] })),
  asks(UpdateFeatures, 1, () => ({
    timeoutMs: 10_000,
    featureUpdates: [{ feature: 'no.such.feature', maxVersionLevel: 2, upgradeType: 1 }],
    validateOnly: true,
  })),
]

const looks: readonly MatrixRequest[] = [
  asks(ApiVersions, 4, () => ({ clientSoftwareName: 'a', clientSoftwareVersion: '1' })),
  asks(
    DescribeCluster,
    2,
    () => ({
      includeClusterAuthorizedOperations: true,
      endpointType: 1,
      includeFencedBrokers: false,
    }),
    { listeners: ['broker'] },
  ),
  asks(DescribeCluster, 1, () => ({ includeClusterAuthorizedOperations: true, endpointType: 2 }), {
    of: 'of controllers',
    listeners: ['controller'],
  }),
  asks(DescribeLogDirs, 4, ({ topic, missing }) => ({
    topics: [topic, missing].map((name) => ({ topic: name, partitions: [0] })),
  })),
  asks(AlterReplicaLogDirs, 2, ({ topic }) => ({
    dirs: [{ path: '/no/such/directory', topics: [{ name: topic, partitions: [0] }] }],
  })),
  asks(DescribeQuorum, 2, () => ({
    topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
  })),
]

export const aboutTheCluster: readonly MatrixRequest[] = [...acls, ...settings, ...looks]
