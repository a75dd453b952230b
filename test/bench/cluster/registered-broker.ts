import { randomBytes } from 'node:crypto'
import { BrokerHeartbeat } from '../../../protocol/messages/broker-heartbeat.ts'
import { BrokerRegistration } from '../../../protocol/messages/broker-registration.ts'
import type { Connection } from '../../../src/peer/connection.ts'
import { connect } from './asking.ts'
import { clusterId, type Place } from './nodes.ts'

const heartbeatMs = 1_000
/** It says that it knows all metadata, since it follows none. */
const farAhead = 2 ** 52

const randomUuid = (): string => randomBytes(16).toString('base64url')

/**
 * A broker that is registered with the controller and says that it is alive, and is nothing else: it has no partition, and
 * doesn't follow the metadata.
 */
export class RegisteredBroker {
  readonly id: number
  readonly #connection: Connection
  #epoch = -1
  #isFenced = true
  #timer: NodeJS.Timeout | null = null
  /** Why the controller no longer takes its heartbeats. */
  #failure: Error | null = null

  private constructor(id: number, connection: Connection) {
    this.id = id
    this.#connection = connection
  }

  /** Registers it, and has it serve. */
  static async register(id: number, controller: Place): Promise<RegisteredBroker> {
    const broker = new RegisteredBroker(id, await connect(controller))
    await broker.#register()
    await broker.serve()
    return broker
  }

  async #register(): Promise<void> {
    const { errorCode, brokerEpoch } = await this.#connection.request(BrokerRegistration, {
      brokerId: this.id,
      clusterId,
      incarnationId: randomUuid(),
      listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092, securityProtocol: 0 }],
      // Whatever the controller supports.
      features: this.#connection.apiVersions.supportedFeatures.map((feature) => ({
        name: feature.name,
        minSupportedVersion: feature.minVersion,
        maxSupportedVersion: feature.maxVersion,
      })),
      rack: null,
      logDirs: [randomUuid()],
    })
    if (errorCode !== 'NONE') throw new Error(`broker ${this.id} is not registered: ${errorCode}`)
    this.#epoch = brokerEpoch
    this.#timer = setInterval(() => {
      this.#beat().catch((error: Error) => {
        this.#failure = error
      })
    }, heartbeatMs)
  }

  /** Resolves when the controller has it serve. */
  async serve(): Promise<void> {
    this.#isFenced = false
    if (await this.#beat()) throw new Error(`broker ${this.id} stays fenced`)
  }

  /** Resolves when the controller has fenced it, as it wished. */
  async fence(): Promise<void> {
    this.#isFenced = true
    if (!(await this.#beat())) throw new Error(`broker ${this.id} is not fenced`)
  }

  /** @returns whether it is fenced */
  async #beat(): Promise<boolean> {
    if (this.#failure !== null) throw this.#failure
    const ask = () =>
      this.#connection.request(BrokerHeartbeat, {
        brokerId: this.id,
        brokerEpoch: this.#epoch,
        currentMetadataOffset: farAhead,
        wantFence: this.#isFenced,
        wantShutDown: false,
      })
    let answer = await ask()
    // Apache Kafka's controller gives a heartbeat one second; a broker then asks again.
    while (answer.errorCode === 'REQUEST_TIMED_OUT') answer = await ask()
    if (answer.errorCode !== 'NONE') throw new Error(`broker ${this.id}: ${answer.errorCode}`)
    return answer.isFenced
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#connection.close()
  }
}
