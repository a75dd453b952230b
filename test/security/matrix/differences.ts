/** Where Ottla answers otherwise than Apache Kafka on purpose. */
export interface Difference {
  readonly question: string
  /** A part of Kafka's answer, and what stands in its place in Ottla's. */
  readonly kafka: string
  readonly ottla: string
  readonly why: string
}

export const DIFFERENCES: readonly Difference[] = [
  {
    question: 'Metadata v12 that makes a topic (broker)',
    kafka:
      '{"errorCode":"UNKNOWN_TOPIC_OR_PARTITION","name":"own automatic","topicId":"no id","partitions":[],',
    ottla:
      '{"name":"own automatic","topicId":"other id","partitions":[{"replicaNodes":[""],"isrNodes":[""],"offlineReplicas":[]}],',
    why: 'A topic that a client makes by naming it is answered when it is there; Kafka has the client ask again.',
  },
]
