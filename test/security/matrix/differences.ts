/** Where Ottla answers otherwise than Apache Kafka on purpose. */
export interface Difference {
  readonly question: string
  /** A part of Kafka's answer, and what stands in its place in Ottla's. */
  readonly kafka: string
  readonly ottla: string
  readonly why: string
}

/** That a renewer is no user Kafka's brokers find out themselves, and tell no times (-1); its controller tells them as 0. */
const ofNoTime = (way: string): Difference => ({
  question: `CreateDelegationToken v3 for its holder (${way})`,
  kafka: '"tokenRequesterPrincipalName":"text","tokenId":""',
  ottla:
    '"tokenRequesterPrincipalName":"text","issueTimestampMs":-1,"expiryTimestampMs":-1,"maxTimestampMs":-1,"tokenId":""',
  why: "A broker leaves it to the controller, and its clients are told what they are told by Kafka's brokers.",
})

export const DIFFERENCES: readonly Difference[] = [
  ofNoTime('controller'),
  ofNoTime('envelope'),
  {
    question: 'Metadata v12 that makes a topic (broker)',
    kafka:
      '{"errorCode":"UNKNOWN_TOPIC_OR_PARTITION","name":"own automatic","topicId":"no id","partitions":[],',
    ottla:
      '{"name":"own automatic","topicId":"other id","partitions":[{"replicaNodes":[""],"isrNodes":[""],"offlineReplicas":[]}],',
    why: 'A topic that a client makes by naming it is answered when it is there; Kafka has the client ask again.',
  },
]
