import { BrokerConfig } from '../../src/config/broker-config.ts'
import { quorumMembership } from '../../src/config/joining.ts'
import type { QuorumMembership } from '../../src/config/joining.ts'

const HOST_NAME = 'Node1.example'

function membershipOf(...set: string[]): QuorumMembership {
  const config = new BrokerConfig({
    set: ['node.id=1', 'process.roles=broker,controller', ...set],
    file: { path: 'server.properties', text: 'controller.listener.names=CONTROLLER' },
  })
  return quorumMembership(config, config.listeners, HOST_NAME)
}

const BOTH = 'listeners=PLAINTEXT://:9092,CONTROLLER://:9093'
const VOTERS = 'controller.quorum.voters'
const SERVERS = 'controller.quorum.bootstrap.servers'

describe('a node is the whole of its quorum', () => {
  test.each([
    ['where it names none', ['listeners=PLAINTEXT://:9092']],
    ['where it is the only voter, by whatever address', [BOTH, `${VOTERS}=1@elsewhere:9093`]],
    ['that is at localhost', [BOTH, `${SERVERS}=localhost:9093`]],
    ['that is at a loopback address', [BOTH, `${SERVERS}=127.0.0.1:9093,[::1]:9093`]],
    ['that is at the name of its machine', [BOTH, `${SERVERS}=node1.example:9093,NODE1:9093`]],
    [
      'that is where it listens',
      [BOTH.replace('//:9093', '//10.0.0.1:9093'), `${SERVERS}=10.0.0.1:9093`],
    ],
    [
      'that is where it says that it is',
      [BOTH, 'advertised.listeners=PLAINTEXT://kafka:9092', `${SERVERS}=kafka:9093`],
    ],
  ])('%s', (_, set) => {
    expect(membershipOf(...set)).toMatchObject({ kind: 'alone', servers: [] })
  })
})

describe('a node is one of several', () => {
  test('that are the voters by their settings, and ask each other who leads', () => {
    const set = [BOTH, `${VOTERS}=1@a:9093,2@B:9094,3@[::1]:9095`]
    const others = [
      { id: 2, host: 'b', port: 9094 },
      { id: 3, host: '::1', port: 9095 },
    ]
    expect(membershipOf(...set)).toEqual({
      kind: 'static',
      voters: [{ id: 1, host: 'a', port: 9093 }, ...others],
      servers: others,
    })
  })

  test('whose voters the log names, and who are found by servers', () => {
    const set = [BOTH, `${SERVERS}=localhost:9093,other:9093`]
    expect(membershipOf(...set)).toEqual({
      kind: 'dynamic',
      voters: [],
      servers: [
        { host: 'localhost', port: 9093 },
        { host: 'other', port: 9093 },
      ],
    })
  })

  test.each(['other:9093', 'localhost:9094', 'localhost:9092', '[fe80::1]:9093', 'node2:9093'])(
    'where %s may be another controller',
    (server) => {
      expect(membershipOf(BOTH, `${SERVERS}=localhost:9093,${server}`).kind).toBe('dynamic')
    },
  )
})
