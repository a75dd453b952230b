import { api, array, bool, errorCode, int32, int8, string, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

/**
 * Who is in the cluster (KIP-700). v1 asks for brokers or controllers (KIP-919); asking a listener for what it doesn't
 * serve is MISMATCHED_ENDPOINT_TYPE, for an unknown type UNSUPPORTED_ENDPOINT_TYPE. v2 can list fenced brokers (KIP-1073).
 */
export const DescribeCluster = api({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 2],
  flexible: 0,
  listeners: ['broker', 'controller'],
  request: {
    includeClusterAuthorizedOperations: bool,
    /** 1 brokers, 2 controllers. */
    endpointType: int8.default(1).since(1),
    includeFencedBrokers: bool.since(2),
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable().default(null),
    /** As in the request. */
    endpointType: int8.default(1).since(1),
    clusterId: string,
    /** A controller says the quorum's leader; a broker says some live broker, which forwards. -1 when there is none. */
    controllerId: int32.default(-1),
    /** Brokers, or controllers, as asked for. */
    brokers: array({
      brokerId: int32,
      host: string,
      port: int32,
      rack: string.nullable().default(null),
      isFenced: bool.since(2),
    }),
    /** One bit for each AclOperation; the default means that it was not asked for. */
    clusterAuthorizedOperations: int32.default(-2147483648),
  },
})

export type DescribeClusterRequest = RequestOf<typeof DescribeCluster>
export type DescribeClusterResponse = ResponseOf<typeof DescribeCluster>
