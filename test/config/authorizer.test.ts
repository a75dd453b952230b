import { authorizerConfig } from '../../src/config/authorizer.ts'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import type { ConfigError } from '../../src/config/layers.ts'

const STANDARD = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'

const configOf = (set: string[]): BrokerConfig => new BrokerConfig({ set })
const problemsOf = (set: string[]): readonly string[] => {
  try {
    configOf(set)
    return []
  } catch (error) {
    return (error as ConfigError).problems
  }
}

test('without a name there is no authorizer', () => {
  expect(authorizerConfig(configOf([]))).toBeNull()
})

test.each([STANDARD, 'standard'])('%s is the one that there is', (name) => {
  expect(authorizerConfig(configOf([`authorizer.class.name=${name}`]))).toEqual({
    superUsers: new Set(),
    allowsWithoutAcl: false,
  })
})

test('its super users and its default stand in settings that Kafka’s table does not have', () => {
  const set = [
    `authorizer.class.name=${STANDARD}`,
    'super.users=User:CN=a,OU=b:c; User:Zoë;;',
    'allow.everyone.if.no.acl.found= TRUE ',
  ]
  const config = configOf(set)
  expect(authorizerConfig(config)).toEqual({
    superUsers: new Set(['User:CN=a,OU=b:c', 'User:Zoë']),
    allowsWithoutAcl: true,
  })
  expect(config.notActedUpon).toEqual([])
  expect(configOf(set.slice(1)).notActedUpon).toEqual([
    'super.users',
    'allow.everyone.if.no.acl.found',
  ])
})

test('a super user without a type is a mistake', () => {
  expect(problemsOf(['super.users=alice'])).toEqual([])
  expect(problemsOf(['super.users=alice', 'authorizer.class.name=standard'])).toEqual([
    'super.users: expected a string in format principalType:principalName but got alice',
  ])
})

test('listeners that start early are some of those that there are, controllers’ among them', () => {
  expect(problemsOf(['early.start.listeners=X'])).toEqual([
    'early.start.listeners contains listener X, but this is not contained in listeners or controller.listener.names',
  ])
  expect(problemsOf(['early.start.listeners=PLAINTEXT'])).toEqual([])
  expect(problemsOf(['early.start.listeners=PLAINTEXT', 'authorizer.class.name=standard'])).toEqual(
    [expect.stringMatching(/^early.start.listeners leaves out CONTROLLER: controllers learn/)],
  )
  expect(
    problemsOf(['early.start.listeners=controller', 'authorizer.class.name=standard']),
  ).toEqual([])
})
