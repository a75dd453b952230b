import { BrokerConfig } from '../../src/config/broker-config.ts'
import { joiningProblem } from '../../src/config/joining.ts'

const HOST_NAME = 'Node1.example'

function problemOf(...set: string[]): string | null {
  const config = new BrokerConfig({
    set: ['node.id=1', 'process.roles=broker,controller', ...set],
    file: { path: 'server.properties', text: 'controller.listener.names=CONTROLLER' },
  })
  return joiningProblem(config, config.listeners, HOST_NAME)
}

const BOTH = 'listeners=PLAINTEXT://:9092,CONTROLLER://:9093'
const VOTERS = 'controller.quorum.voters'
const SERVERS = 'controller.quorum.bootstrap.servers'

describe('a node of its own', () => {
  test.each([
    ['names no quorum', ['listeners=PLAINTEXT://:9092']],
    ['is the only voter, by whatever address', [BOTH, `${VOTERS}=1@elsewhere:9093`]],
    ['is at localhost', [BOTH, `${SERVERS}=localhost:9093`]],
    ['is at a loopback address', [BOTH, `${SERVERS}=127.0.0.1:9093,[::1]:9093`]],
    ['is at the name of its machine', [BOTH, `${SERVERS}=node1.example:9093,NODE1:9093`]],
    [
      'is where it listens',
      [BOTH.replace('//:9093', '//10.0.0.1:9093'), `${SERVERS}=10.0.0.1:9093`],
    ],
    [
      'is where it says that it is',
      [BOTH, 'advertised.listeners=PLAINTEXT://kafka:9092', `${SERVERS}=kafka:9093`],
    ],
  ])('%s', (_, set) => {
    expect(problemOf(...set)).toBeNull()
  })
})

describe('a node that is told to join others is refused', () => {
  test('where there are other voters, which are named', () => {
    const problem = problemOf(BOTH, `${VOTERS}=1@a:9093,2@b:9093,3@c:9093`)
    expect(problem).toContain(`${VOTERS}=1@a:9093,2@b:9093,3@c:9093`)
    expect(problem).toContain('to join others (2@b:9093, 3@c:9093)')
    expect(problem).toContain('cluster of one node')
  })

  test.each(['other:9093', 'localhost:9094', 'localhost:9092', '[fe80::1]:9093', 'node2:9093'])(
    'where %s may be another controller',
    (server) => {
      const problem = problemOf(BOTH, `${SERVERS}=localhost:9093,${server}`)
      expect(problem).toContain(`to join others (${server})`)
      expect(problem).toContain('or localhost')
    },
  )

  test('where it is only a broker', () => {
    const problem = problemOf(
      'process.roles=broker',
      'listeners=PLAINTEXT://:9092',
      `${SERVERS}=localhost:9093`,
    )
    expect(problem).toMatch(/^process\.roles=broker asks for a node that joins controllers/)
    expect(problem).toContain('set process.roles=broker,controller and remove')
  })

  test('where it is only a controller', () => {
    const problem = problemOf(
      'process.roles=controller',
      'listeners=CONTROLLER://:9093',
      `${VOTERS}=1@localhost:9093`,
    )
    expect(problem).toMatch(/^process\.roles=controller asks for a node that is only a controller/)
  })
})
