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

/** What Apache Kafka 4.3.1 answered, started and altered as `config` below. */
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

function inItsForm(rows: readonly DescribedSetting[]): Answer[] {
  return rows
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

  test('says when nothing acts on it', () => {
    const rows = describeTopic(config, new Map(), ['preallocate'])
    expect(rows[0]!.documentation).toMatch(/Ottla stores it, but does not act on it\.$/)
  })
})
