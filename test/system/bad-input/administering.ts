import { CreatePartitions } from '../../../protocol/messages/create-partitions.ts'
import { CreateTopics } from '../../../protocol/messages/create-topics.ts'
import { DeleteTopics } from '../../../protocol/messages/delete-topics.ts'
import { DescribeConfigs } from '../../../protocol/messages/describe-configs.ts'
import { IncrementalAlterConfigs } from '../../../protocol/messages/incremental-alter-configs.ts'
import type { RequestToSend } from '../../../protocol/schema.ts'
import type { BadInput } from './case.ts'
import { errorOf } from './case.ts'

type NewTopic = RequestToSend<typeof CreateTopics>['topics'][number]

const topic = (name: string, more: Partial<NewTopic> = {}): NewTopic => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...more,
})

const creates = (name: string, topics: readonly NewTopic[], validateOnly = false): BadInput => ({
  name: `CreateTopics with ${name}`,
  ask: async (client) => {
    const answer = await client.request(CreateTopics, 7, { topics, validateOnly, timeoutMs: 5000 })
    return answer.topics
      .map(({ name, errorCode }) => ({ name, errorCode }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  },
})

const manual = { numPartitions: -1, replicationFactor: -1 }
const creating: BadInput[] = [
  creates('a name that is there', [topic('plain')]),
  creates('an empty name', [topic('')]),
  creates('a name with a slash', [topic('a/b')]),
  creates('a name of a dot', [topic('.')]),
  creates('a name of 250 letters', [topic('a'.repeat(250))]),
  creates('one name twice', [topic('twice'), topic('twice')]),
  creates('no partitions', [topic('none', { numPartitions: 0 })]),
  creates('-2 partitions', [topic('minus', { numPartitions: -2 })]),
  creates('no replicas', [topic('none', { replicationFactor: 0 })]),
  creates('more replicas than brokers', [topic('many', { replicationFactor: 3 })]),
  creates('an unknown setting', [topic('odd', { configs: [{ name: 'colour', value: 'red' }] })]),
  creates('a setting out of bounds', [
    topic('odd', { configs: [{ name: 'retention.ms', value: '-7' }] }),
  ]),
  creates('a setting that is no number', [
    topic('odd', { configs: [{ name: 'segment.bytes', value: 'many' }] }),
  ]),
  creates('a setting without a value', [
    topic('odd', { configs: [{ name: 'segment.bytes', value: null }] }),
  ]),
  creates('assignments beside a number of partitions', [
    topic('odd', { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
  ]),
  creates('assignments to an unknown broker', [
    topic('odd', { ...manual, assignments: [{ partitionIndex: 0, brokerIds: [99] }] }),
  ]),
  creates('assignments with a gap', [
    topic('odd', { ...manual, assignments: [{ partitionIndex: 1, brokerIds: [1] }] }),
  ]),
  creates('assignments to one broker twice', [
    topic('odd', { ...manual, assignments: [{ partitionIndex: 0, brokerIds: [1, 1] }] }),
  ]),
  creates('an assignment to nobody', [
    topic('odd', { ...manual, assignments: [{ partitionIndex: 0, brokerIds: [] }] }),
  ]),
  creates('names that differ in a dot and an underscore', [
    topic('dots.or_not', { configs: [{ name: 'cleanup.policy', value: 'nothing' }] }),
  ]),
  creates('one right and one wrong, only validated', [topic('right'), topic('wr/ong')], true),
]

const deleting: BadInput[] = [
  {
    name: 'DeleteTopics of an unknown name',
    ask: async (client) => {
      const topics = [{ name: 'nowhere', topicId: 'A'.repeat(22) }]
      const answer = await client.request(DeleteTopics, 6, { topics, timeoutMs: 5000 })
      return answer.responses.map(errorOf)
    },
  },
  {
    name: 'DeleteTopics of an unknown id',
    ask: async (client) => {
      const topics = [{ name: null, topicId: 'qqqqqqqqqqqqqqqqqqqqqg' }]
      const answer = await client.request(DeleteTopics, 6, { topics, timeoutMs: 5000 })
      return answer.responses.map(errorOf)
    },
  },
  {
    name: 'DeleteTopics of one name twice',
    ask: async (client) => {
      const topicNames = ['nowhere', 'nowhere']
      const answer = await client.request(DeleteTopics, 5, { topicNames, timeoutMs: 5000 })
      return answer.responses.map(errorOf)
    },
  },
]

type MorePartitions = RequestToSend<typeof CreatePartitions>['topics'][number]
const extends_ = (
  name: string,
  count: number,
  assignments: MorePartitions['assignments'] = null,
): BadInput => ({
  name: `CreatePartitions of ${name} to ${count} by ${JSON.stringify(assignments)}`,
  ask: async (client) => {
    const answer = await client.request(CreatePartitions, 3, {
      topics: [{ name, count, assignments }],
      timeoutMs: 5000,
      validateOnly: true,
    })
    return answer.results.map(errorOf)
  },
})

const extending: BadInput[] = [
  extends_('nowhere', 3),
  extends_('plain', 1),
  extends_('plain', 0),
  extends_('plain', -1),
  extends_('plain', 3, [{ brokerIds: [1] }]),
  extends_('plain', 2, [{ brokerIds: [99] }]),
]

const SET = 0
const DELETE = 1
const APPEND = 2
const alters = (
  title: string,
  [resourceType, resourceName]: readonly [number, string],
  ...configs: readonly (readonly [string, string | null, number])[]
): BadInput => ({
  name: `IncrementalAlterConfigs with ${title}`,
  ask: async (client) => {
    const answer = await client.request(IncrementalAlterConfigs, 1, {
      resources: [
        {
          resourceType,
          resourceName,
          configs: configs.map(([name, value, configOperation]) => ({
            name,
            value,
            configOperation,
          })),
        },
      ],
      validateOnly: false,
    })
    return answer.responses.map(errorOf)
  },
})

const plain = [2, 'plain'] as const
const altering: BadInput[] = [
  alters('an unknown topic', [2, 'nowhere'], ['retention.ms', '1', SET]),
  alters('an unknown broker', [4, '99'], ['log.cleaner.threads', '2', SET]),
  alters('a broker that is no number', [4, 'one'], ['log.cleaner.threads', '2', SET]),
  alters('an unknown kind of thing', [77, 'plain'], ['retention.ms', '1', SET]),
  alters('an unknown setting', plain, ['colour', 'red', SET]),
  alters('an unknown setting deleted', plain, ['colour', null, DELETE]),
  alters('a value that is no number', plain, ['retention.ms', 'long', SET]),
  alters('a value out of bounds', plain, ['min.insync.replicas', '0', SET]),
  alters('a value that is none of the known', plain, ['compression.type', 'rar', SET]),
  alters('no value', plain, ['retention.ms', null, SET]),
  alters('an append to what is no list', plain, ['retention.ms', '5', APPEND]),
  {
    // Kafka stumbles over it.
    ...alters('an unknown operation', plain, ['retention.ms', '5', 9]),
    instead: ['INVALID_REQUEST'],
  },
  alters('one setting twice', plain, ['retention.ms', '5', SET], ['retention.ms', '6', SET]),
  alters('a setting that needs a restart', [4, '1'], ['log.dirs', '/tmp', SET]),
]

const describing: BadInput[] = (
  [
    [2, 'nowhere'],
    [2, 'a/b'],
    [2, ''],
    [4, '99'],
    [4, 'one'],
    [77, 'plain'],
  ] as const
).map(([resourceType, resourceName]) => ({
  name: `DescribeConfigs of ${resourceType} "${resourceName}"`,
  ask: async (client) => {
    const resources = [{ resourceType, resourceName, configurationKeys: null }]
    const answer = await client.request(DescribeConfigs, 4, { resources })
    return answer.results.map(({ errorCode, configs }) => ({
      errorCode,
      hasConfigs: configs.length > 0,
    }))
  },
}))

export const administering: readonly BadInput[] = [
  ...creating,
  ...deleting,
  ...extending,
  ...altering,
  ...describing,
]
