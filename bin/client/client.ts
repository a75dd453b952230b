import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import type { Api, Decoded, Encoded, ReceivedResponse, Shape } from '../../protocol/schema.ts'
import { systemClock } from '../../src/host/clock.ts'
import type { Host, Logger } from '../../src/host/host.ts'
import { tcpNetwork } from '../../src/host/network.ts'
import { formatAddress, type Address } from '../../src/host/address.ts'
import { Connection, type RequestOptions } from '../../src/peer/connection.ts'
import { IN_THE_CLEAR, type PeerHost, type PeerSecurity } from '../../src/peer/security.ts'
import { BrokerError, ClientError, isRetriable, throwUnlessNone } from './errors.ts'

export interface ClientOptions {
  /** Names the client in the broker's logs and quotas; `ottla` unless told otherwise. */
  readonly clientId?: string
  readonly connectTimeoutMs?: number
  /** How long a single answer may take, and how long retriable errors are tried again. */
  readonly requestTimeoutMs?: number
  /** The machine's own network and clock unless told otherwise. */
  readonly host?: Pick<Host, 'clock' | 'network'>
  /** As the listeners of the cluster demand it; by default they are PLAINTEXT. */
  readonly security?: PeerSecurity
}

export interface NodeRequestOptions extends RequestOptions {
  /** The id of the broker to ask; any broker unless told otherwise. */
  readonly node?: number
}

export interface RetryOptions {
  /** In place of the request time-out. */
  readonly timeoutMs?: number
  /** In place of Kafka's own view of its errors. */
  readonly isRetriable?: (error: unknown) => boolean
  /** Forgets what may be out of date. */
  readonly beforeRetry?: () => void
}

export type ClusterMetadata = ReceivedResponse<typeof Metadata>
export type TopicMetadata = ClusterMetadata['topics'][number]
export type PartitionMetadata = TopicMetadata['partitions'][number]
export type CoordinatorKind = 'group' | 'transaction'

/** What DescribeCluster lists. */
const CONTROLLERS = 2

const FIRST_BACKOFF_MS = 50
const LONGEST_BACKOFF_MS = 1000

/** Connects to a broker and learns who else is in its cluster. Throws PeerError. */
export function connect(host: string, port: number, options: ClientOptions = {}): Promise<Client> {
  return connectToAny([{ host, port }], options)
}

/** Connects to the first of several brokers that can be reached; throws the last one's PeerError if none can. */
export function connectToAny(
  bootstrap: readonly Address[],
  options: ClientOptions = {},
): Promise<Client> {
  return opened(new Client(bootstrap, options), (client) => client.metadata([]))
}

/** The same with controllers, which know of each other, and of who leads their quorum. */
export function connectToControllers(
  bootstrap: readonly Address[],
  options: ClientOptions = {},
): Promise<Client> {
  return opened(new Client(bootstrap, options), (client) => client.controllers())
}

async function opened(client: Client, ask: (client: Client) => Promise<unknown>): Promise<Client> {
  try {
    await ask(client)
  } catch (error) {
    await client.close()
    throw error
  }
  return client
}

/** A client of a cluster: one connection to each broker it has to do with, opened when first needed. */
export class Client {
  readonly host: PeerHost
  readonly requestTimeoutMs: number
  readonly #bootstrap: readonly Address[]
  readonly #clientId: string
  readonly #connectTimeoutMs: number
  readonly #nodes = new Map<number, Address>()
  /** By address; a promise from the moment that somebody needs it. */
  readonly #connections = new Map<string, Promise<Connection>>()
  #isClosed = false

  /** Connects only with the first request; `connect` is the usual way. */
  constructor(bootstrap: readonly Address[], options: ClientOptions = {}) {
    const { clock, network } = options.host ?? machine()
    this.host = { clock, network, security: options.security ?? IN_THE_CLEAR }
    this.requestTimeoutMs = options.requestTimeoutMs ?? 30_000
    this.#bootstrap = bootstrap
    this.#clientId = options.clientId ?? 'ottla'
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 10_000
  }

  /** Asks a broker in the highest version that both have. Throws PeerError; errors in the answer are the caller's. */
  async request<Q extends Shape, R extends Shape>(
    api: Api<Q, R>,
    body: Encoded<Q>,
    options: NodeRequestOptions = {},
  ): Promise<Decoded<R>> {
    const connection = await this.connection(options.node)
    return connection.request(api, body, options)
  }

  /** A connection to a broker, or to any. */
  async connection(node?: number): Promise<Connection> {
    if (node === undefined) return this.#anyConnection()
    const address = this.#nodes.get(node)
    if (address === undefined) {
      throw new BrokerError('BROKER_NOT_AVAILABLE', `Broker ${node}`, 'not in the cluster')
    }
    return this.#connectionTo(address)
  }

  /** The brokers known by now: by the last `metadata`; or the controllers, by the last `controllers`. */
  get nodes(): ReadonlyMap<number, Address> {
    return this.#nodes
  }

