import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { custom } from './access.ts'
import { operationsOnCluster } from './authorized-operations.ts'
import { handle } from './handler.ts'

const BROKERS = 1
const CONTROLLERS = 2

/** DescribeCluster: v0-2. Who is in the cluster, on the listener that asks (KIP-700). */
export const describeCluster = handle(DescribeCluster, {
  access: custom(['DESCRIBE', 'CLUSTER']),
}).by((request, context) => {
  const { clusterId, controllerId, brokers } = context.services.cluster()
  const { endpointType } = request
  if (endpointType !== BROKERS) {
    // [KIP-919] This listener serves clients; controllers have one of their own.
    return {
      errorCode:
        endpointType === CONTROLLERS ? 'MISMATCHED_ENDPOINT_TYPE' : 'UNSUPPORTED_ENDPOINT_TYPE',
      errorMessage:
        endpointType === CONTROLLERS
          ? 'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER'
          : `Unsupported endpoint type ${endpointType}`,
      clusterId: '',
      brokers: [],
    }
  }
  return {
    errorCode: 'NONE',
    endpointType,
    clusterId,
    controllerId,
    brokers: brokers(context.connection.listener.name, request.includeFencedBrokers).map(
      ({ id, host, port, rack, isFenced }) => ({ brokerId: id, host, port, rack, isFenced }),
    ),
    clusterAuthorizedOperations: operationsOnCluster(
      request.includeClusterAuthorizedOperations,
      context,
    ),
  }
})
