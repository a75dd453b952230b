import type { GivenBatch } from './batches.ts'
import type { Flags } from './client.ts'

/** A figure of a measurement that the table shows. */
export type Figure =
  | 'MB/s'
  | 'requests/s'
  | 'records/s'
  | 'transactions/s'
  | 'CPU s/GB'
  | 'CPU µs/request'
  | 'CPU µs/record'
  | 'CPU µs/transaction'
  | 'p50 ms'
  | 'p99 ms'
  | 'p99.9 ms'
  | 'commit p50 ms'
  | 'commit p99 ms'
  | 'commit to arrival, p50 ms'
  | 'commit to arrival, p99 ms'
  | 'retries/transaction'

/**
 * What the project wants of a ratio Ottla:Kafka, or of Ottla's figure itself. `orOfClient`: or so much of what the client
 * reaches by itself, where that is what stands in the way.
 */
export type Target =
  | { readonly atLeast: number; readonly orOfClient?: number }
  | { readonly atMost: number }
  | { readonly ottlaAtMost: number }

export interface Workload {
  readonly name: string
  readonly title: string
  readonly command:
    | 'produce'
    | 'fetch'
    | 'tail'
    | 'round-trip'
    | 'paced'
    | 'paced-arrival'
    | 'transact'
    | 'transact-paced'
    | 'committed'
  readonly partitions: number
  /** Of each partition; by default one. */
  readonly replicas?: number
  readonly flags: Flags
  /** What is produced, where it isn't records that are all the same. Bytes are counted before compression. */
  readonly batch?: GivenBatch
  /** Bytes to write before the measurement, spread over all partitions; the topic then serves every round. */
  readonly fillBytes?: { readonly full: number; readonly quick: number }
  /** It writes so much that what memory costs at its first touch would hide all else: that is touched before. */
  readonly touchesMemory?: true
  /** By a listener of SSL. */
  readonly hasTls?: true
  readonly figures: readonly (readonly [Figure, Target | null])[]
}

/** Batches just below the 1,048,588 bytes that a broker takes by default. */
const large1K = { 'record-bytes': 1024, 'batch-records': 950 }
const large100 = { 'record-bytes': 100, 'batch-records': 9000 }
/** Each transaction is one batch to one partition, and both brokers are asked by the same protocol (KIP-890). */
const smallTransactions = { 'record-bytes': 100, 'batch-records': 10, 'transaction-version': 2 }

