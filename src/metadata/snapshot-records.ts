import type { MetadataRecordToWrite } from '../../protocol/state/metadata-records.ts'
import { encodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { registrationVersion } from './features.ts'
import type { MetadataImage, PartitionImage } from './image.ts'
import { resourceOf } from './image.ts'

const METADATA_VERSION = 'metadata.version'
const PARTITION_VERSION = 2

/** A partition's whole state as a record. */
function partitionRecord(
  topicId: string,
  partitionId: number,
  partition: PartitionImage,
): MetadataRecordToWrite {
  const { eligibleLeaderReplicas, lastKnownElr } = partition
  return {
    type: 'PartitionRecord',
    version: PARTITION_VERSION,
    value: {
      ...partition,
      partitionId,
      topicId,
      eligibleLeaderReplicas: eligibleLeaderReplicas.length === 0 ? null : eligibleLeaderReplicas,
      lastKnownElr: lastKnownElr.length === 0 ? null : lastKnownElr,
    },
  }
}

/** The records that make this image out of an empty one, in the order of Kafka's snapshots. */
export function* imageRecords(image: MetadataImage): IterableIterator<MetadataRecordToWrite> {
  const features = [...image.features].sort(([left], [right]) =>
    left === METADATA_VERSION ? -1 : right === METADATA_VERSION ? 1 : left < right ? -1 : 1,
  )
  for (const [name, featureLevel] of features) {
    yield { type: 'FeatureLevelRecord', value: { name, featureLevel } }
  }
  for (const { id, epoch, ...broker } of image.brokers.values()) {
    yield {
      type: 'RegisterBrokerRecord',
      version: registrationVersion(image.features),
      value: { ...broker, brokerId: id, brokerEpoch: epoch, isMigratingZkBroker: false },
    }
  }
  for (const { id, ...controller } of image.controllers.values()) {
    yield {
      type: 'RegisterControllerRecord',
      value: { ...controller, controllerId: id, zkMigrationReady: false },
    }
  }
  for (const topic of image.topics.byId.values()) {
    yield { type: 'TopicRecord', value: { name: topic.name, topicId: topic.id } }
    for (let index = 0; index < topic.partitions.length; index++) {
      yield partitionRecord(topic.id, index, topic.partitions[index]!)
    }
  }
  yield* configRecords(image)
  const others = [...image.others.values()]
  yield* others.filter(({ type }) => type === 'ClientQuotaRecord')
  if (image.nextProducerId >= 0) {
    const { nextProducerId } = image
    yield { type: 'ProducerIdsRecord', value: { brokerId: -1, brokerEpoch: -1, nextProducerId } }
  }
  yield* others.filter(({ type }) => type === 'AccessControlEntryRecord')
  yield* others.filter(({ type }) => type === 'UserScramCredentialRecord')
  yield* others.filter(({ type }) => type === 'DelegationTokenRecord')
}

function* configRecords(image: MetadataImage): IterableIterator<MetadataRecordToWrite> {
  for (const key of image.configs.keys()) {
    for (const [name, value] of image.configs.get(key)!) {
      yield { type: 'ConfigRecord', value: { ...resourceOf(key), name, value } }
    }
  }
}

/** `imageRecords`, encoded one by one as they are asked for. */
export function* encodedImage(image: MetadataImage): IterableIterator<Buffer> {
  for (const record of imageRecords(image)) yield encodeMetadataRecord(record)
}
