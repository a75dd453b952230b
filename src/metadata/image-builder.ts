import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import { aclIds, aclKey } from './acls.ts'
import type {
  BrokerImage,
  ControllerImage,
  MetadataImage,
  PartitionImage,
  TopicImage,
  Touched,
} from './image.ts'
import { resourceKey, ResourceType } from './image.ts'
import { quotaKey, quotaKeys } from './quotas.ts'
import { scramKey } from './scram.ts'
import { tokenKey } from './tokens.ts'
import { partitionAfter, partitionChangeFact } from './partition-change.ts'

type RecordOf<Type extends MetadataRecord['type']> = Extract<
  MetadataRecord,
  { type: Type }
>['value']

/** A record doesn't fit to what was before it: the log is damaged, or written by something newer. */
export class MetadataError extends Error {
  override readonly name = 'MetadataError'
  readonly code = 'ERR_METADATA'
}

/** Folds records into the image that follows another one. Touches only what the records name. */
export class ImageBuilder {
  readonly #base: MetadataImage
  /** By topic id; null where it was removed. */
  readonly #topics = new Map<string, TopicImage | null>()
  readonly #ids = new Map<string, string | undefined>()
  readonly #configs = new Map<string, Map<string, string>>()
  readonly #others = new Map<string, MetadataRecord | undefined>()
  #brokers: Map<number, BrokerImage> | null = null
  #controllers: Map<number, ControllerImage> | null = null
  #features: Map<string, number> | null = null
  #nextProducerId: number

  constructor(base: MetadataImage) {
    this.#base = base
    this.#nextProducerId = base.nextProducerId
  }

  /**
   * Applies one record; those of transactions must have been taken out before.
   * @throws MetadataError
   */
  apply(record: MetadataRecord): void {
    switch (record.type) {
      case 'TopicRecord':
        return this.#topic(record.value)
      case 'RemoveTopicRecord':
        return this.#removeTopic(record.value.topicId)
      case 'PartitionRecord':
        return this.#partition(record.value)
      case 'PartitionChangeRecord':
        return this.#partitionChange(record.value)
      case 'ClearElrRecord':
        return this.#clearElr(record.value.topicName)
      case 'ConfigRecord':
        return this.#config(record.value)
      case 'ProducerIdsRecord':
        this.#nextProducerId = record.value.nextProducerId
        return
      case 'FeatureLevelRecord':
        this.#features ??= new Map(this.#base.features)
        if (record.value.featureLevel === 0) this.#features.delete(record.value.name)
        else this.#features.set(record.value.name, record.value.featureLevel)
        return
      case 'RegisterControllerRecord': {
        const { controllerId: id, incarnationId, endPoints, features } = record.value
        this.#controllers ??= new Map(this.#base.controllers)
        this.#controllers.set(id, { id, incarnationId, endPoints, features })
        return
      }
      case 'UnregisterControllerRecord':
        this.#controllers ??= new Map(this.#base.controllers)
        this.#controllers.delete(record.value.controllerId)
        return
      case 'NoOpRecord':
      case 'ZkMigrationStateRecord':
        return
      default:
        return this.#brokerRecord(record)
    }
  }

