import type { AnyApi } from '../schema.ts'
import { ApiVersions } from './api-versions.ts'
import { CreateTopics } from './create-topics.ts'
import { DeleteTopics } from './delete-topics.ts'
import { DescribeConfigs } from './describe-configs.ts'
import { Fetch } from './fetch.ts'
import { FindCoordinator } from './find-coordinator.ts'
import { Heartbeat } from './heartbeat.ts'
import { InitProducerId } from './init-producer-id.ts'
import { JoinGroup } from './join-group.ts'
import { LeaveGroup } from './leave-group.ts'
import { ListOffsets } from './list-offsets.ts'
import { Metadata } from './metadata.ts'
import { OffsetCommit } from './offset-commit.ts'
import { OffsetFetch } from './offset-fetch.ts'
import { Produce } from './produce.ts'
import { SyncGroup } from './sync-group.ts'

/** Every API of Kafka 4.3.1 that has a version, by key. */
export const apis: readonly AnyApi[] = [
  Produce,
  Fetch,
  ListOffsets,
  Metadata,
  OffsetCommit,
  OffsetFetch,
  FindCoordinator,
  JoinGroup,
  Heartbeat,
  LeaveGroup,
  SyncGroup,
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  InitProducerId,
  DescribeConfigs,
]

const byKey: ReadonlyMap<number, AnyApi> = new Map(apis.map((api) => [api.key, api]))

/** The API with this key; undefined when Kafka 4.3.1 has none. */
export function apiByKey(key: number): AnyApi | undefined {
  return byKey.get(key)
}
