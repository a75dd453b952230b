import { api, errorCode, int32, int64, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/** The active controller gives a broker a block of producer ids that are nobody else's (KIP-730). */
export const AllocateProducerIds = api({
  key: 67,
  name: 'AllocateProducerIds',
  versions: [0, 0],
  flexible: 0,
  listeners: ['controller'],
  request: { brokerId: int32, brokerEpoch: int64.default(-1) },
  response: {
    throttleTimeMs,
    errorCode,
    producerIdStart: int64,
    /** How many from `producerIdStart` on. */
    producerIdLen: int32,
  },
})

export type AllocateProducerIdsRequest = RequestOf<typeof AllocateProducerIds>
export type AllocateProducerIdsResponse = ResponseOf<typeof AllocateProducerIds>
