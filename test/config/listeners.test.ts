import { addressLimits } from '../../src/config/checks.ts'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import { ConfigError } from '../../src/config/layers.ts'

const FILE = [
  'node.id=1',
  'process.roles=broker,controller',
  'controller.listener.names=CONTROLLER',
]

function listenersOf(...lines: string[]) {
  const text = [...FILE, ...lines].join('\n')
  return new BrokerConfig({ file: { path: 'server.properties', text } }).listeners
}

function problemOf(...lines: string[]): string {
  try {
    listenersOf(...lines)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

const endpoint = (listener: string, host: string, port: number) => ({
  listener,
  securityProtocol: 'PLAINTEXT',
  host,
  port,
})

describe('listeners', () => {
  test('serve, are advertised and connect brokers where nothing else is said', () => {
    const expected = [endpoint('PLAINTEXT', '127.0.0.1', 0)]
    expect(listenersOf('listeners=PLAINTEXT://127.0.0.1:0')).toEqual({
      broker: expected,
      controller: [],
      advertised: expected,
      advertisedController: [],
      interBroker: 'PLAINTEXT',
      interBrokerProtocol: 'PLAINTEXT',
      towardsControllers: null,
    })
  })

  test('of the controller are advertised as advertised.listeners says, else as they are', () => {
    const listeners = 'listeners=PLAINTEXT://h:1,CONTROLLER://0.0.0.0:2,SECOND://h:3'
    const names = 'controller.listener.names=SECOND,CONTROLLER'
    const map =
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECOND:PLAINTEXT'
    const own = [listeners, names, map, 'controller.quorum.voters=1@h:2']
    expect(listenersOf(...own).advertisedController).toEqual([
      endpoint('SECOND', 'h', 3),
      endpoint('CONTROLLER', '', 2),
    ])
    const advertised = 'advertised.listeners=PLAINTEXT://out:1,CONTROLLER://out:22'
    expect(listenersOf(...own, advertised).advertisedController).toEqual([
      endpoint('SECOND', 'h', 3),
      endpoint('CONTROLLER', 'out', 22),
    ])
  })

  test('of the controller are not for clients', () => {
    const { broker, controller, advertised } = listenersOf(
      'listeners=PLAINTEXT://h:1,CONTROLLER://:2',
      'controller.quorum.voters=1@h:2',
    )
    expect(broker).toEqual([endpoint('PLAINTEXT', 'h', 1)])
    expect(advertised).toEqual(broker)
    expect(controller).toEqual([endpoint('CONTROLLER', '', 2)])
  })

  test('may have names of their own, that a map gives protocols', () => {
    const listeners = listenersOf(
      'listeners=inside://:1,OUTSIDE://[::1]:2',
      'advertised.listeners=INSIDE://in:1,OUTSIDE://out:22',
      'listener.security.protocol.map=INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT',
      'inter.broker.listener.name=inside',
    )
    expect(listeners.broker).toEqual([endpoint('INSIDE', '', 1), endpoint('OUTSIDE', '::1', 2)])
    expect(listeners.advertised[1]).toEqual(endpoint('OUTSIDE', 'out', 22))
    expect(listeners.interBroker).toBe('INSIDE')
  })

  test('by which nodes reach each other may be those of TLS and SASL', () => {
    const one = listenersOf('listeners=SSL://:1', 'security.inter.broker.protocol=SSL')
    expect([one.interBroker, one.interBrokerProtocol]).toEqual(['SSL', 'SSL'])
    const map = 'listener.security.protocol.map=INSIDE:SASL_SSL,CONTROLLER:SSL'
    const { interBrokerProtocol, towardsControllers } = listenersOf(
      'listeners=INSIDE://:1,CONTROLLER://:2',
      'inter.broker.listener.name=INSIDE',
      'controller.quorum.voters=1@h:2,2@h:3',
      map,
    )
    expect(interBrokerProtocol).toBe('SASL_SSL')
    expect(towardsControllers).toEqual({ listener: 'CONTROLLER', securityProtocol: 'SSL' })
    const broker = ['process.roles=broker', 'controller.quorum.bootstrap.servers=h:2']
    const inside = ['listeners=INSIDE://:1', 'inter.broker.listener.name=INSIDE']
    expect(listenersOf(...broker, ...inside, map).towardsControllers).toEqual(towardsControllers)
    const without = 'listener.security.protocol.map=INSIDE:SASL_SSL'
    expect(problemOf(...broker, ...inside, without)).toContain(
      'Controller listener with name CONTROLLER defined in controller.listener.names not found',
    )
  })

  test.each([
    [['listeners=A://:1'], 'No security protocol defined for listener A'],
    [['listeners=PLAINTEXT:1'], 'Unable to parse PLAINTEXT:1'],
    [['listeners=PLAINTEXT://h'], 'Unable to parse PLAINTEXT://h'],
    [['listeners=PLAINTEXT://:65536'], 'no valid port'],
    [['listeners=PLAINTEXT://:1,PLAINTEXT://:2'], 'must have a different name'],
    [
      ['listeners=PLAINTEXT://:1,CONTROLLER://:1', 'controller.quorum.voters=1@h:1'],
      'must have a different port',
    ],
    [['listeners=PLAINTEXT://0.0.0.0:1'], 'cannot use the nonroutable meta-address 0.0.0.0'],
    [
      ['listeners=PLAINTEXT://:1', 'advertised.listeners=SSL://:2'],
      'inter.broker.listener.name must be a listener name defined in advertised.listeners',
    ],
    [
      ['listeners=PLAINTEXT://:1', 'controller.quorum.voters=1@h:1,2@h:2'],
      'controller.listener.names must contain at least one value appearing in',
    ],
    [
      ['listeners=PLAINTEXT://:1', 'listener.security.protocol.map=PLAINTEXT:TLS'],
      'Invalid security protocol `TLS`',
    ],
    [
      ['inter.broker.listener.name=PLAINTEXT', 'security.inter.broker.protocol=PLAINTEXT'],
      'Only one of inter.broker.listener.name and security.inter.broker.protocol',
    ],
    [['inter.broker.listener.name=X'], 'Listener with name X'],
    [['listeners=CONTROLLER://:1'], 'at least one broker advertised listener'],
  ])('%j are refused: %s', (lines, message) => {
    expect(problemOf(...lines)).toContain(message)
  })

  test('may share a port by IPv4 and IPv6', () => {
    const both = 'listeners=PLAINTEXT://127.0.0.1:1,OTHER://[::1]:1'
    const map = 'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,OTHER:PLAINTEXT'
    expect(listenersOf(both, map).broker).toHaveLength(2)
  })
})

describe('settings that contradict each other', () => {
  test.each([
    [['broker.id=2'], 'You must set `node.id` to the same value as `broker.id`.'],
    [['log.roll.ms=0'], 'requirement failed: log.roll.ms must be greater than or equal to 1'],
    [
      ['queued.max.request.bytes=5'],
      'requirement failed: queued.max.request.bytes must be larger or equal to socket.request.max.bytes',
    ],
    [
      ['max.connections.per.ip=0'],
      'requirement failed: max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.',
    ],
    [
      ['log.dirs=/a,/b', 'cordoned.log.dirs=/b,/c'],
      'All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : /c',
    ],
    [
      ['log.dirs=/a,/b', 'cordoned.log.dirs=*,/b'],
      'requirement failed: When cordoned.log.dirs is set to *, it must not contain other values',
    ],
    [
      ['group.consumer.heartbeat.interval.ms=15000', 'group.consumer.session.timeout.ms=15000']
        .concat('group.consumer.max.heartbeat.interval.ms=15000')
        .concat('group.consumer.min.session.timeout.ms=15000'),
      'group.consumer.heartbeat.interval.ms must be less than group.consumer.session.timeout.ms',
    ],
    [['authorizer.class.name=org.x.Y'], 'Ottla has only org.apache.kafka.metadata.authorizer'],
    [['create.topic.policy.class.name=org.x.Y'], 'all topics would be allowed'],
    [['alter.config.policy.class.name=org.x.Y'], 'all changes of settings would be allowed'],
    [['replica.selector.class=org.x.Y'], 'of its own only org.apache.kafka.common.replica.RackAwa'],
    [['config.providers=file'], 'would be taken as it is written'],
    [
      ['max.connections.per.ip.overrides=host'],
      "Error parsing configuration property 'max.connections.per.ip.overrides'",
    ],
    [
      ['group.consumer.session.timeout.ms=1000'],
      'group.consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms',
    ],
    [
      ['controller.quorum.voters=3@h:1', 'listeners=PLAINTEXT://:1,CONTROLLER://:2'],
      "requirement failed: If process.roles contains the 'controller' role, the node id 1 must be included in the set of voters controller.quorum.voters=Set(3)",
    ],
  ])('%j prevent the start', (lines, message) => {
    expect(problemOf(...lines)).toContain(message)
  })

  test.each([
    ['queued.max.request.bytes=-1'],
    ['max.connections.per.ip=0', 'max.connections.per.ip.overrides=127.0.0.1:5'],
    ['log.dirs=/a,/b', 'cordoned.log.dirs=/b'],
    ['cordoned.log.dirs=*'],
  ])('%s is no contradiction', (...lines) => {
    expect(listenersOf(...lines).broker).toHaveLength(1)
  })

  test('limits of single addresses may be for IPv6, too', () => {
    expect(addressLimits('::1:5, localhost : 7')).toEqual(
      new Map([
        ['::1', 5],
        ['localhost', 7],
      ]),
    )
    expect(addressLimits('')).toEqual(new Map())
  })
})
