import type { BrokerConfig } from '../config/broker-config.ts'
import type { AskingClient, ControllerAccess, QuorumState } from '../handlers/services.ts'
import type { Host } from '../host/host.ts'
import type { ControllerCommand, ReplyTo } from '../metadata/controller/commands.ts'
import { RemoteControllerChannel } from '../metadata/controller/remote-channel.ts'
import type { MetadataNode } from '../metadata/node.ts'
import { ControllerLink } from '../peer/controller-link.ts'
import type { PeerHost } from '../peer/security.ts'
import { senderOf } from './forwarding.ts'

/** Who was refused or lost asks again after this, as in Kafka. */
const RETRY_BACKOFF_MS = 100

type Metadata = Pick<
  MetadataNode,
  'activeController' | 'onActiveController' | 'isController' | 'submit' | 'describeQuorum'
>

/**
 * A broker's way to the active controller: its own process, where that has the office, else the wire. Each purpose has a
 * connection of its own, with one request at a time.
 */
export class BrokerControllerChannel implements ControllerAccess {
  /** For what clients ask, and what the broker needs for them. */
  readonly forwarding: ControllerLink
  readonly #metadata: Metadata
  readonly #links: readonly ControllerLink[]
  readonly #remote: RemoteControllerChannel

  constructor(host: PeerHost & Pick<Host, 'log'>, config: BrokerConfig, metadata: Metadata) {
    const sessionTimeoutMs = config.get('broker.session.timeout.ms')
    const requestTimeoutMs = config.get('request.timeout.ms')
    const link = (purpose: string, timeoutMs: number): ControllerLink =>
      new ControllerLink({
        host,
        log: host.log.child({ purpose }),
        metadata,
        clientId: String(config.get('node.id')),
        connectTimeoutMs: config.get('socket.connection.setup.timeout.ms'),
        answerTimeoutMs: Math.min(config.get('controller.socket.timeout.ms'), timeoutMs),
        retryBackoffMs: RETRY_BACKOFF_MS,
      })
    const heartbeatTimeoutMs = sessionTimeoutMs / 2
    const lifecycle = link('heartbeat', heartbeatTimeoutMs)
    const directories = link('directory assignments', requestTimeoutMs)
    const partitions = link('partition changes', requestTimeoutMs)
    this.#metadata = metadata
    this.forwarding = link('forwarding', requestTimeoutMs)
    this.#links = [lifecycle, directories, partitions, this.forwarding]
    this.#remote = new RemoteControllerChannel({
      lifecycle,
      directories,
      partitions,
      others: this.forwarding,
      heartbeatTimeoutMs,
      requestTimeoutMs,
    })
  }

  get isController(): boolean {
    return this.#metadata.isController
  }

  submit<C extends ControllerCommand>(command: C, client?: AskingClient): Promise<ReplyTo<C>> {
    if (this.#metadata.isController) return this.#metadata.submit(command)
    return this.#remote.submit(command, client === undefined ? null : senderOf(client))
  }

  describeQuorum(): QuorumState {
    return this.#metadata.describeQuorum()
  }

  /** Requests without an answer fail. */
  close(): void {
    for (const link of this.#links) link.close()
  }
}
