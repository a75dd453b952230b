import { aboutGroups, deletingGroups } from './about-groups.ts'
import { aboutNodes } from './about-nodes.ts'
import { aboutRecords } from './about-records.ts'
import { aboutTheCluster } from './about-the-cluster.ts'
import { aboutTokens } from './about-tokens.ts'
import { aboutTopics, makingTopics } from './about-topics.ts'
import type { MatrixRequest } from './request.ts'

/** What each of the principals asks for, in this order; the last of them change what there is. */
export const REQUESTS: readonly MatrixRequest[] = [
  ...aboutTheCluster,
  ...aboutNodes,
  ...aboutTokens,
  ...aboutTopics,
  ...aboutRecords,
  ...aboutGroups,
  ...makingTopics,
  ...deletingGroups,
]