  /** The image with everything applied so far, and what was touched. The builder goes no further. */
  build(offset: number, epoch: number): { image: MetadataImage; touched: Touched } {
    const base = this.#base
    const byId = new Map<string, TopicImage | undefined>()
    for (const [id, topic] of this.#topics) byId.set(id, topic ?? undefined)
    const byName = new Map<string, TopicImage | undefined>()
    for (const [name, id] of this.#ids) {
      byName.set(name, id === undefined ? undefined : (this.topic(id) ?? undefined))
    }
    for (const topic of this.#topics.values()) if (topic !== null) byName.set(topic.name, topic)
    const configs = new Map<string, ReadonlyMap<string, string> | undefined>()
    for (const [key, config] of this.#configs) {
      configs.set(key, config.size === 0 ? undefined : config)
    }
    const image: MetadataImage = {
      offset,
      epoch,
      topics: { byName: base.topics.byName.with(byName), byId: base.topics.byId.with(byId) },
      configs: base.configs.with(configs),
      brokers: this.#brokers ?? base.brokers,
      controllers: this.#controllers ?? base.controllers,
      features: this.#features ?? base.features,
      nextProducerId: this.#nextProducerId,
      others: base.others.with(this.#others),
    }
    return { image, touched: this.#touched() }
  }

  #touched(): Touched {
    return {
      topics: new Set(this.#topics.keys()),
      configs: new Set(this.#configs.keys()),
      brokers: this.#brokers !== null,
      features: this.#features !== null,
      others: this.#others.size > 0,
      acls: new Set(aclIds(this.#others.keys())),
      quotas: new Set(quotaKeys(this.#others.keys())),
    }
  }

  /** A topic with everything applied so far. */
  topic(id: string): TopicImage | null {
    const changed = this.#topics.get(id)
    return changed !== undefined ? changed : (this.#base.topics.byId.get(id) ?? null)
  }

  #requireTopic(id: string): TopicImage {
    const topic = this.topic(id)
    if (topic === null) throw new MetadataError(`A record names the unknown topic ${id}`)
    return topic
  }

  #topic({ name, topicId }: RecordOf<'TopicRecord'>): void {
    this.#topics.set(topicId, { name, id: topicId, partitions: [] })
    this.#ids.set(name, topicId)
  }

  #removeTopic(id: string): void {
    const { name } = this.#requireTopic(id)
    this.#topics.set(id, null)
    const current = this.#ids.has(name)
      ? this.#ids.get(name)
      : this.#base.topics.byName.get(name)?.id
    if (current === id) this.#ids.set(name, undefined)
    const key = resourceKey(ResourceType.TOPIC, name)
    if (this.#configs.has(key) || this.#base.configs.has(key)) this.#configs.set(key, new Map())
  }

  #setPartition(topic: TopicImage, partitionId: number, partition: PartitionImage): void {
    const { isr, replicas } = partition
    for (const id of isr) {
      if (replicas.includes(id)) continue
      const name = `${topic.name}-${partitionId}`
      throw new MetadataError(`Broker ${id} is in sync in ${name}, and is none of its replicas`)
    }
    // The topic's own array is copied at its first change only: a topic of many partitions comes one record each.
    const before = this.#base.topics.byId.get(topic.id)
    if (topic !== before) {
      ;(topic.partitions as PartitionImage[])[partitionId] = partition
      return
    }
    const partitions = topic.partitions.slice()
    partitions[partitionId] = partition
    this.#topics.set(topic.id, { ...topic, partitions })
  }

  #partition(value: RecordOf<'PartitionRecord'>): void {
    this.#setPartition(this.#requireTopic(value.topicId), value.partitionId, {
      replicas: value.replicas,
      directories: value.directories,
      isr: value.isr,
      removingReplicas: value.removingReplicas,
      addingReplicas: value.addingReplicas,
      eligibleLeaderReplicas: value.eligibleLeaderReplicas ?? [],
      lastKnownElr: value.lastKnownElr ?? [],
      leader: value.leader,
      leaderRecoveryState: value.leaderRecoveryState,
      leaderEpoch: value.leaderEpoch,
      partitionEpoch: value.partitionEpoch,
    })
  }

  #partitionChange(value: RecordOf<'PartitionChangeRecord'>): void {
    const topic = this.#requireTopic(value.topicId)
    const before = topic.partitions[value.partitionId]
    if (before === undefined) {
      throw new MetadataError(
        `A record changes ${topic.name}-${value.partitionId}, which is unknown`,
      )
    }
    this.#setPartition(topic, value.partitionId, partitionAfter(before, value))
  }

  #clearElr(topicName: string): void {
    const topics =
      topicName === ''
        ? [...this.#base.topics.byId.keys()].map((id) => this.topic(id))
        : [this.topic(this.#ids.get(topicName) ?? this.#idOf(topicName))]
    for (const topic of topics) {
      if (topic === null) continue
      topic.partitions.forEach((partition, index) => {
        if (partition.eligibleLeaderReplicas.length + partition.lastKnownElr.length === 0) return
        const none = { eligibleLeaderReplicas: [], lastKnownElr: [] }
        const { value } = partitionChangeFact(topic.id, index, none)
        this.#setPartition(this.#requireTopic(topic.id), index, partitionAfter(partition, value))
      })
    }
  }

  #idOf(name: string): string {
    const topic = this.#base.topics.byName.get(name)
    if (topic === undefined) throw new MetadataError(`A record names the unknown topic ${name}`)
    return topic.id
  }

  #config({ resourceType, resourceName, name, value }: RecordOf<'ConfigRecord'>): void {
    const key = resourceKey(resourceType, resourceName)
    let config = this.#configs.get(key)
    if (config === undefined) {
      this.#configs.set(key, (config = new Map(this.#base.configs.get(key))))
    }
    if (value === null) config.delete(name)
    else config.set(name, value)
  }

  #brokerRecord(record: MetadataRecord): void {
    switch (record.type) {
      case 'RegisterBrokerRecord': {
        const { brokerId: id, brokerEpoch: epoch, ...rest } = record.value
        const { incarnationId, endPoints, features, rack, fenced } = rest
        const { inControlledShutdown, logDirs, cordonedLogDirs } = rest
        return this.#setBroker({
          id,
          epoch,
          incarnationId,
          endPoints,
          features,
          rack,
          fenced,
          inControlledShutdown,
          logDirs,
          cordonedLogDirs,
        })
      }
      case 'UnregisterBrokerRecord':
        this.#requireBroker(record.value.brokerId, record.value.brokerEpoch)
        this.#brokers ??= new Map(this.#base.brokers)
        this.#brokers.delete(record.value.brokerId)
        return
      case 'FenceBrokerRecord':
      case 'UnfenceBrokerRecord': {
        const broker = this.#requireBroker(record.value.id, record.value.epoch)
        return this.#setBroker({ ...broker, fenced: record.type === 'FenceBrokerRecord' })
      }
      case 'BrokerRegistrationChangeRecord': {
        const { brokerId, brokerEpoch, fenced, inControlledShutdown } = record.value
        const { logDirs, cordonedLogDirs } = record.value
        const broker = this.#requireBroker(brokerId, brokerEpoch)
        return this.#setBroker({
          ...broker,
          fenced: fenced === 0 ? broker.fenced : fenced > 0,
          inControlledShutdown: inControlledShutdown > 0 || broker.inControlledShutdown,
          logDirs: logDirs.length > 0 ? logDirs : broker.logDirs,
          cordonedLogDirs: cordonedLogDirs ?? broker.cordonedLogDirs,
        })
      }
      default:
        return this.#other(record)
    }
  }

  #requireBroker(id: number, epoch: number): BrokerImage {
    const broker = (this.#brokers ?? this.#base.brokers).get(id)
    if (broker === undefined || broker.epoch !== epoch) {
      throw new MetadataError(`A record names broker ${id} of epoch ${epoch}, which is unknown`)
    }
    return broker
  }

  #setBroker(broker: BrokerImage): void {
    this.#brokers ??= new Map(this.#base.brokers)
    this.#brokers.set(broker.id, broker)
  }

  /** What only snapshots and a few readers need is kept as the record that made it. */
  #other(record: MetadataRecord): void {
    switch (record.type) {
      case 'ClientQuotaRecord': {
        const { entity, key, remove } = record.value
        this.#others.set(quotaKey(entity, key), remove ? undefined : record)
        return
      }
      case 'AccessControlEntryRecord':
        this.#others.set(aclKey(record.value.id), record)
        return
      case 'RemoveAccessControlEntryRecord':
        this.#others.set(aclKey(record.value.id), undefined)
        return
      case 'UserScramCredentialRecord':
        this.#others.set(scramKey(record.value.mechanism, record.value.name), record)
        return
      case 'RemoveUserScramCredentialRecord':
        this.#others.set(scramKey(record.value.mechanism, record.value.name), undefined)
        return
      case 'DelegationTokenRecord':
        this.#others.set(tokenKey(record.value.tokenId), record)
        return
      case 'RemoveDelegationTokenRecord':
        this.#others.set(tokenKey(record.value.tokenId), undefined)
        return
      default:
        throw new MetadataError(`${record.type} can't be applied here`)
    }
  }
}
