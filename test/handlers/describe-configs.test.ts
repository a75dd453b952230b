import { DescribeConfigs } from '../../protocol/messages/describe-configs.ts'
import { ConfigSource } from '../../src/config/describe.ts'
import { TestNode } from './test-node.ts'

const TOPIC = 2
const BROKER = 4
const BROKER_LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32

const resource = (
  resourceType: number,
  resourceName: string,
  configurationKeys: string[] | null = null,
) => ({ resourceType, resourceName, configurationKeys })

async function describedBy(node: TestNode, ...resources: ReturnType<typeof resource>[]) {
  const { results } = await node.ask(DescribeConfigs, 4, { resources, includeSynonyms: true })
  return results
}

describe('DescribeConfigs', () => {
  test('tells every setting of a topic with its true source', async () => {
    const node = new TestNode({ 'log.segment.bytes': '2000000' })
    await node.addTopic('a', { configs: { 'cleanup.policy': 'compact' } })
    const [{ errorCode, errorMessage, configs }] = (await describedBy(
      node,
      resource(TOPIC, 'a'),
    )) as [Awaited<ReturnType<typeof describedBy>>[number]]
    expect([errorCode, errorMessage]).toEqual(['NONE', ''])
    const source = (name: string) => configs.find((config) => config.name === name)!.configSource
    expect(source('cleanup.policy')).toBe(ConfigSource.DYNAMIC_TOPIC_CONFIG)
    expect(source('segment.bytes')).toBe(ConfigSource.STATIC_BROKER_CONFIG)
    expect(source('retention.ms')).toBe(ConfigSource.DEFAULT_CONFIG)
    expect(configs.find(({ name }) => name === 'cleanup.policy')).toMatchObject({
      value: 'compact',
      configType: 7,
      synonyms: [
        { name: 'cleanup.policy', value: 'compact', source: ConfigSource.DYNAMIC_TOPIC_CONFIG },
        { name: 'log.cleanup.policy', value: 'delete', source: ConfigSource.DEFAULT_CONFIG },
      ],
    })
  })

  test('tells the settings that were asked for; an empty list stands for all', async () => {
    const node = new TestNode()
    await node.addTopic('a')
    const [some, none, all] = await describedBy(
      node,
      resource(TOPIC, 'a', ['retention.ms', 'nope', 'retention.ms']),
      resource(TOPIC, 'a', ['nope']),
      resource(TOPIC, 'a', []),
    )
    expect(some!.configs.map(({ name }) => name)).toEqual(['retention.ms'])
    expect(none).toMatchObject({ errorCode: 'NONE', configs: [] })
    expect(all!.configs.length).toBeGreaterThan(30)
  })

  test('tells synonyms and documentation only where they are asked for', async () => {
    const node = new TestNode()
    await node.addTopic('a')
    const resources = [resource(TOPIC, 'a', ['segment.bytes'])]
    const plain = await node.ask(DescribeConfigs, 4, { resources })
    expect(plain.results[0]!.configs).toMatchObject([{ synonyms: [], documentation: null }])
    const full = await node.ask(DescribeConfigs, 3, { resources, includeDocumentation: true })
    expect(full.results[0]!.configs[0]!.documentation).not.toBeNull()
    expect(await node.ask(DescribeConfigs, 1, { resources })).toMatchObject({
      results: [{ configs: [{ name: 'segment.bytes', value: '1073741824' }] }],
    })
  })

  test('tells the settings of this broker, and those of all', async () => {
    const node = new TestNode({ 'ssl.keystore.password': 'secret' })
    node.config.updateDynamic({
      cluster: new Map([['log.retention.ms', '77']]),
      broker: new Map([['log.segment.bytes', '2000000']]),
    })
    const [own, all] = await describedBy(node, resource(BROKER, '1'), resource(BROKER, ''))
    const setting = (name: string) => own!.configs.find((config) => config.name === name)
    expect(setting('log.segment.bytes')).toMatchObject({
      configSource: ConfigSource.DYNAMIC_BROKER_CONFIG,
      readOnly: false,
    })
    expect(setting('log.retention.ms')).toMatchObject({
      configSource: ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG,
    })
    expect(setting('node.id')).toMatchObject({ value: '1', readOnly: true })
    expect(setting('ssl.keystore.password')).toMatchObject({ value: null, isSensitive: true })
    expect(all!.configs).toMatchObject([{ name: 'log.retention.ms', value: '77' }])
  })

  test('tells the settings of groups and of subscriptions, known or not', async () => {
    const node = new TestNode()
    node.setConfig(GROUP, 'g', { 'consumer.session.timeout.ms': '46000' })
    node.setConfig(CLIENT_METRICS, 'm', { 'interval.ms': '1000' })
    const [group, metrics, unknown] = await describedBy(
      node,
      resource(GROUP, 'g', ['consumer.session.timeout.ms']),
      resource(CLIENT_METRICS, 'm', ['interval.ms']),
      resource(CLIENT_METRICS, 'other', ['interval.ms']),
    )
    expect(group!.configs).toMatchObject([
      { value: '46000', configSource: ConfigSource.DYNAMIC_GROUP_CONFIG },
    ])
    expect(metrics!.configs).toMatchObject([
      { value: '1000', configSource: ConfigSource.DYNAMIC_CLIENT_METRICS_CONFIG },
    ])
    expect(unknown!.configs).toMatchObject([
      { value: '300000', configSource: ConfigSource.DEFAULT_CONFIG },
    ])
  })

  test('has no loggers whose levels could be altered', async () => {
    const [own] = await describedBy(new TestNode(), resource(BROKER_LOGGER, '1'))
    expect(own).toMatchObject({ errorCode: 'NONE', configs: [] })
  })

  test.each([
    [TOPIC, 'nope', 'UNKNOWN_TOPIC_OR_PARTITION', ''],
    [TOPIC, '..', 'INVALID_TOPIC_EXCEPTION', "Topic name is invalid: '..' is not allowed"],
    [
      TOPIC,
      '',
      'INVALID_TOPIC_EXCEPTION',
      'Topic name is invalid: the empty string is not allowed',
    ],
    [
      BROKER,
      '2',
      'INVALID_REQUEST',
      'Unexpected broker id, expected 1 or empty string, but received 2',
    ],
    [BROKER, 'x', 'INVALID_REQUEST', 'Broker id must be an integer, but it is: x'],
    [
      BROKER,
      '99999999999',
      'INVALID_REQUEST',
      'Broker id must be an integer, but it is: 99999999999',
    ],
    [BROKER_LOGGER, '', 'INVALID_REQUEST', 'Broker id must not be empty'],
    [BROKER_LOGGER, '2', 'INVALID_REQUEST', 'Unexpected broker id, expected 1 but received 2'],
    [CLIENT_METRICS, '', 'INVALID_REQUEST', 'Client metrics subscription name must not be empty'],
    [GROUP, '', 'INVALID_REQUEST', 'Group name must not be empty'],
  ])('refuses type %i, name %j with %s', async (type, name, errorCode, errorMessage) => {
    const results = await describedBy(new TestNode(), resource(type, name))
    expect(results).toEqual([
      { resourceType: type, resourceName: name, errorCode, errorMessage, configs: [] },
    ])
  })

  test('refuses all resources when one is of a type that there is not', async () => {
    const node = new TestNode()
    await node.addTopic('a')
    const results = await describedBy(node, resource(TOPIC, 'a'), resource(3, 'x'))
    expect(results.map(({ errorCode }) => errorCode)).toEqual([
      'INVALID_REQUEST',
      'INVALID_REQUEST',
    ])
  })
})
