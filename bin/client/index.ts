/** A client of the Kafka protocol: what the commands, and the project's own tests, speak to brokers with. */
export { formatAddress, parseAddresses, type Address } from './address.ts'
export {
  Client,
  connect,
  connectToAny,
  type ClientOptions,
  type ClusterMetadata,
  type CoordinatorKind,
  type NodeRequestOptions,
  type PartitionMetadata,
  type TopicMetadata,
} from './client.ts'
export { Connection, type ApiVersionsResponse, type RequestOptions } from './connection.ts'
export { BrokerError, ClientError, isRetriable, type ClientErrorCode } from './errors.ts'
