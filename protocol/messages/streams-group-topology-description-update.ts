import { api, array, errorCode, int32, int8, string, struct, throttleTimeMs } from '../schema.ts'
import type { RequestOf, ResponseOf } from '../schema.ts'

const node = {
  name: string,
  /** 1 source, 2 processor, 3 sink. */
  nodeType: int8,
  /** Of a source; empty where it finds them at run time. */
  sourceTopics: array(string),
  /** Of a sink; null where it chooses at run time. */
  sinkTopic: string.nullable().default(null),
  /** Of a processor. */
  stores: array(string),
  /** The names of the nodes behind it. */
  successors: array(string),
}

/** What a topology does, for people to look at. */
export const topologyDescription = {
  subtopologies: array({ subtopologyId: string, nodes: array(node) }),
  globalStores: array({ source: struct(node), processor: struct(node) }),
}

/** A member of a Kafka Streams group describes its topology, when a heartbeat's answer asked it to (KIP-1331). */
export const StreamsGroupTopologyDescriptionUpdate = api({
  key: 93,
  name: 'StreamsGroupTopologyDescriptionUpdate',
  versions: [0, 0],
  flexible: 0,
  request: {
    groupId: string,
    memberId: string,
    /** Of the topology that is described. */
    topologyEpoch: int32,
    topologyDescription: struct(topologyDescription),
  },
  response: {
    throttleTimeMs,
    errorCode,
    errorMessage: string.nullable().default(null),
  },
})

export type StreamsGroupTopologyDescriptionUpdateRequest = RequestOf<
  typeof StreamsGroupTopologyDescriptionUpdate
>
export type StreamsGroupTopologyDescriptionUpdateResponse = ResponseOf<
  typeof StreamsGroupTopologyDescriptionUpdate
>
