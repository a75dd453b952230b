import {
  alterIncrementally,
  alterWhole,
  validateTopic,
  type AlteredResource,
  type AlterResult,
} from '../../src/config/alter.ts'
import { BrokerConfig } from '../../src/config/broker-config.ts'

const config = new BrokerConfig({})
const operations = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 }
type Step = readonly [keyof typeof operations, string, string | null]

const alter = (resource: AlteredResource, steps: readonly Step[]): AlterResult =>
  alterIncrementally(
    config,
    resource,
    steps.map(([operation, name, value]) => ({
      name,
      value,
      configOperation: operations[operation],
    })),
  )

const none: ReadonlyMap<string, string> = new Map()
const topic: AlteredResource = { kind: 'topic', name: 't', current: none }
const broker: AlteredResource = { kind: 'broker', name: '1', current: none }
const cluster: AlteredResource = { kind: 'broker', name: '', current: none }
const group: AlteredResource = { kind: 'group', name: 'g', current: none }
const metrics: AlteredResource = { kind: 'clientMetrics', name: 'm', current: none }

const set = (name: string, value: string): Step => ['SET', name, value]

/** What Apache Kafka 4.4.0 answers. */
const refused: readonly [AlteredResource, readonly Step[], string, string][] = [
  [topic, [set('nope', '1')], 'INVALID_CONFIG', 'Unknown topic config name: nope'],
  [
    topic,
    [set('retention.ms', 'x')],
    'INVALID_CONFIG',
    'Invalid value x for configuration retention.ms: Not a number of type LONG',
  ],
  [
    topic,
    [set('segment.bytes', '1000')],
    'INVALID_CONFIG',
    'Invalid value 1000 for configuration segment.bytes: Value must be at least 1048576',
  ],
  [
    topic,
    [['APPEND', 'retention.ms', '1']],
    'INVALID_CONFIG',
    "Can't APPEND to key retention.ms because its type is not LIST.",
  ],
  [
    topic,
    [['APPEND', 'cleanup.policy', 'foo']],
    'INVALID_CONFIG',
    'Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete',
  ],
  [
    topic,
    [set('remote.storage.enable', 'true')],
    'INVALID_CONFIG',
    'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
  ],
  [
    topic,
    [set('min.compaction.lag.ms', '10'), set('max.compaction.lag.ms', '5')],
    'INVALID_CONFIG',
    'conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)',
  ],
  [
    topic,
    [['SET', 'segment.bytes', null]],
    'INVALID_REQUEST',
    'Null value not supported for : segment.bytes',
  ],
  [
    topic,
    [set('retention.ms', '1'), set('retention.ms', '2')],
    'INVALID_REQUEST',
    'Error due to duplicate config keys',
  ],
  [
    topic,
    [set('compression.gzip.level', '0')],
    'INVALID_CONFIG',
    'Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1',
  ],
  [
    topic,
    [set('leader.replication.throttled.replicas', '1:2,x')],
    'INVALID_CONFIG',
    "Invalid value [1:2, x] for configuration leader.replication.throttled.replicas: leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
  ],
  [
    { ...topic, name: '' },
    [set('retention.ms', '1')],
    'INVALID_REQUEST',
    'Default topic resources are not allowed.',
  ],
  [
    cluster,
    [set('listener.name.plaintext.nope', '1')],
    'INVALID_REQUEST',
    'Cannot update these configs at default cluster level, broker id must be specified: [listener.name.plaintext.nope]',
  ],
  [broker, [['SUBTRACT', 'nope', '1']], 'INVALID_CONFIG', 'Unknown config name: nope'],
  [cluster, [['APPEND', 'nope', '1']], 'INVALID_CONFIG', 'Unknown config name: nope'],
  [
    cluster,
    [['APPEND', 'log.retention.ms', '1']],
    'INVALID_CONFIG',
    'Config value append is not allowed for config key: log.retention.ms',
  ],
  [
    broker,
    [set('log.retention.hours', '1')],
    'INVALID_REQUEST',
    'Cannot update these configs dynamically: [log.retention.hours]',
  ],
  [
    broker,
    [set('log.segment.bytes', '5')],
    'INVALID_REQUEST',
    'Invalid value 5 for configuration log.segment.bytes: Value must be at least 1048576',
  ],
  [
    cluster,
    [set('listeners', 'PLAINTEXT://:1')],
    'INVALID_REQUEST',
    'Cannot update these configs at default cluster level, broker id must be specified: [listeners]',
  ],
  [
    broker,
    [set('ssl.keystore.location', '/x')],
    'INVALID_REQUEST',
    'These security configs can be dynamically updated only per-listener using the listener prefix: [ssl.keystore.location]',
  ],
  [
    cluster,
    [set('log.retention.ms', '0')],
    'INVALID_REQUEST',
    'requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1',
  ],
  [
    cluster,
    [set('log.roll.ms', '0')],
    'INVALID_REQUEST',
    'requirement failed: log.roll.ms must be greater than or equal to 1',
  ],
  [
    cluster,
    [set('log.cleaner.threads', '1000')],
    'INVALID_REQUEST',
    'requirement failed: log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.',
  ],
  [
    broker,
    [set('cordoned.log.dirs', '/x')],
    'INVALID_REQUEST',
    'requirement failed: All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : /x',
  ],
  [
    cluster,
    [set('group.consumer.assignment.interval.ms', '100000')],
    'INVALID_REQUEST',
    'group.consumer.assignment.interval.ms must be less than or equal to group.consumer.max.assignment.interval.ms',
  ],
  [
    { ...broker, eligibleLeaderReplicas: true },
    [set('min.insync.replicas', '2')],
    'INVALID_CONFIG',
    'Broker-level min.insync.replicas cannot be altered while ELR is enabled.',
  ],
  [
    { ...cluster, eligibleLeaderReplicas: true },
    [['DELETE', 'min.insync.replicas', null]],
    'INVALID_CONFIG',
    'Cluster-level min.insync.replicas cannot be removed while ELR is enabled.',
  ],
  [
    { ...broker, name: 'x' },
    [set('log.segment.bytes', '3145728')],
    'INVALID_REQUEST',
    'Unable to parse broker name as a base 10 number.',
  ],
  [group, [set('nope', '1')], 'INVALID_CONFIG', 'Unknown group config name: nope'],
  [
    group,
    [set('consumer.session.timeout.ms', '1')],
    'INVALID_CONFIG',
    'consumer.session.timeout.ms must be in the range 45000 to 60000 inclusive.',
  ],
  [
    group,
    [set('consumer.heartbeat.interval.ms', '20000')],
    'INVALID_CONFIG',
    'consumer.heartbeat.interval.ms must be in the range 5000 to 15000 inclusive.',
  ],
  [
    group,
    [set('streams.num.standby.replicas', '3')],
    'INVALID_CONFIG',
    'streams.num.standby.replicas must be less than or equal to 2',
  ],
  [
    group,
    [set('streams.num.warmup.replicas', '21')],
    'INVALID_CONFIG',
    'streams.num.warmup.replicas must be less than or equal to 20',
  ],
  [
    group,
    [set('streams.task.offset.interval.ms', '14999')],
    'INVALID_CONFIG',
    'streams.task.offset.interval.ms must be greater than or equal to 15000',
  ],
  [
    group,
    [set('streams.assignor.name', 'nope')],
    'INVALID_CONFIG',
    "streams.assignor.name 'nope' is not a registered task assignor. Registered assignors are: [sticky].",
  ],
  [
    group,
    [set('streams.rack.aware.assignment.tags', 'a, a')],
    'INVALID_CONFIG',
    'streams.rack.aware.assignment.tags must not contain duplicate tag keys.',
  ],
  [
    group,
    [set('errors.deadletterqueue.topic.name', '__hidden')],
    'INVALID_CONFIG',
    "errors.deadletterqueue.topic.name: DLQ topic name must not start with '__'",
  ],
  [
    group,
    [set('share.auto.offset.reset', 'x')],
    'INVALID_CONFIG',
    "Invalid value x for configuration share.auto.offset.reset: Invalid value `x` for configuration share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.",
  ],
  [
    { ...group, name: '' },
    [set('consumer.session.timeout.ms', '50000')],
    'INVALID_REQUEST',
    'Default group resources are not allowed.',
  ],
  [metrics, [set('nope', '1')], 'INVALID_REQUEST', 'Unknown client metrics configuration: nope'],
  [
    metrics,
    [set('interval.ms', '1')],
    'INVALID_REQUEST',
    'Invalid value 1 for interval.ms, interval must be between 100 and 3600000 (1 hour)',
  ],
  [
    metrics,
    [set('interval.ms', 'x')],
    'INVALID_CONFIG',
    'Invalid value x for configuration interval.ms: Not a number of type INT',
  ],
  [
    metrics,
    [set('match', 'client_id=[')],
    'INVALID_CONFIG',
    'Illegal client matching pattern: client_id=[',
  ],
  [metrics, [set('match', 'foo=1')], 'INVALID_CONFIG', 'Illegal client matching pattern: foo=1'],
  [
    metrics,
    [['APPEND', 'match', 'client_id=a']],
    'INVALID_CONFIG',
    "Can't APPEND to key match because its type is not LIST.",
  ],
  [
    { ...metrics, name: '' },
    [set('interval.ms', '1000')],
    'INVALID_REQUEST',
    "Subscription name can't be empty",
  ],
]

