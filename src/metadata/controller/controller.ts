import assert from 'node:assert/strict'
import type { Alarm, Decision, DecisionContext, Machine } from '../../machine/machine.ts'
import { atOnce } from '../../machine/steps.ts'
import type { Steps } from '../../machine/steps.ts'
import { createAcls, deleteAcls } from './acl-commands.ts'
import { AclContents } from './acl-contents.ts'
import { alterPartition } from './alter-partition-commands.ts'
import { allocateProducerIds, registerBroker, unregisterBroker } from './broker-commands.ts'
import type { ControllerCommand, ControllerReply } from './commands.ts'
import { alterConfigs, incrementalAlterConfigs } from './config-commands.ts'
import { registerController, unregisterController } from './controller-commands.ts'
import { assignReplicasToDirs } from './directory-commands.ts'
import { electLeaders } from './election-commands.ts'
import type { MetadataFact } from '../facts.ts'
import { abortFact, beginFact, endFact, MAX_RECORDS_PER_OPERATION } from '../facts.ts'
import { updateFeatures } from './feature-commands.ts'
import { randomId } from '../ids.ts'
import { ImageBuilder } from '../image-builder.ts'
import type { MetadataImage } from '../image.ts'
import type { ControllerSettings, ControllerView } from './view.ts'
import { brokerHeartbeat, firstSessions, sessionExpired } from './heartbeat-commands.ts'
import { IDLE_ALARM, idleAlarm, idleRecord } from './idle-record.ts'
import { PartitionIndex } from './partition/partition-index.ts'
import {
  balanceLeaders,
  electUncleanLeaders,
  firstLooks,
  PREFERRED_ALARM,
  UNCLEAN_ALARM,
} from './leader-balance.ts'
import { awaitedOver, isAwaitedAlarm, fenceDeadBroker, suspectBroker } from './evidence-commands.ts'
import { isVolatileFact } from './sessions.ts'
import type { BrokerSession, ControllerFact, EarlyFences, VolatileFact } from './sessions.ts'
import { alterPartitionReassignments } from './reassignment-commands.ts'
import { alterClientQuotas } from './quota-commands.ts'
import { alterUserScramCredentials } from './scram-commands.ts'
import {
  createDelegationToken,
  expireDelegationToken,
  removeExpiredTokens,
  renewDelegationToken,
  tokensAlarm,
  TOKENS_ALARM,
} from './token-commands.ts'
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
  /** Of the image; null before it is first needed. */
  #partitions: PartitionIndex | null = null
  /** Where the metadata transaction began whose records are applied; null outside of one. */
  #transactionOffset: number | null = null
  readonly #sessions = new Map<number, BrokerSession>()
  readonly #earlyFences = new Map<number, EarlyFences>()
  /** Topics with '.' or '_' by their collision key; made when first needed. */
  #collisions: Map<string, Set<string>> | null = null
  readonly #acls = new AclContents(() => this.image)

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
    context: DecisionContext<ControllerSettings>,
  ): Decision<ControllerFact, Reply> {
    return atOnce(this.decideInSteps(command, context))
  }

  *decideInSteps(
    command: Command | Alarm,
    { ticket, now, nextOffset, settings }: DecisionContext<ControllerSettings>,
  ): Steps<Decision<ControllerFact, Reply>> {
    this.#partitions ??= yield* PartitionIndex.of(this.image)
    const view = this.#view(settings, this.#partitions, now, nextOffset)
    if ('alarm' in command) {
      const { facts = [], ...rest } = yield* alarmed(view, command.alarm)
      return { ...rest, ...asOne(facts, command.alarm) }
    }
    const { facts, alarms = [], reply } = yield* answer(view, command)
    return { ...asOne(facts, command.type), alarms, replies: [{ ticket, reply }] }
  }

  #view(
    settings: ControllerSettings,
    partitions: PartitionIndex,
    now: number,
    nextOffset: number,
  ): ControllerView {
    return {
      ...settings,
      image: this.image,
      partitions,
      nextOffset,
      now,
      sessions: this.#sessions,
      earlyFences: this.#earlyFences,
      awaited: awaitedAt(this.#earlyFences, now),
      newId: () => randomId(settings.random),
      topicLike: (key) => this.#topicLike(key),
      hasAcl: (content) => this.#acls.has(content),
    }
  }

  /** What is known of brokers' lives is in no record. */
  isVolatile(fact: ControllerFact): boolean {
    return isVolatileFact(fact)
  }

  #topicLike(key: string): string | undefined {
    if (this.#collisions === null) {
      this.#collisions = new Map()
      for (const name of this.image.topics.byName.keys()) this.#noteName(name)
    }
    return this.#collisions.get(key)?.values().next().value
  }

  apply(fact: ControllerFact, offset: number): void {
    if (isVolatileFact(fact)) return this.#note(fact)
    if (fact.type === 'RegisterBrokerRecord') this.#checkEpoch(fact.value, offset)
    this.#nextOffset = offset + 1
    switch (fact.type) {
      // What opens and closes a transaction changes nothing; what is between stands for itself here, where it can't fail.
      case 'BeginTransactionRecord':
        this.#transactionOffset = offset
        return
      case 'EndTransactionRecord':
      case 'AbortTransactionRecord':
        this.#transactionOffset = null
        return
      case 'NoOpRecord':
        return
    }
    if (this.#collisions !== null) this.#noteCollisions(fact)
    this.#acls.note(fact)
    this.#partitions ??= atOnce(PartitionIndex.of(this.image))
    this.#builder ??= new ImageBuilder(this.#image)
    applyRecord(this.#builder, this.#partitions, fact)
  }

  #note(fact: VolatileFact): void {
    const { brokerId } = fact
    if (fact.type === 'EarlyFences') this.#earlyFences.set(brokerId, fact.fences)
    else if (fact.session === null) this.#sessions.delete(brokerId)
    else this.#sessions.set(brokerId, fact.session)
  }

  #checkEpoch({ brokerId, incarnationId, brokerEpoch }: Registration, offset: number): void {
    const before = this.image.brokers.get(brokerId)
    const begins = this.#transactionOffset ?? offset
    const expected = before?.incarnationId === incarnationId ? before.epoch : begins
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

const NOBODY: ReadonlySet<number> = new Set()

function awaitedAt(fences: ReadonlyMap<number, EarlyFences>, now: number): ReadonlySet<number> {
  if (fences.size === 0) return NOBODY
  const awaited = new Set<number>()
  for (const [id, { awaitedUntil }] of fences) if (awaitedUntil > now) awaited.add(id)
  return awaited
}

/** Applies a record to the image, and to the index of its partitions. */
function applyRecord(builder: ImageBuilder, partitions: PartitionIndex, fact: MetadataFact): void {
  switch (fact.type) {
    case 'PartitionRecord':
    case 'PartitionChangeRecord': {
      const { topicId, partitionId: index } = fact.value
      const before = builder.topic(topicId)?.partitions[index] ?? null
      builder.apply(fact)
      const after = builder.topic(topicId)!.partitions[index]!
      return partitions.changed({ topicId, index }, before, after)
    }
    case 'RemoveTopicRecord': {
      const topic = builder.topic(fact.value.topicId)
      builder.apply(fact)
      return partitions.removed(topic!)
    }
    default:
      return builder.apply(fact)
  }
}

function* alarmed(view: ControllerView, alarm: string): Steps<Decision<ControllerFact, Reply>> {
  switch (alarm) {
    case PREFERRED_ALARM:
      return balanceLeaders(view)
    case UNCLEAN_ALARM:
      return electUncleanLeaders(view)
    case IDLE_ALARM:
      return idleRecord(view)
    case TOKENS_ALARM:
      return removeExpiredTokens(view)
    default:
      return yield* isAwaitedAlarm(alarm) ? awaitedOver(view, alarm) : sessionExpired(view, alarm)
  }
}

/**
 * [KIP-868] What is more than any client may ask for at once becomes a metadata transaction, which may go into several
 * batches: a broker with hundreds of thousands of partitions is fenced as a whole or not at all.
 */
function asOne(
  facts: readonly ControllerFact[],
  name: string,
): Pick<Decision<ControllerFact, Reply>, 'facts' | 'isDivisible'> {
  if (facts.length <= MAX_RECORDS_PER_OPERATION) return { facts }
  const one: ControllerFact[] = [beginFact(name)]
  for (const fact of facts) one.push(fact)
  one.push(endFact)
  return { facts: one, isDivisible: true }
}

function* answer(
  view: ControllerView,
  command: Command,
): Steps<{ facts: ControllerFact[]; alarms?: Alarms; reply: Reply }> {
  switch (command.type) {
    case 'createTopics':
      return createTopics(view, command)
    case 'deleteTopics':
      return deleteTopics(view, command)
    case 'createPartitions':
      return createPartitions(view, command)
    case 'incrementalAlterConfigs':
      return incrementalAlterConfigs(view, command.resources, command.validateOnly)
    case 'alterConfigs':
      return alterConfigs(view, command.resources, command.validateOnly)
    case 'registerBroker':
      return yield* registerBroker(view, command)
    case 'unregisterBroker':
      return yield* unregisterBroker(view, command.brokerId)
    case 'registerController':
      return registerController(command)
    case 'unregisterController':
      return unregisterController(view, command.controllerId)
    case 'createAcls':
      return createAcls(view, command.acls)
    case 'deleteAcls':
      return yield* deleteAcls(view, command.filters)
    case 'allocateProducerIds':
      return allocateProducerIds(view, command)
    case 'alterPartition':
      return alterPartition(view, command)
    case 'alterPartitionReassignments':
      return alterPartitionReassignments(view, command)
    case 'electLeaders':
      return yield* electLeaders(view, command)
    case 'assignReplicasToDirs':
      return assignReplicasToDirs(view, command)
    case 'brokerHeartbeat':
      return yield* brokerHeartbeat(view, command)
    case 'suspectBroker':
      return suspectBroker(view, command)
    case 'fenceDeadBroker':
      return yield* fenceDeadBroker(view, command)
    case 'alterClientQuotas':
      return alterClientQuotas(view, command)
    case 'alterUserScramCredentials':
      return alterUserScramCredentials(view, command)
    case 'createDelegationToken':
      return createDelegationToken(view, command)
    case 'renewDelegationToken':
      return renewDelegationToken(view, command)
    case 'expireDelegationToken':
      return expireDelegationToken(view, command)
    case 'updateFeatures':
      return updateFeatures(view, command)
    case 'changeVoters':
      return assert.fail('who votes is decided by the quorum')
    case 'activate': {
      const { facts: sessions, alarms } = firstSessions(view)
      const facts: ControllerFact[] = [...command.bootstrap, ...sessions]
      if (command.openTransaction) facts.unshift(abortFact('The controller changed'))
      const later = [...idleAlarm(view), ...tokensAlarm(view), ...firstLooks(view)]
      return { facts, alarms: [...alarms, ...later], reply: null }
    }
  }
}
