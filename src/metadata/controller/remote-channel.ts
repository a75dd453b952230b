import type { ErrorName } from '../../../protocol/errors.ts'
import { AllocateProducerIds } from '../../../protocol/messages/allocate-producer-ids.ts'
import { AlterConfigs } from '../../../protocol/messages/alter-configs.ts'
import { AlterPartition } from '../../../protocol/messages/alter-partition.ts'
import { AssignReplicasToDirs } from '../../../protocol/messages/assign-replicas-to-dirs.ts'
import { BrokerHeartbeat } from '../../../protocol/messages/broker-heartbeat.ts'
import { BrokerRegistration } from '../../../protocol/messages/broker-registration.ts'
import { CreateTopics } from '../../../protocol/messages/create-topics.ts'
import { IncrementalAlterConfigs } from '../../../protocol/messages/incremental-alter-configs.ts'
import { ShardError } from '../../machine/runtime.ts'
import type { ControllerLink } from '../../peer/controller-link.ts'
import { ControllerLinkError } from '../../peer/controller-link.ts'
import { EnvelopeError } from '../../peer/enveloped.ts'
import type { EnvelopeSender } from '../../peer/enveloped.ts'
import { PeerError } from '../../peer/errors.ts'
import type { ControllerChannel } from './channel.ts'
import type { ControllerCommand, ControllerCommands, ReplyTo } from './commands.ts'

/** A client waits for its producer id meanwhile, and asks again when it is told that there is none yet. */
const PRODUCER_IDS_TIMEOUT_MS = 5_000
const UNKNOWN_EPOCH = -1

type Command<Type extends keyof ControllerCommands> = ControllerCommands[Type]['command']
type Reply<Type extends keyof ControllerCommands> = Promise<ControllerCommands[Type]['reply']>

export interface RemoteChannelOptions {
  /** For registrations and heartbeats, which nothing large may delay. */
  readonly lifecycle: ControllerLink
  readonly directories: ControllerLink
  /** For who is in sync, which acknowledgements wait for. */
  readonly partitions: ControllerLink
  /** For all else. */
  readonly others: ControllerLink
  /** How long what a broker says of its life may take: it says it again then. */
  readonly heartbeatTimeoutMs: number
  /** `request.timeout.ms` */
  readonly requestTimeoutMs: number
}

/**
 * The way to an active controller in another process: what a broker wants of it in its own name, as requests of Kafka's
 * protocol. What its clients want goes in theirs (KIP-590): as it came, but for settings, which the broker has looked at
 * before, and topics that are made because a client has named them.
 */
export class RemoteControllerChannel implements ControllerChannel {
  readonly #options: RemoteChannelOptions

  constructor(options: RemoteChannelOptions) {
    this.#options = options
  }

  /** @param sender the client in whose name topics are made and settings altered; null for this broker's own */
  async submit<C extends ControllerCommand>(
    command: C,
    sender: EnvelopeSender | null = null,
  ): Promise<ReplyTo<C>> {
    try {
      return (await this.#ask(command, sender)) as ReplyTo<C>
    } catch (error) {
      throw asShardError(error)
    }
  }

  #ask(
    command: ControllerCommand,
    sender: EnvelopeSender | null,
  ): Reply<ControllerCommand['type']> {
    switch (command.type) {
      case 'registerBroker':
        return this.#registerBroker(command)
      case 'brokerHeartbeat':
        return this.#brokerHeartbeat(command)
      case 'assignReplicasToDirs':
        return this.#assignReplicasToDirs(command)
      case 'alterPartition':
        return this.#alterPartition(command)
      case 'allocateProducerIds':
        return this.#allocateProducerIds(command)
      case 'createTopics':
        return this.#createTopics(command, sender)
      case 'alterConfigs':
        return this.#alterConfigs(command, sender)
      case 'incrementalAlterConfigs':
        return this.#incrementalAlterConfigs(command, sender)
      default:
        // A client's request that was to be decided here, and this node is the controller no longer.
        return Promise.reject(new ShardError('ERR_SHARD_LOST', 'This node is not the controller'))
    }
  }