describe('a change that is refused as Apache Kafka refuses it', () => {
  test.each(refused)('of %j by %j: %s %s', (resource, steps, error, message) => {
    expect(alter(resource, steps)).toEqual({ ok: false, error, message })
  })
})

describe('a change of single settings', () => {
  const changes = (result: AlterResult) => (result.ok ? Object.fromEntries(result.changes) : result)

  test('sets and removes', () => {
    const current = new Map([['retention.ms', '5']])
    const steps: Step[] = [set('segment.bytes', '2097152'), ['DELETE', 'retention.ms', null]]
    expect(changes(alter({ ...topic, current }, steps))).toEqual({
      'segment.bytes': '2097152',
      'retention.ms': null,
    })
  })

  test('appends to a list what it does not hold, beginning with the default', () => {
    const steps: Step[] = [['APPEND', 'cleanup.policy', 'compact,delete']]
    expect(changes(alter(topic, steps))).toEqual({ 'cleanup.policy': 'delete,compact' })
  })

  test('takes from a list', () => {
    const current = new Map([['cleanup.policy', 'compact,delete']])
    const steps: Step[] = [['SUBTRACT', 'cleanup.policy', 'compact,foo']]
    expect(changes(alter({ ...topic, current }, steps))).toEqual({ 'cleanup.policy': 'delete' })
  })

  test('writes nothing where a topic has the value already, but repeats it for brokers', () => {
    const current = new Map([['min.insync.replicas', '2']])
    const steps = [set('min.insync.replicas', '2')]
    expect(changes(alter({ ...topic, current }, steps))).toEqual({})
    expect(changes(alter({ ...cluster, current }, steps))).toEqual({ 'min.insync.replicas': '2' })
  })

  test('may remove what is not known', () => {
    expect(changes(alter(topic, [['DELETE', 'nope', null]]))).toEqual({})
  })

  test('may be for one listener of a broker', () => {
    const name = 'listener.name.plaintext.max.connections'
    expect(changes(alter(broker, [set(name, '7')]))).toEqual({ [name]: '7' })
  })
})

