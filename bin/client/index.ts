/** A client of the Kafka protocol: what the commands, and the project's own tests, speak to brokers with. */
export { formatAddress, type Address } from '../../src/host/address.ts'
export { parseAddresses } from './address.ts'
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
export {
  Connection,
  type ApiVersionsResponse,
  type RequestOptions,
} from '../../src/peer/connection.ts'
export { BrokerError, ClientError, isRetriable, type ClientErrorCode } from './errors.ts'
export { groupBy } from './group-by.ts'
export {
  EARLIEST_TIMESTAMP,
  LATEST_TIMESTAMP,
  listOffsets,
  type FoundOffset,
  type IsolationLevel,
  type OffsetQuery,
} from './offsets.ts'
export { Producer, type Acks, type ProducedBatch, type ProducerOptions } from './producer.ts'
export {
  PartitionReader,
  type Assignment,
  type PartitionRecords,
  type ReaderOptions,
} from './reader.ts'
export {
  describeTopics,
  partitionOf,
  topicsWithLeaders,
  unknownTopic,
  type Topic,
  type TopicPartition,
} from './topics.ts'