  async #registerBroker({
    endPoints,
    ...rest
  }: Command<'registerBroker'>): Reply<'registerBroker'> {
    const { lifecycle, heartbeatTimeoutMs: timeoutMs } = this.#options
    const previousBrokerEpoch = rest.previousBrokerEpoch ?? UNKNOWN_EPOCH
    const body = { ...rest, listeners: endPoints, previousBrokerEpoch }
    return told(await lifecycle.ask(BrokerRegistration, body, { timeoutMs, isElsewhere }))
  }

  async #brokerHeartbeat(command: Command<'brokerHeartbeat'>): Reply<'brokerHeartbeat'> {
    const { lifecycle, heartbeatTimeoutMs: timeoutMs } = this.#options
    return told(await lifecycle.ask(BrokerHeartbeat, command, { timeoutMs, isElsewhere }))
  }

  async #assignReplicasToDirs(
    command: Command<'assignReplicasToDirs'>,
  ): Reply<'assignReplicasToDirs'> {
    const { directories, requestTimeoutMs: timeoutMs } = this.#options
    return told(await directories.ask(AssignReplicasToDirs, command, { timeoutMs, isElsewhere }))
  }

  async #alterPartition({
    topics,
    ...identity
  }: Command<'alterPartition'>): Reply<'alterPartition'> {
    const { partitions: link, requestTimeoutMs: timeoutMs } = this.#options
    const body = {
      ...identity,
      topics: topics.map(({ topicId, partitions }) => ({
        topicId,
        partitions: partitions.map(({ newIsr: newIsrWithEpochs, ...partition }) => ({
          ...partition,
          newIsr: newIsrWithEpochs.map(({ brokerId }) => brokerId),
          newIsrWithEpochs,
        })),
      })),
    }
    return told(await link.ask(AlterPartition, body, { timeoutMs, isElsewhere }))
  }

  async #allocateProducerIds(
    command: Command<'allocateProducerIds'>,
  ): Reply<'allocateProducerIds'> {
    const options = { timeoutMs: PRODUCER_IDS_TIMEOUT_MS, isElsewhere }
    return told(await this.#options.others.ask(AllocateProducerIds, command, options))
  }

  async #createTopics(
    { topics, validateOnly }: Command<'createTopics'>,
    sender: EnvelopeSender | null,
  ): Reply<'createTopics'> {
    const { others, requestTimeoutMs: timeoutMs } = this.#options
    const body = { topics, timeoutMs, validateOnly }
    const answer = await others.ask(CreateTopics, body, {
      timeoutMs,
      isElsewhere: (answered) => answered.topics.some(isElsewhere),
      sender,
    })
    return answer.topics
  }

  async #alterConfigs(
    command: Command<'alterConfigs'>,
    sender: EnvelopeSender | null,
  ): Reply<'alterConfigs'> {
    const { others, requestTimeoutMs: timeoutMs } = this.#options
    const { responses } = await others.ask(AlterConfigs, command, {
      timeoutMs,
      isElsewhere: (answer) => answer.responses.some(isElsewhere),
      sender,
    })
    return responses
  }

  async #incrementalAlterConfigs(
    command: Command<'incrementalAlterConfigs'>,
    sender: EnvelopeSender | null,
  ): Reply<'incrementalAlterConfigs'> {
    const { others, requestTimeoutMs: timeoutMs } = this.#options
    const { responses } = await others.ask(IncrementalAlterConfigs, command, {
      timeoutMs,
      isElsewhere: (answer) => answer.responses.some(isElsewhere),
      sender,
    })
    return responses
  }
}

/** Whether who has answered isn't the active controller. */
function isElsewhere({ errorCode }: { readonly errorCode: ErrorName }): boolean {
  return errorCode === 'NOT_CONTROLLER'
}

/** These requests' answers have no room for the error's text. */
function told<Answer extends object>(answer: Answer): Answer & { readonly errorMessage: null } {
  return { ...answer, errorMessage: null }
}

/** As whoever asks through a channel knows it. */
function asShardError(error: unknown): unknown {
  if (error instanceof ControllerLinkError) {
    const code = error.code === 'NOT_SENT' ? 'ERR_SHARD_LOST' : 'ERR_COMMIT_TIMEOUT'
    return new ShardError(code, error.message, error.cause)
  }
  // A controller that knows nothing of what this broker asks, or doesn't trust it to speak for its clients.
  if (error instanceof PeerError || error instanceof EnvelopeError)
    return new ShardError('ERR_SHARD_LOST', error.message, error)
  return error
}