  /**
   * Asks for the cluster and some topics, or all (null); remembers where the brokers are. A topic that doesn't exist has
   * its error in the answer.
   */
  async metadata(
    topics: readonly string[] | null,
    options: { allowAutoTopicCreation?: boolean; node?: number } = {},
  ): Promise<ClusterMetadata> {
    const answer = await this.request(
      Metadata,
      {
        topics: topics === null ? null : topics.map((name) => ({ name })),
        allowAutoTopicCreation: options.allowAutoTopicCreation ?? false,
      },
      options,
    )
    throwUnlessNone(answer.errorCode, 'The metadata of the cluster')
    for (const { nodeId, host, port } of answer.brokers) this.#nodes.set(nodeId, { host, port })
    return answer
  }

  /** Asks a controller who leads the quorum (-1: nobody), and remembers where the controllers are. */
  async controllers(): Promise<{ readonly clusterId: string; readonly controllerId: number }> {
    const { errorCode, errorMessage, clusterId, controllerId, brokers } = await this.request(
      DescribeCluster,
      { includeClusterAuthorizedOperations: false, endpointType: CONTROLLERS },
    )
    throwUnlessNone(errorCode, 'The controllers', errorMessage)
    for (const { brokerId, host, port } of brokers) this.#nodes.set(brokerId, { host, port })
    return { clusterId, controllerId }
  }

  /** Asks the coordinator of a group (or transactional id) and returns its answer; finds it first. */
  async requestCoordinator<Q extends Shape, R extends Shape>(
    key: string,
    api: Api<Q, R>,
    body: Encoded<Q>,
    options: RequestOptions & { kind?: CoordinatorKind } = {},
  ): Promise<Decoded<R>> {
    const node = await this.coordinator(key, options.kind)
    return this.request(api, body, { ...options, node })
  }

  /** The id of the broker that coordinates a group or transactional id; waits while there is none yet. */
  coordinator(key: string, kind: CoordinatorKind = 'group'): Promise<number> {
    return this.retry(async () => {
      const answer = await this.request(FindCoordinator, {
        key,
        keyType: kind === 'group' ? 0 : 1,
        coordinatorKeys: [key],
      })
      // Up to v3 there is one, and its fields stand in the answer itself.
      const found = answer.coordinators[0] ?? answer
      throwUnlessNone(found.errorCode, `The coordinator of ${kind} ${key}`, found.errorMessage)
      this.#nodes.set(found.nodeId, { host: found.host, port: found.port })
      return found.nodeId
    })
  }

  /**
   * Tries until it succeeds, fails with an error that is not retriable, or the request time-out is over; then throws the
   * last error.
   */
  async retry<T>(attempt: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
    const { clock } = this.host
    const deadline = clock.monotonic() + (options.timeoutMs ?? this.requestTimeoutMs)
    const mayRetry = options.isRetriable ?? isRetriable
    for (
      let backoffMs = FIRST_BACKOFF_MS;
      ;
      backoffMs = Math.min(2 * backoffMs, LONGEST_BACKOFF_MS)
    ) {
      try {
        return await attempt()
      } catch (error) {
        if (this.#isClosed || !mayRetry(error) || clock.monotonic() + backoffMs >= deadline) {
          throw error
        }
      }
      await this.sleep(backoffMs)
      options.beforeRetry?.()
    }
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.host.clock.after(delayMs, resolve))
  }

  /** Closes all connections; requests that are not answered fail. */
  async close(): Promise<void> {
    this.#isClosed = true
    const opening = [...this.#connections.values()]
    this.#connections.clear()
    for (const connection of await Promise.allSettled(opening)) {
      if (connection.status === 'fulfilled') connection.value.close()
    }
  }

  /** The first broker given that answers; others of the cluster when none of those does any more. */
  async #anyConnection(): Promise<Connection> {
    const addresses = [...this.#bootstrap, ...this.#nodes.values()]
    let failure: unknown
    for (const address of addresses) {
      try {
        return await this.#connectionTo(address)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  #connectionTo(address: Address): Promise<Connection> {
    if (this.#isClosed) {
      return Promise.reject(new ClientError('CLIENT_CLOSED', 'The client is closed'))
    }
    const key = formatAddress(address)
    const open = (): Promise<Connection> => {
      const opening = Connection.open(this.host, address, {
        clientId: this.#clientId,
        connectTimeoutMs: this.#connectTimeoutMs,
        requestTimeoutMs: this.requestTimeoutMs,
      })
      this.#connections.set(key, opening)
      opening.catch(() => {
        if (this.#connections.get(key) === opening) this.#connections.delete(key)
      })
      return opening
    }
    const existing = this.#connections.get(key)
    if (existing === undefined) return open()
    return existing.then((connection) => {
      if (connection.isOpen) return connection
      // Whoever finds it closed first opens the next; the others share that.
      const current = this.#connections.get(key)
      return current === existing || current === undefined ? open() : current
    })
  }
}

function machine(): Pick<Host, 'clock' | 'network'> {
  const drop = (): void => undefined
  const silent: Logger = { debug: drop, info: drop, warn: drop, error: drop, child: () => silent }
  return { clock: systemClock(), network: tcpNetwork(silent) }
}
