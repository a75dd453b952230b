import { BrokerConfig } from '../../src/config/broker-config.ts'
import { settingsOfEnvironment } from '../../src/config/environment.ts'
import { ConfigError, type ConfigSources } from '../../src/config/layers.ts'

const FILE =
  'node.id=3\nprocess.roles=broker\ncontroller.listener.names=CONTROLLER\ncontroller.quorum.voters=1@localhost:9093\n'
const withFile = (text: string, more?: ConfigSources) =>
  new BrokerConfig({ file: { path: 'server.properties', text: FILE + text }, ...more })

function problemsOf(sources: ConfigSources): readonly string[] {
  try {
    new BrokerConfig(sources)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('a node started with nothing', () => {
  const config = new BrokerConfig({})

  test('is a cluster of its own on localhost:9092', () => {
    expect(config.get('node.id')).toBe(1)
    expect(config.get('broker.id')).toBe(1)
    expect(config.get('process.roles')).toEqual(['broker', 'controller'])
    expect(config.get('listeners')).toEqual(['PLAINTEXT://localhost:9092'])
    expect(config.get('offsets.topic.replication.factor')).toBe(1)
    expect(config.logDirectories).toEqual(['data'])
  })

  test('has the defaults of Apache Kafka otherwise', () => {
    expect(config.get('log.segment.bytes')).toBe(1073741824)
    expect(config.get('log.retention.ms')).toBeNull()
  })
})

describe('values', () => {
  test('have the type of their declaration', () => {
    const config = new BrokerConfig({})
    const bytes: number = config.get('log.segment.bytes')
    const enabled: boolean = config.get('auto.create.topics.enable')
    const policies: readonly ('compact' | 'delete')[] = config.get('log.cleanup.policy')
    const ms: number | null = config.get('log.retention.ms')
    const type: 'CreateTime' | 'LogAppendTime' = config.topic().get('message.timestamp.type')
    // @ts-expect-error null is possible
    const never: number = config.get('log.retention.ms')
    // @ts-expect-error no such setting
    const unknown = () => config.get('log.segment.byte')
    expect(unknown).toThrow(TypeError)
    expect([bytes, enabled, policies, ms, type, never]).toEqual([
      1073741824,
      true,
      ['delete'],
      null,
      'CreateTime',
      null,
    ])
  })

  test('come from the command line before the environment before the file', () => {
    const config = withFile('log.segment.bytes=2000001\nmessage.max.bytes=1\nnum.partitions=1', {
      environment: { KAFKA_LOG_SEGMENT_BYTES: '2000002', KAFKA_NUM_PARTITIONS: '2' },
      set: ['num.partitions=3'],
    })
    expect(config.get('message.max.bytes')).toBe(1)
    expect(config.get('log.segment.bytes')).toBe(2000002)
    expect(config.get('num.partitions')).toBe(3)
  })

  test('of a file get no single-node defaults', () => {
    expect(withFile('').get('offsets.topic.replication.factor')).toBe(3)
  })

  test('of a member of a quorum get no single-node defaults', () => {
    const set = FILE.trim().split('\n')
    expect(new BrokerConfig({ set }).get('offsets.topic.replication.factor')).toBe(3)
  })

  test('beyond 2^53 keep their digits as text', () => {
    const config = withFile('log.retention.ms=9007199254740993')
    expect(config.parsed('log.retention.ms').text).toBe('9007199254740993')
  })
})

describe('wrong settings', () => {
  test('without an equals sign are told by name alone: the rest may be a secret', () => {
    const set = ['ssl.key.password:secret', 'secret', '=secret', 'log.dirs', 'node.id=1']
    expect(problemsOf({ set })).toEqual([
      '--set ssl.key.password: expected name=value.',
      '--set number 2, which may have a secret in it: expected name=value.',
      '--set number 3, which may have a secret in it: expected name=value.',
      '--set log.dirs: expected name=value.',
    ])
  })

  test('are all named at once, with their source', () => {
    const text = `${FILE}num.partitions=x\nlog.segment.bytes=5\n`
    expect(problemsOf({ file: { path: 'a.properties', text }, set: ['log.dir'] })).toEqual([
      '--set log.dir: expected name=value.',
      'Invalid value x for configuration num.partitions: Not a number of type INT (from a.properties)',
      'Invalid value 5 for configuration log.segment.bytes: Value must be at least 1048576 (from a.properties)',
    ])
  })

  test('of the caller may be unknown too', () => {
    expect(problemsOf({ settings: { 'log.segment.bytes': 2000000, nope: true } })).toEqual([
      "Unknown setting nope in the caller's settings.",
    ])
  })

  test('on the command line may be unknown, and get a proposal', () => {
    expect(problemsOf({ set: ['log.segments.byte=1'] })).toEqual([
      'Unknown setting log.segments.byte in --set. Did you mean log.segment.bytes?',
    ])
  })

  test('in a file may be unknown, and are listed', () => {
    expect(withFile('custom.thing=1').unknown).toEqual(['custom.thing (from server.properties)'])
  })

  test('may be missing', () => {
    const text = 'process.roles=broker\ncontroller.listener.names=C\n'
    expect(problemsOf({ file: { path: 'a', text } })).toEqual([
      'Missing required configuration "node.id" which has no default value. Add it to a or give it with --set node.id=VALUE.',
    ])
  })
})

describe('settings that change nothing', () => {
  test('are listed where they were given and differ from the default', () => {
    const config = withFile('num.io.threads=16\nnum.network.threads=3\nnum.partitions=5')
    expect(config.notActedUpon).toContain('num.io.threads')
    expect(config.notActedUpon).not.toContain('num.network.threads')
    expect(config.notActedUpon).not.toContain('num.partitions')
  })

  test.each([
    ['create.topic.policy.class.name=a.B', 'all topics would be allowed'],
    ['alter.config.policy.class.name=a.B', 'all changes of settings would be allowed'],
    ['client.quota.callback.class=a.B', 'clients would have other quotas than you expect'],
    ['config.providers=env,file', '${...} in values would be taken as it is written'],
  ])('are refused where %s would hide or forbid something', (setting, consequence) => {
    const [name, value] = setting.split('=')
    expect(problemsOf({ set: [setting] })).toEqual([
      `${name} asks for ${value}, but Ottla has no such plug-ins: ${consequence}. Remove the setting to start nevertheless.`,
    ])
  })

  test('are refused where ignoring them would leave a door open', () => {
    expect(problemsOf({ set: ['authorizer.class.name=a.B'] })).toEqual([
      'authorizer.class.name asks for a.B, but Ottla has only org.apache.kafka.metadata.authorizer.StandardAuthorizer. Set that, or remove the setting: then everybody may do everything.',
    ])
  })
})

describe('the environment', () => {
  test('names settings as the Apache image does', () => {
    const settings = settingsOfEnvironment({
      KAFKA_LOG_SEGMENT_BYTES: '1',
      KAFKA_LISTENER_NAME_A__B_SSL___X: '2',
      KAFKA_HEAP_OPTS: '-Xmx1g',
      HOME: '/',
    })
    expect(Object.fromEntries(settings)).toEqual({
      'log.segment.bytes': '1',
      'listener.name.a_b.ssl-x': '2',
    })
  })

  test('makes addresses to listen on of advertised ones', () => {
    const settings = settingsOfEnvironment({ KAFKA_ADVERTISED_LISTENERS: 'A://h:1,B://i:2' })
    expect(settings.get('listeners')).toBe('A://0.0.0.0:1,B://0.0.0.0:2')
    const ipv6 = settingsOfEnvironment({ KAFKA_ADVERTISED_LISTENERS: 'A://[fe80::1]:1,B://:2' })
    expect(ipv6.get('listeners')).toBe('A://0.0.0.0:1,B://0.0.0.0:2')
  })

  test('gives the id of a new cluster', () => {
    expect(new BrokerConfig({ environment: { CLUSTER_ID: 'abc' } }).clusterId).toBe('abc')
  })
})

describe('the configurations that Apache Kafka comes with', () => {
  test('the file of a single node', () => {
    const { listeners, notActedUpon } = new BrokerConfig({
      file: {
        path: 'server.properties',
        text: `
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
log.dirs=/tmp/kraft-combined-logs
`,
      },
    })
    expect(listeners.advertised.map(({ listener }) => listener)).toEqual(['PLAINTEXT'])
    expect(listeners.controller.map(({ port }) => port)).toEqual([9093])
    expect(notActedUpon).not.toContain('num.io.threads')
  })

  test('the environment of a single node in Docker', () => {
    const { listeners } = new BrokerConfig({
      environment: {
        KAFKA_NODE_ID: '1',
        KAFKA_PROCESS_ROLES: 'broker,controller',
        KAFKA_LISTENERS: 'PLAINTEXT://:19092,CONTROLLER://:29093,PLAINTEXT_HOST://:9092',
        KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT_HOST://localhost:9092,PLAINTEXT://broker:19092',
        KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP:
          'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT',
        KAFKA_CONTROLLER_QUORUM_VOTERS: '1@broker:29093',
        KAFKA_INTER_BROKER_LISTENER_NAME: 'PLAINTEXT',
        KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
        KAFKA_LOG_DIRS: '/tmp/kraft-combined-logs',
        CLUSTER_ID: '4L6g3nShT-eMCtK--X86sw',
      },
    })
    expect(listeners.broker.map(({ port }) => port)).toEqual([19092, 9092])
    expect(listeners.advertised[0]).toMatchObject({ listener: 'PLAINTEXT_HOST', port: 9092 })
  })
})

describe('dynamic settings', () => {
  const cluster = new Map([
    ['log.segment.bytes', '2097152'],
    ['log.retention.ms', '7200000'],
  ])
  const broker = new Map([['log.segment.bytes', '3145728']])

  test('of one broker are stronger than those of the cluster', () => {
    const config = withFile('log.segment.bytes=4194304')
    config.updateDynamic({ cluster, broker: new Map() })
    expect(config.get('log.segment.bytes')).toBe(2097152)
    config.updateDynamic({ cluster, broker })
    expect(config.get('log.segment.bytes')).toBe(3145728)
    config.updateDynamic({ cluster: new Map(), broker: new Map() })
    expect(config.get('log.segment.bytes')).toBe(4194304)
  })

  test('are reported once when they change', () => {
    const config = withFile('')
    const seen: string[][] = []
    const end = config.onChange((changed) => seen.push([...changed].sort()))
    config.updateDynamic({ cluster, broker })
    config.updateDynamic({ cluster, broker })
    end()
    config.updateDynamic({ cluster: new Map(), broker: new Map() })
    expect(seen).toEqual([['log.retention.ms', 'log.segment.bytes']])
  })

  test('take the place of their synonyms', () => {
    const config = withFile('log.retention.hours=200')
    expect(config.topic().get('retention.ms')).toBe(200 * 3600000)
    config.updateDynamic({ cluster, broker: new Map() })
    expect(config.topic().get('retention.ms')).toBe(7200000)
    expect(config.get('log.retention.hours')).toBe(168)
  })

  test('that are wrong, read-only or only for one broker are left out', () => {
    const config = withFile('')
    const wrong = new Map([
      ['log.segment.bytes', 'x'],
      ['node.id', '9'],
      ['listeners', 'PLAINTEXT://:1'],
    ])
    expect(config.updateDynamic({ cluster: wrong, broker: new Map() })).toHaveLength(3)
    expect(config.get('node.id')).toBe(3)
  })

  test('may be for one listener', () => {
    const config = withFile('')
    const own = new Map([['listener.name.plaintext.max.connections', '7']])
    config.updateDynamic({ cluster: new Map(), broker: own })
    expect(config.getForListener('PLAINTEXT', 'max.connections')).toBe(7)
    expect(config.getForListener('OTHER', 'max.connections')).toBe(2147483647)
  })
})

describe('the settings of a topic', () => {
  test('fall back to the most specific of the broker', () => {
    const config = withFile('log.roll.hours=2\nlog.retention.minutes=3\nlog.retention.hours=9')
    expect(config.topic().get('segment.ms')).toBe(7200000)
    expect(config.topic().get('retention.ms')).toBe(180000)
    expect(config.topic().get('flush.ms')).toBe(Infinity)
    expect(config.topic().text('flush.ms')).toBe('9223372036854775807')
  })

  test('take any negative retention as none', () => {
    expect(withFile('log.retention.hours=-1').topic().get('retention.ms')).toBe(-1)
  })

  test('are its own where it has some', () => {
    const topic = withFile('').topic(
      new Map([
        ['cleanup.policy', 'compact, delete'],
        ['nope', '1'],
      ]),
    )
    expect(topic.get('cleanup.policy')).toEqual(['compact', 'delete'])
    expect([...topic.own.keys()]).toEqual(['cleanup.policy'])
    expect(topic.ignored).toEqual(['Unknown config name: nope'])
  })
})
