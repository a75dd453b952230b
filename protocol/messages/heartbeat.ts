import { api, errorCode, int32, string } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** A member tells its group coordinator that it is alive. */
export const Heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    /** KIP-345: set by static members. */
    groupInstanceId: string.nullable().default(null).since(3),
  },
  response: { throttleTimeMs: int32.since(1), errorCode },
})
export type HeartbeatRequest = RequestOf<typeof Heartbeat>
export type HeartbeatResponse = ResponseOf<typeof Heartbeat>