export const workloads: readonly Workload[] = [
  {
    name: 'produce-1k',
    title: 'produce 1 KB, acks=all, large batches',
    command: 'produce',
    partitions: 4,
    flags: { connections: 2, 'in-flight': 5, acks: -1, ...large1K },
    touchesMemory: true,
    figures: [
      ['MB/s', { atLeast: 1.3, orOfClient: 0.9 }],
      ['CPU s/GB', { atMost: 0.4 }],
    ],
  },
  {
    name: 'produce-100b',
    title: 'produce 100 B, acks=1, large batches',
    command: 'produce',
    partitions: 4,
    flags: { connections: 2, 'in-flight': 5, acks: 1, idempotent: false, ...large100 },
    touchesMemory: true,
    figures: [
      ['MB/s', { atLeast: 1.1, orOfClient: 0.9 }],
      ['CPU s/GB', { atMost: 0.5 }],
    ],
  },
  {
    name: 'produce-100b-times',
    title: 'produce 100 B with times of their own (CreateTime)',
    command: 'produce',
    partitions: 4,
    flags: { connections: 2, 'in-flight': 5, acks: -1 },
    batch: { compression: 'none', records: 9000, valueBytes: 100 },
    touchesMemory: true,
    figures: [
      ['MB/s', { atLeast: 1.1, orOfClient: 0.9 }],
      ['CPU s/GB', { atMost: 0.6 }],
    ],
  },
  ...(['lz4', 'zstd'] as const).map((compression): Workload => ({
    name: `produce-${compression}`,
    title: `produce 1 KB, 64 to a batch, compressed with ${compression}`,
    command: 'produce',
    partitions: 4,
    flags: { connections: 2, 'in-flight': 5, acks: -1 },
    batch: { compression, records: 64, valueBytes: 1024 },
    figures: [
      ['MB/s', { atLeast: 1.1, orOfClient: 0.9 }],
      ['CPU s/GB', { atMost: 0.6 }],
    ],
  })),
  {
    name: 'produce-small',
    title: 'produce, batches of ten 100 B records',
    command: 'produce',
    partitions: 4,
    flags: { connections: 4, 'in-flight': 5, acks: -1, 'record-bytes': 100, 'batch-records': 10 },
    figures: [
      ['requests/s', { atLeast: 2 }],
      ['CPU µs/request', { atMost: 0.4 }],
    ],
  },
  {
    name: 'fetch-1',
    title: 'fetch 1 KB from the page cache, 1 partition',
    command: 'fetch',
    partitions: 1,
    flags: {},
    fillBytes: { full: 1e9, quick: 3e8 },
    figures: [
      ['MB/s', { atLeast: 1 }],
      ['CPU s/GB', { atMost: 1.2 }],
    ],
  },
  {
    name: 'fetch-100',
    title: 'fetch 1 KB from the page cache, 100 partitions',
    command: 'fetch',
    partitions: 100,
    flags: {},
    fillBytes: { full: 1e9, quick: 3e8 },
    figures: [
      ['MB/s', { atLeast: 1 }],
      ['CPU s/GB', { atMost: 1.2 }],
    ],
  },
  {
    name: 'tail-20',
    title: '20 consumers at the tail of one partition',
    command: 'tail',
    partitions: 1,
    flags: { consumers: 20, rate: 20_000, 'record-bytes': 1024, 'batch-records': 64 },
    figures: [
      ['MB/s', null],
      ['CPU s/GB', { atMost: 1 }],
    ],
  },
  {
    name: 'latency',
    title: 'end-to-end latency, acks=all, linger 0, one record at a time',
    command: 'round-trip',
    partitions: 1,
    flags: { acks: -1, 'record-bytes': 100 },
    figures: [
      ['p50 ms', { atMost: 0.5 }],
      ['p99 ms', { atMost: 0.5 }],
      ['CPU µs/record', null],
    ],
  },
  {
    name: 'latency-20k',
    title: 'latency at 20,000 records/s of 100 B, acks=all, linger 0',
    command: 'paced',
    partitions: 1,
    flags: { acks: -1, rate: 20_000, 'record-bytes': 100, 'in-flight': 5 },
    figures: [
      ['p99 ms', { atMost: 0.3 }],
      ['p99.9 ms', null],
      ['CPU µs/record', null],
    ],
  },
  {
    name: 'connections-1000',
    title: '1,000 connections, one record each in turn',
    command: 'produce',
    partitions: 10,
    flags: {
      connections: 1000,
      'in-flight': 1,
      acks: -1,
      'record-bytes': 100,
      'batch-records': 1,
    },
    figures: [
      ['requests/s', { atLeast: 1.5 }],
      ['p99 ms', { atMost: 0.5 }],
      ['CPU µs/request', null],
    ],
  },
  {
    name: 'transactions',
    title: '20 producers, transactions of ten records',
    command: 'transact',
    partitions: 10,
    flags: { connections: 20, ...smallTransactions },
    figures: [
      ['transactions/s', { atLeast: 1.5 }],
      ['commit p50 ms', null],
      ['commit p99 ms', { atMost: 0.5 }],
      ['CPU µs/transaction', { atMost: 0.5 }],
      ['retries/transaction', null],
    ],
  },
  {
    name: 'transactions-paced',
    title: '20 producers, together 500 transactions a second',
    command: 'transact-paced',
    partitions: 10,
    flags: { connections: 20, rate: 5000, ...smallTransactions },
    figures: [
      ['transactions/s', null],
      ['commit p50 ms', null],
      ['commit p99 ms', { atMost: 0.5 }],
      ['CPU µs/transaction', { atMost: 0.5 }],
    ],
  },
  {
    name: 'committed',
    title: 'a read_committed consumer behind 100 transactional producers',
    command: 'committed',
    partitions: 10,
    // Each producer begins ten transactions a second, and is in one half of the time.
    flags: { connections: 100, rate: 10_000, pause: '50ms', ...smallTransactions },
    figures: [
      // The consumer gets what is written, or is behind.
      ['records/s', { atLeast: 1, orOfClient: 0.98 }],
      ['commit to arrival, p50 ms', null],
      ['commit to arrival, p99 ms', null],
      ['CPU µs/record', null],
    ],
  },
  {
    name: 'produce-tls',
    title: 'produce 1 KB over TLS, acks=all, large batches',
    command: 'produce',
    partitions: 4,
    flags: { connections: 2, 'in-flight': 5, acks: -1, ...large1K },
    touchesMemory: true,
    hasTls: true,
    figures: [
      ['MB/s', { atLeast: 1, orOfClient: 0.9 }],
      ['CPU s/GB', { atMost: 1 }],
    ],
  },
  {
    name: 'produce-small-tls',
    title: 'produce over TLS, batches of ten 100 B records',
    command: 'produce',
    partitions: 4,
    flags: { connections: 4, 'in-flight': 5, acks: -1, 'record-bytes': 100, 'batch-records': 10 },
    hasTls: true,
    figures: [
      ['requests/s', { atLeast: 1 }],
      ['CPU µs/request', { atMost: 1 }],
    ],
  },
  {
    name: 'fetch-tls',
    title: 'fetch 1 KB over TLS from the page cache, 1 partition',
    command: 'fetch',
    partitions: 1,
    flags: {},
    fillBytes: { full: 1e9, quick: 3e8 },
    hasTls: true,
    figures: [
      ['MB/s', { atLeast: 1, orOfClient: 0.9 }],
      ['CPU s/GB', { atMost: 1 }],
    ],
  },
]
