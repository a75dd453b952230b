/** A client of the Kafka protocol: what the commands, and the project's own tests, speak to brokers with. */

export { Client, connect } from './client.ts'

export { BrokerError } from './errors.ts'
export { groupBy } from './group-by.ts'
export { EARLIEST_TIMESTAMP, listOffsets } from './offsets.ts'
export { Producer } from './producer.ts'
export { PartitionReader } from './reader.ts'
