import { BrokerConfig } from '../../src/config/broker-config.ts'
import { automaticTopic } from '../../src/coordinators/internal-topics.ts'

/** What Apache Kafka 4.4.0 makes when Metadata names the topic, with every one of its settings changed. */
const config = new BrokerConfig({
  set: [
    'offsets.topic.num.partitions=3',
    'offsets.topic.replication.factor=2',
    'offsets.topic.segment.bytes=1000000',
    'transaction.state.log.num.partitions=4',
    'transaction.state.log.replication.factor=3',
    'transaction.state.log.min.isr=2',
    'transaction.state.log.segment.bytes=2000000',
    'share.coordinator.state.topic.num.partitions=5',
    'share.coordinator.state.topic.replication.factor=4',
    'share.coordinator.state.topic.min.isr=3',
    'share.coordinator.state.topic.segment.bytes=3000000',
  ],
})

function made(name: string): object {
  const { numPartitions, replicationFactor, configs, assignments } = automaticTopic(name, config)
  const settings = Object.fromEntries(configs.map((entry) => [entry.name, entry.value]))
  return { numPartitions, replicationFactor, assignments, settings }
}

describe('a topic that is made because somebody named it', () => {
  test('__consumer_offsets has the counts and settings of the group coordinator', () => {
    expect(made('__consumer_offsets')).toEqual({
      numPartitions: 3,
      replicationFactor: 2,
      assignments: [],
      settings: {
        'cleanup.policy': 'compact',
        'compression.type': 'producer',
        'segment.bytes': '1000000',
      },
    })
  })

  test('__transaction_state has those of the transaction coordinator: it never expires', () => {
    expect(made('__transaction_state')).toEqual({
      numPartitions: 4,
      replicationFactor: 3,
      assignments: [],
      settings: {
        'cleanup.policy': 'compact',
        'compression.type': 'uncompressed',
        'min.insync.replicas': '2',
        'segment.bytes': '2000000',
        'unclean.leader.election.enable': 'false',
      },
    })
  })

  test('__share_group_state has those of the share coordinator, and no retention', () => {
    expect(made('__share_group_state')).toEqual({
      numPartitions: 5,
      replicationFactor: 4,
      assignments: [],
      settings: {
        'cleanup.policy': 'delete',
        'compression.type': 'producer',
        'min.insync.replicas': '3',
        'retention.ms': '-1',
        'segment.bytes': '3000000',
      },
    })
  })

  test.each(['orders', '__other', 'constructor'])('%s is an ordinary one', (name) => {
    expect(made(name)).toEqual({
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [],
      settings: {},
    })
  })
})
