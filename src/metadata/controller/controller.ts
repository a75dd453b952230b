import assert from 'node:assert/strict'
import type { Alarm, Decision, DecisionContext, Machine } from '../../machine/machine.ts'
import { allocateProducerIds, registerBroker, unregisterBroker } from './broker-commands.ts'
import type { ControllerCommand, ControllerReply } from './commands.ts'
import { alterConfigs, incrementalAlterConfigs } from './config-commands.ts'
import { registerController, unregisterController } from './controller-commands.ts'
import { assignReplicasToDirs } from './directory-commands.ts'
import { electLeaders } from './election-commands.ts'
import type { MetadataFact } from '../facts.ts'
import { abortFact } from '../facts.ts'
import { updateFeatures } from './feature-commands.ts'
import { randomId } from '../ids.ts'
import { ImageBuilder } from '../image-builder.ts'
import type { MetadataImage } from '../image.ts'
import type { ControllerSettings, ControllerView } from './view.ts'
import { brokerHeartbeat, firstSessions, sessionExpired } from './heartbeat-commands.ts'
import { isSessionFact } from './sessions.ts'
import type { BrokerSession, ControllerFact } from './sessions.ts'
import { alterPartitionReassignments } from './reassignment-commands.ts'
import { createPartitions, createTopics, deleteTopics } from './topic-commands.ts'
import { collisionKey } from '../topic-names.ts'

/** What the controller says by itself when it takes office: the first records of a cluster, or the end of what broke off. */
export interface ActivateCommand {
  readonly type: 'activate'
  /** For an empty log, those of `bootstrap.checkpoint`. */
  readonly bootstrap: readonly MetadataFact[]
  /** The log ends within a metadata transaction. */
  readonly openTransaction: boolean
}
export type Command = ControllerCommand | ActivateCommand
export type Reply = ControllerReply | null

type Registration = Extract<MetadataFact, { type: 'RegisterBrokerRecord' }>['value']
type Alarms = Decision<never, never>['alarms']

/**
 * The controller: commands in, metadata records as facts. Its state is an image that is ahead of the committed one by
 * what is being written.
 */
export class Controller implements Machine<
  Command,
  ControllerFact,
  Reply,
  never,
  ControllerSettings
> {
  #image: MetadataImage
  #builder: ImageBuilder | null = null
  #nextOffset: number
  readonly #sessions = new Map<number, BrokerSession>()
  /** Topics with '.' or '_' by their collision key; made when first needed. */
  #collisions: Map<string, Set<string>> | null = null

  /** @param nextOffset of the log, where all before is in the image */
  constructor(image: MetadataImage, nextOffset: number) {
    this.#image = image
    this.#nextOffset = nextOffset
  }

  get image(): MetadataImage {
    if (this.#builder !== null) {
      this.#image = this.#builder.build(this.#nextOffset - 1, this.#image.epoch).image
      this.#builder = null
    }
    return this.#image
  }

  /** After the last fact; the quorum's own records, which are none of the controller's, may stand there. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  decide(
    command: Command | Alarm,
    { ticket, now, nextOffset, settings }: DecisionContext<ControllerSettings>,
  ): Decision<ControllerFact, Reply> {
    const view = this.#view(settings, now, nextOffset)
    if ('alarm' in command) return sessionExpired(view, command.alarm)
    const { facts, alarms = [], reply } = answer(view, command)
    return { facts, alarms, replies: [{ ticket, reply }] }
  }

  #view(settings: ControllerSettings, now: number, nextOffset: number): ControllerView {
    return {
      ...settings,
      image: this.image,
      nextOffset,
      now,
      sessions: this.#sessions,
      newId: () => randomId(settings.random),
      topicLike: (key) => this.#topicLike(key),
    }
  }

  /** What is known of brokers' lives is in no record. */
  isVolatile(fact: ControllerFact): boolean {
    return isSessionFact(fact)
  }

  #topicLike(key: string): string | undefined {
    if (this.#collisions === null) {
      this.#collisions = new Map()
      for (const name of this.image.topics.byName.keys()) this.#noteName(name)
    }
    return this.#collisions.get(key)?.values().next().value
  }

  apply(fact: ControllerFact, offset: number): void {
    if (isSessionFact(fact)) {
      if (fact.session === null) this.#sessions.delete(fact.brokerId)
      else this.#sessions.set(fact.brokerId, fact.session)
      return
    }
    if (fact.type === 'RegisterBrokerRecord') this.#checkEpoch(fact.value, offset)
    this.#nextOffset = offset + 1
    // What opens and closes a transaction changes nothing; what is between stands for itself here, where it can't fail.
    if (/^(Begin|End|Abort)TransactionRecord$/.test(fact.type)) return
    if (this.#collisions !== null) this.#noteCollisions(fact)
    this.#builder ??= new ImageBuilder(this.#image)
    this.#builder.apply(fact)
  }

  #checkEpoch({ brokerId, incarnationId, brokerEpoch }: Registration, offset: number): void {
    const before = this.image.brokers.get(brokerId)
    const expected = before?.incarnationId === incarnationId ? before.epoch : offset
    assert.equal(brokerEpoch, expected, "a broker's epoch is its first registration's offset")
  }

  #noteCollisions(fact: MetadataFact): void {
    if (fact.type === 'TopicRecord') this.#noteName(fact.value.name)
    else if (fact.type === 'RemoveTopicRecord') {
      const name = this.image.topics.byId.get(fact.value.topicId)?.name
      const key = name === undefined ? null : collisionKey(name)
      if (key !== null) this.#collisions!.get(key)?.delete(name!)
    }
  }

  #noteName(name: string): void {
    const key = collisionKey(name)
    if (key === null) return
    const names = this.#collisions!.get(key)
    if (names === undefined) this.#collisions!.set(key, new Set([name]))
    else names.add(name)
  }
}

function answer(
  view: ControllerView,
  command: Command,
): { facts: ControllerFact[]; alarms?: Alarms; reply: Reply } {
  switch (command.type) {
    case 'createTopics':
      return createTopics(view, command.topics, command.validateOnly)
    case 'deleteTopics':
      return deleteTopics(view, command.topics)
    case 'createPartitions':
      return createPartitions(view, command.topics, command.validateOnly)
    case 'incrementalAlterConfigs':
      return incrementalAlterConfigs(view, command.resources, command.validateOnly)
    case 'alterConfigs':
      return alterConfigs(view, command.resources, command.validateOnly)
    case 'registerBroker':
      return registerBroker(view, command)
    case 'unregisterBroker':
      return unregisterBroker(view, command.brokerId)
    case 'registerController':
      return registerController(command)
    case 'unregisterController':
      return unregisterController(view, command.controllerId)
    case 'allocateProducerIds':
      return allocateProducerIds(view, command)
    case 'alterPartitionReassignments':
      return alterPartitionReassignments(view, command)
    case 'electLeaders':
      return electLeaders(view, command)
    case 'assignReplicasToDirs':
      return assignReplicasToDirs(view, command)
    case 'brokerHeartbeat':
      return brokerHeartbeat(view, command)
    case 'updateFeatures':
      return updateFeatures(view, command)
    case 'changeVoters':
      return assert.fail('who votes is decided by the quorum')
    case 'activate': {
      const { facts: sessions, alarms } = firstSessions(view)
      const facts: ControllerFact[] = [...command.bootstrap, ...sessions]
      if (command.openTransaction) facts.unshift(abortFact('The controller changed'))
      return { facts, alarms, reply: null }
    }
  }
}
