import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { custom } from './access.ts'
import { operationsOnCluster } from './authorized-operations.ts'
import { handle } from './handler.ts'

/** [KIP-919] The types of endpoints that a client may think it has reached. */
const ENDPOINT_TYPES = ['', 'BROKER', 'CONTROLLER']
const BROKERS = 1
const CONTROLLERS = 2

/**
 * DescribeCluster: v0-2. Who is in the cluster, on the listener that asks (KIP-700): brokers on theirs, for everybody; on
 * controllers' from v1 on the controllers (KIP-919), for those who may change the cluster.
 */
export const describeCluster = handle(DescribeCluster, {
  access: custom(['DESCRIBE', 'CLUSTER'], ['ALTER', 'CLUSTER']),
  listeners: ['broker', 'controller'],
}).by((request, context) => {
  const { kind, cluster } = context.services
  const { clusterId, controllerId, ...view } = cluster()
  const { name } = context.connection.listener
  const { endpointType } = request
  const own = kind === 'broker' ? BROKERS : CONTROLLERS
  if (own === CONTROLLERS && !context.may('ALTER', 'CLUSTER', CLUSTER_NAME)) {
    const errorCode = 'CLUSTER_AUTHORIZATION_FAILED'
    const errorMessage = 'ALTER on the cluster is needed to ask a controller this'
    return { errorCode, errorMessage, clusterId: '', brokers: [] }
  }
  if (endpointType !== own) {
    const wanted = ENDPOINT_TYPES[endpointType] ?? ''
    return {
      errorCode: wanted === '' ? 'UNSUPPORTED_ENDPOINT_TYPE' : 'MISMATCHED_ENDPOINT_TYPE',
      errorMessage:
        wanted === ''
          ? `Unsupported endpoint type ${endpointType}`
          : `The request was sent to an endpoint of type ${ENDPOINT_TYPES[own]}, but we wanted an endpoint of type ${wanted}`,
      clusterId: '',
      brokers: [],
    }
  }
  if (clusterId === '') {
    const errorMessage = 'This controller belongs to no cluster yet'
    return { errorCode: 'NOT_CONTROLLER', errorMessage, endpointType, clusterId, brokers: [] }
  }
  return {
    errorCode: 'NONE',
    endpointType,
    clusterId,
    controllerId,
    brokers:
      own === BROKERS
        ? view
            .brokers(name, request.includeFencedBrokers)
            .map(({ id, ...rest }) => ({ brokerId: id, ...rest }))
        : view.controllers(name).map(({ id, ...rest }) => ({ brokerId: id, rack: null, ...rest })),
    clusterAuthorizedOperations: operationsOnCluster(
      request.includeClusterAuthorizedOperations,
      context,
    ),
  }
})
