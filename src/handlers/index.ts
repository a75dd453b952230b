import { apiVersions } from './api-versions.ts'
import { deleteRecords } from './delete-records.ts'
import { describeCluster } from './describe-cluster.ts'
import { describeTopicPartitions } from './describe-topic-partitions.ts'
import { fetch } from './fetch.ts'
import type { Handler } from './handler.ts'
import { initProducerId } from './init-producer-id.ts'
import { listOffsets } from './list-offsets.ts'
import { metadata } from './metadata.ts'
import { offsetForLeaderEpoch } from './offset-for-leader-epoch.ts'
import { produce } from './produce.ts'

/**
 * Every API that this broker serves. The only list: dispatch, the ApiVersions answer and the README's table derive from
 * it.
 */
export const handlers: readonly Handler[] = [
  apiVersions,
  deleteRecords,
  describeCluster,
  describeTopicPartitions,
  fetch,
  initProducerId,
  listOffsets,
  metadata,
  offsetForLeaderEpoch,
  produce,
]

/** The APIs as ApiVersions tells them, in the order of their keys. */
export function advertisedApis(): { apiKey: number; minVersion: number; maxVersion: number }[] {
  return handlers
    .map(({ api, advertised }) => ({
      apiKey: api.key,
      minVersion: advertised[0],
      maxVersion: advertised[1],
    }))
    .sort((a, b) => a.apiKey - b.apiKey)
}
