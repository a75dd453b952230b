import { DescribeProducers } from '../../protocol/messages/describe-producers.ts'
import { topicNameProblem } from '../metadata/topic-names.ts'
import { each } from './access.ts'
import type { RequestContext } from './context.ts'
import { handle } from './handler.ts'
import { inTurnsOfEach } from './turns.ts'

/** Each may have thousands of producers. */
const TURN_PARTITIONS = 10

/** What a producer takes in an answer, about. */
const PRODUCER_BYTES = 150

type PartitionResponse =
  (typeof DescribeProducers)['response']['encoded']['topics'][number]['partitions'][number]

/** DescribeProducers: v0 (KIP-664). The producers that a partition's log remembers, to find transactions that hang. */
export const describeProducers = handle(DescribeProducers, {
  access: each('TOPIC', 'READ', {
    items: 'topics',
    nameOf: ({ name }) => name,
    answers: 'topics',
    refuse: ({ name, partitionIndexes }, refusal) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        ...refusal,
        activeProducers: [],
      })),
    }),
  }),
}).by(async ({ topics }, context) => {
  const answered = await inTurnsOfEach(
    context.services,
    topics,
    ({ partitionIndexes }) => partitionIndexes,
    (index, { name }) => describe(name, index, context),
    TURN_PARTITIONS,
  )
  return {
    topics: answered.map(({ of, results }) => ({ name: of.name, partitions: results })),
  }
})

function describe(
  topic: string,
  partitionIndex: number,
  context: RequestContext,
): PartitionResponse {
  const { replicas, cluster } = context.services
  const refused = { partitionIndex, activeProducers: [] }
  const problem = topicNameProblem(topic)
  if (problem !== null) {
    return { ...refused, errorCode: 'INVALID_TOPIC_EXCEPTION', errorMessage: problem }
  }
  const partition = replicas.find(topic, partitionIndex)
  if (typeof partition === 'string') {
    // Kafka words only what it doesn't know at all.
    const isUnknown = cluster().topic(topic) === undefined
    const errorMessage = isUnknown ? 'This server does not host this topic-partition.' : null
    return { ...refused, errorCode: partition, errorMessage }
  }
  const errorCode = partition.checkLeader()
  const { log } = partition
  if (errorCode !== 'NONE' || log === null) return { ...refused, errorCode, errorMessage: null }
  const activeProducers = log.producers()
  context.spend(activeProducers.length * PRODUCER_BYTES)
  return { partitionIndex, errorCode, errorMessage: null, activeProducers }
}
