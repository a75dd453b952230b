import { readFileSync } from 'node:fs'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import {
  describeBroker,
  describeBrokerDefaults,
  describeClientMetrics,
  describeGroup,
  describeTopic,
  type DescribedSetting,
} from '../../src/config/describe.ts'

/** What Apache Kafka 4.4.0 answered, started and altered as `config` below. */
const described = JSON.parse(readFileSync('test/fixtures/config/described.json', 'utf8')) as Record<
  'topic' | 'broker' | 'cluster' | 'group' | 'clientMetrics',
  readonly Answer[]
>
interface Answer {
  readonly name: string
  readonly value: string | null
  readonly source: number
  readonly sensitive: boolean
  readonly readOnly: boolean
  readonly type: string
  readonly synonyms: readonly object[]
}

const config = new BrokerConfig({ file: { path: 'server.properties', text: serverProperties() } })
config.updateDynamic({
  cluster: new Map([
    ['min.insync.replicas', '1'],
    ['log.retention.ms', '7200000'],
    ['log.segment.bytes', '2097152'],
    ['max.connections', ' 900 '],
    ['leader.replication.throttled.rate', '1000'],
  ]),
  broker: new Map([
    ['log.segment.bytes', '3145728'],
    ['log.cleaner.io.max.bytes.per.second', '1000000'],
    ['listener.name.plaintext.max.connections', '700'],
  ]),
})

/** The file that the Apache broker was started with, as it tells it itself. */
function serverProperties(): string {
  const lines = ['ssl.keystore.password=abc', 'custom.thing=1', 'num.io.threads= 8']
  for (const { synonyms } of described.broker) {
    for (const synonym of synonyms as { name: string; value: string | null; source: number }[]) {
      if (synonym.source === 4 && synonym.value !== null) {
        lines.push(`${synonym.name}=${synonym.value}`)
      }
    }
  }
  return lines.join('\n')
}

const TYPES = 'UNKNOWN BOOLEAN STRING INT SHORT LONG DOUBLE LIST CLASS PASSWORD'.split(' ')

/** What Apache Kafka has no setting for is left out. */
function inItsForm(rows: readonly DescribedSetting[]): Answer[] {
  return rows
    .filter(({ name }) => !name.startsWith('ottla.'))
    .map((row) => ({
      name: row.name,
      value: row.value,
      source: row.configSource,
      sensitive: row.isSensitive,
      readOnly: row.readOnly,
      type: TYPES[row.configType]!,
      synonyms: row.synonyms,
    }))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
}

describe('described as Apache Kafka describes it is', () => {
  test('a broker', () => {
    expect(inItsForm(describeBroker(config))).toEqual(described.broker)
  })

  test('the default of all brokers', () => {
    expect(inItsForm(describeBrokerDefaults(config))).toEqual(described.cluster)
  })

  test('a topic', () => {
    const own = new Map([
      ['retention.ms', '86400000'],
      ['cleanup.policy', 'compact, delete'],
    ])
    expect(inItsForm(describeTopic(config, own))).toEqual(described.topic)
  })

  test('a group', () => {
    const own = new Map([['consumer.session.timeout.ms', '50000']])
    expect(inItsForm(describeGroup(config, own))).toEqual(described.group)
  })

  test('a subscription to metrics', () => {
    const own = new Map([
      ['metrics', '*'],
      ['interval.ms', '1000'],
    ])
    expect(inItsForm(describeClientMetrics(config, own))).toEqual(described.clientMetrics)
  })
})

describe('a described setting', () => {
  test('that names one of a list falls back to the first of it', () => {
    const several = new BrokerConfig({
      file: {
        path: 'server.properties',
        text: `${serverProperties()}\ngroup.streams.assignors=other,sticky`,
      },
    })
    const [row] = describeGroup(several, new Map(), ['streams.assignor.name'])
    expect(row).toMatchObject({ value: 'other', configType: 2 })
    expect(row!.synonyms[0]).toMatchObject({ name: 'group.streams.assignors', source: 4 })
  })

  test('is one of those that were asked for', () => {
    const rows = describeTopic(config, new Map(), ['retention.ms', 'nope'])
    expect(rows.map(({ name }) => name)).toEqual(['retention.ms'])
  })

  test('is internal only where it was set', () => {
    const own = new Map([['internal.segment.bytes', '1000']])
    const names = (rows: readonly DescribedSetting[]) => rows.map(({ name }) => name)
    expect(names(describeTopic(config, own))).toContain('internal.segment.bytes')
    expect(names(describeTopic(config, new Map()))).not.toContain('internal.segment.bytes')
  })

  test('that a group does not set follows the broker, and its change at run time', () => {
    const running = new BrokerConfig({})
    const name = 'consumer.assignment.interval.ms'
    const described = () => describeGroup(running, new Map(), [name])[0]
    expect(described()).toMatchObject({ value: '1000', configSource: 5 })
    const changed = new Map([['group.consumer.assignment.interval.ms', '2000']])
    running.updateDynamic({ cluster: changed, broker: new Map() })
    expect(described()).toMatchObject({ value: '2000', configSource: 3 })
  })

  test.each([
    ['topic', describeTopic, 1],
    ['group', describeGroup, 8],
    ['subscription to metrics', describeClientMetrics, 7],
  ])(
    'of a %s that no setting has the name of is shown where it is set, without its value',
    (_kind, describeOne, source) => {
      const name = 'message.downconversion.enable'
      const own = new Map([[name, 'true']])
      expect(describeOne(config, own, [name])).toEqual([
        {
          name,
          value: null,
          readOnly: false,
          configSource: source,
          isSensitive: true,
          synonyms: [{ name, value: null, source }],
          configType: 0,
          documentation: null,
        },
      ])
      expect(describeOne(config, own).filter((row) => row.name === name)).toHaveLength(1)
      expect(
        describeOne(config, own, ['retention.ms', 'metrics']).map((row) => row.name),
      ).not.toContain(name)
      expect(describeOne(config, new Map(), [name])).toEqual([])
    },
  )

  test('says when nothing acts on it', () => {
    const rows = describeTopic(config, new Map(), ['preallocate'])
    expect(rows[0]!.documentation).toMatch(/Ottla stores it, but does not act on it\.$/)
  })
})

describe('a dynamic setting of a broker that no setting has the name of', () => {
  const name = 'my.own.setting'
  const several = new BrokerConfig({})
  several.updateDynamic({ cluster: new Map([[name, 'all']]), broker: new Map([[name, 'one']]) })
  const unknown = { name, value: null, readOnly: true, isSensitive: true, configType: 0 }
  const from = (source: number) => ({ name, value: null, source })

  test('is described as sensitive, with where it is set and without its value', () => {
    const [row] = describeBroker(several, [name])
    expect(row).toEqual({
      ...unknown,
      configSource: 2,
      documentation: null,
      synonyms: [from(2), from(3)],
    })
  })

  test('is among the defaults of all brokers where it is set there', () => {
    const [row] = describeBrokerDefaults(several, [name])
    expect(row).toEqual({ ...unknown, configSource: 3, documentation: null, synonyms: [from(3)] })
  })
})
