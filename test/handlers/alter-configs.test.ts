import { AlterConfigs } from '../../protocol/messages/alter-configs.ts'
import { IncrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { ShardError } from '../../src/machine/runtime.ts'
import type { ControllerCommand } from '../../src/metadata/controller/commands.ts'
import { TestNode } from './test-node.ts'

const TOPIC = 2
const BROKER = 4
const BROKER_LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32
const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

type Change = [name: string, value: string | null, configOperation?: number]

const resource = (resourceType: number, resourceName: string, ...changes: Change[]) => ({
  resourceType,
  resourceName,
  configs: changes.map(([name, value, configOperation = SET]) => ({
    name,
    value,
    configOperation,
  })),
})

/** Its controller alters all that it gets. */
function node(): TestNode {
  const made = new TestNode()
  made.controller = (command: ControllerCommand) =>
    'resources' in command
      ? command.resources.map(({ resourceType, resourceName }) => ({
          resourceType,
          resourceName,
          errorCode: 'NONE',
          errorMessage: null,
        }))
      : null
  return made
}

const asked = (served: TestNode): string[] =>
  served.commands.flatMap((command) =>
    'resources' in command
      ? command.resources.map(({ resourceType, resourceName }) => `${resourceType} ${resourceName}`)
      : [],
  )

async function incrementally(
  served: TestNode,
  ...resources: ReturnType<typeof resource>[]
): Promise<(string | null)[][]> {
  const { responses } = await served.ask(IncrementalAlterConfigs, 1, {
    resources,
    validateOnly: false,
  })
  return responses.map(({ resourceName, errorCode, errorMessage }) => [
    resourceName,
    errorCode,
    errorMessage,
  ])
}

describe('IncrementalAlterConfigs', () => {
  test('gives the controller what it may decide, and answers in the order of the request', async () => {
    const served = node()
    const answers = await incrementally(
      served,
      resource(TOPIC, 'a', ['retention.ms', '1']),
      resource(TOPIC, 'bad name', ['retention.ms', '1']),
      resource(TOPIC, ''),
      resource(BROKER, '', ['log.retention.ms', '1']),
      resource(BROKER, '1', ['log.retention.ms', '1']),
      resource(BROKER, '2', ['log.retention.ms', '1']),
      resource(BROKER, 'x', ['log.retention.ms', '1']),
      resource(CLIENT_METRICS, 'm', ['interval.ms', '1000']),
      resource(GROUP, 'g', ['consumer.session.timeout.ms', '46000']),
      resource(3, 'x'),
      resource(0, 'x'),
    )
    expect(asked(served)).toEqual(['2 a', '2 ', '4 ', '4 1', '16 m', '32 g'])
    expect(answers).toEqual([
      ['a', 'NONE', null],
      [
        'bad name',
        'INVALID_TOPIC_EXCEPTION',
        "Topic name is invalid: 'bad name' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
      ],
      ['', 'NONE', null],
      ['', 'NONE', null],
      ['1', 'NONE', null],
      ['2', 'INVALID_REQUEST', 'Unexpected broker id, expected 1, but received 2'],
      ['x', 'INVALID_REQUEST', 'Node id must be an integer, but it is: x'],
      ['m', 'NONE', null],
      ['g', 'NONE', null],
      ['x', 'INVALID_REQUEST', 'Unknown resource type 3'],
      ['x', 'INVALID_REQUEST', 'Unknown resource type 0'],
    ])
  })

  test('refuses what occurs twice, and values that are missing', async () => {
    const served = node()
    const answers = await incrementally(
      served,
      resource(TOPIC, 'a', ['retention.ms', '1']),
      resource(TOPIC, 'a', ['retention.ms', '2']),
      resource(TOPIC, 'b', ['retention.ms', '1'], ['retention.ms', '2']),
      resource(TOPIC, 'c', ['retention.ms', null], ['segment.ms', null, APPEND]),
      resource(TOPIC, 'd', ['retention.ms', null, DELETE]),
    )
    const twice = 'Each resource must appear at most once.'
    expect(answers).toEqual([
      ['a', 'INVALID_REQUEST', twice],
      ['a', 'INVALID_REQUEST', twice],
      ['b', 'INVALID_REQUEST', 'Error due to duplicate config keys'],
      ['c', 'INVALID_REQUEST', 'Null value not supported for : retention.ms, segment.ms'],
      ['d', 'NONE', null],
    ])
    expect(asked(served)).toEqual(['2 d'])
  })

  test.each<[string, Change[], (string | null)[]]>([
    ['1', [['root', 'INFO']], ['1', 'INVALID_CONFIG', 'Logger root does not exist!']],
    ['1', [['root', null, DELETE]], ['1', 'INVALID_CONFIG', 'Logger root does not exist!']],
    [
      '1',
      [['root', 'INFO', APPEND]],
      ['1', 'INVALID_REQUEST', 'APPEND operation is not allowed for the BROKER_LOGGER resource'],
    ],
    [
      '1',
      [['root', 'INFO', SUBTRACT]],
      ['1', 'INVALID_REQUEST', 'SUBTRACT operation is not allowed for the BROKER_LOGGER resource'],
    ],
    [
      '2',
      [['root', 'INFO']],
      ['2', 'INVALID_REQUEST', 'Unexpected node id. Expected 1, but received 2'],
    ],
    ['', [['root', 'INFO']], ['', 'INVALID_REQUEST', 'Node id must be an integer, but it is: ']],
    ['1', [], ['1', 'NONE', null]],
  ])('has no logger whose level could be altered: %s %j', async (name, changes, answer) => {
    const served = node()
    expect(await incrementally(served, resource(BROKER_LOGGER, name, ...changes))).toEqual([answer])
    expect(served.commands).toEqual([])
  })

  test('validates only where that was asked', async () => {
    const served = node()
    await served.ask(IncrementalAlterConfigs, 0, {
      resources: [resource(TOPIC, 'a', ['retention.ms', '1'])],
      validateOnly: true,
    })
    expect(served.commands).toEqual([
      {
        type: 'incrementalAlterConfigs',
        resources: [resource(TOPIC, 'a', ['retention.ms', '1'])],
        validateOnly: true,
      },
    ])
  })

  test('tells every resource that the controller is lost', async () => {
    const served = node()
    served.controller = () => {
      throw new ShardError('ERR_COMMIT_TIMEOUT', 'too late')
    }
    expect(await incrementally(served, resource(TOPIC, 'a'), resource(GROUP, 'g'))).toEqual([
      ['a', 'REQUEST_TIMED_OUT', 'too late'],
      ['g', 'REQUEST_TIMED_OUT', 'too late'],
    ])
  })

  test('does not trouble the controller with an empty request', async () => {
    const served = node()
    expect(await incrementally(served)).toEqual([])
    expect(served.commands).toEqual([])
  })
})

describe('AlterConfigs', () => {
  test('gives the controller whole resources, and knows no loggers', async () => {
    const served = node()
    const { responses } = await served.ask(AlterConfigs, 2, {
      resources: [
        resource(TOPIC, 'a', ['retention.ms', '1']),
        resource(BROKER_LOGGER, '1', ['root', 'INFO']),
        resource(TOPIC, 'b', ['retention.ms', null]),
        resource(BROKER, '3'),
      ],
      validateOnly: true,
    })
    expect(served.commands).toEqual([
      {
        type: 'alterConfigs',
        resources: [
          {
            resourceType: TOPIC,
            resourceName: 'a',
            configs: [{ name: 'retention.ms', value: '1' }],
          },
        ],
        validateOnly: true,
      },
    ])
    expect(responses.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])).toEqual([
      ['NONE', null],
      ['INVALID_REQUEST', 'Unknown resource type 8'],
      ['INVALID_REQUEST', 'Null value not supported for : retention.ms'],
      ['INVALID_REQUEST', 'Unexpected broker id, expected 1, but received 3'],
    ])
  })
})