describe('a change of all settings', () => {
  test('removes what is not named', () => {
    const current = new Map([
      ['retention.ms', '5'],
      ['segment.ms', '6'],
    ])
    const result = alterWhole(config, { ...topic, current }, [{ name: 'segment.ms', value: '7' }])
    expect(result).toEqual({
      ok: true,
      changes: new Map([
        ['segment.ms', '7'],
        ['retention.ms', null],
      ]),
    })
  })
})

describe('a new topic', () => {
  test('may have settings of its own', () => {
    expect(validateTopic(config, new Map([['cleanup.policy', 'compact']]))).toBeNull()
  })

  test('is checked against the settings of the broker', () => {
    const other = new BrokerConfig({ set: ['log.cleaner.max.compaction.lag.ms=5'] })
    expect(validateTopic(other, new Map([['min.compaction.lag.ms', '6']]))).toMatchObject({
      error: 'INVALID_CONFIG',
    })
  })
})

describe('a name that no setting of a broker has', () => {
  test.each([
    [broker, 'my.own.setting'],
    [broker, 'listener.name.plaintext.my.own'],
    [broker, 'metric.reporters.mine'],
    [broker, 'retention.ms'],
    [broker, '__proto__'],
    [cluster, 'my.own.setting'],
  ])('is taken for a plug-in: %j %s', (resource, name) => {
    expect(alter(resource, [set(name, 'v')])).toEqual({ ok: true, changes: new Map([[name, 'v']]) })
  })

  test('keeps nothing else from being changed, and can be removed', () => {
    const current = new Map([['my.own.setting', 'v']])
    const resource = { ...broker, current }
    expect(alter(resource, [set('log.cleaner.threads', '2')])).toEqual({
      ok: true,
      changes: new Map([['log.cleaner.threads', '2']]),
    })
    expect(alter(resource, [['DELETE', 'my.own.setting', null]])).toEqual({
      ok: true,
      changes: new Map([['my.own.setting', null]]),
    })
    expect(alterWhole(config, resource, [{ name: 'other.setting', value: 'w' }])).toEqual({
      ok: true,
      changes: new Map([
        ['other.setting', 'w'],
        ['my.own.setting', null],
      ]),
    })
  })
})

describe('the bounds of what is taken', () => {
  const accepted = (resource: AlteredResource, steps: readonly Step[]) => alter(resource, steps).ok

  test('a value may have as many characters as Kafka allows, and not one more', () => {
    expect(accepted(broker, [set('my.own.setting', 'x'.repeat(32767))])).toBe(true)
    expect(accepted(broker, [set('my.own.setting', 'x'.repeat(32768))])).toBe(false)
  })

  test('the least compaction lag may be the greatest, and not above it', () => {
    const most = set('max.compaction.lag.ms', '1000')
    expect(accepted(topic, [set('min.compaction.lag.ms', '1000'), most])).toBe(true)
    expect(accepted(topic, [set('min.compaction.lag.ms', '1001'), most])).toBe(false)
  })

  test('a session must be longer than its heartbeat', () => {
    // The limits of the broker allow both values.
    const wide = new BrokerConfig({
      set: ['group.consumer.max.heartbeat.interval.ms=60000'],
    })
    const altered = (heartbeatMs: number) =>
      alterIncrementally(wide, group, [
        { name: 'consumer.session.timeout.ms', configOperation: 0, value: '45000' },
        {
          name: 'consumer.heartbeat.interval.ms',
          configOperation: 0,
          value: String(heartbeatMs),
        },
      ])
    expect(altered(44999).ok).toBe(true)
    expect(altered(45000)).toMatchObject({ ok: false, error: 'INVALID_CONFIG' })
  })
})
