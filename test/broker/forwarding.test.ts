import { codecOf } from '../../protocol/codec.ts'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { ResponseHeader, responseHeaderVersion } from '../../protocol/messages/headers.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { Forwarding } from '../../src/broker/forwarding.ts'
import { closeConnection } from '../../src/handlers/answer.ts'
import type { RequestContext } from '../../src/handlers/context.ts'
import { createTopics } from '../../src/handlers/create-topics.ts'
import { deleteTopics } from '../../src/handlers/delete-topics.ts'
import type { Handler } from '../../src/handlers/handler.ts'
import type { NodeServices } from '../../src/handlers/services.ts'
import { RatedLog } from '../../src/host/rated-log.ts'
import { ControllerLinkError } from '../../src/peer/controller-link.ts'
import type { ControllerLink } from '../../src/peer/controller-link.ts'
import { PeerError } from '../../src/peer/errors.ts'
import { NotForwarded } from '../../src/server/forward.ts'
import { frameOf } from '../support/dearest-request.ts'
import { SkippingClock } from '../support/skipping-clock.ts'

const VERSION = 6
const frame = frameOf(DeleteTopics as unknown as AnyApi, VERSION, {
  topics: [{ name: 't', topicId: 'A'.repeat(22) }],
  timeoutMs: 1000,
})
const CORRELATION_ID = frame.readInt32BE(4)
const answered = {
  throttleTimeMs: 5,
  responses: [{ name: 't', topicId: 'T'.repeat(21) + 'A', errorCode: 'NONE', errorMessage: null }],
} as const

function responseData(correlationId = CORRELATION_ID): Buffer {
  const writer = new Writer()
  const header = codecOf(ResponseHeader, responseHeaderVersion(DeleteTopics, VERSION))
  header.write(writer, { correlationId })
  codecOf(DeleteTopics.response, VERSION).write(writer, answered)
  return writer.toBuffer()
}

const context = {
  version: VERSION,
  principal: { type: 'User', name: 'alice' },
  connection: { host: '10.0.0.9' },
} as unknown as RequestContext<NodeServices>

/** What becomes of the request when the link to the controller gives this. */
function forward(
  ask: () => Promise<object>,
  isController = false,
  request: object = {},
  handler: Handler<NodeServices> = deleteTopics,
) {
  const asked: { body: object; options: object }[] = []
  const lines: string[] = []
  const known: string[] = []
  const log = { warn: (_fields: object, message: string) => void lines.push(message) }
  const forwarding = new Forwarding({
    link: {
      apiVersions: null,
      ask: ((_api: AnyApi, body: object, options: object) => {
        asked.push({ body, options })
        return ask()
      }) as unknown as ControllerLink['ask'],
    },
    faults: new RatedLog(log as never, new SkippingClock()),
    isController: () => isController,
    timeoutMs: 30_000,
    known: (topics) => {
      known.push(...topics)
      return Promise.resolve()
    },
  })
  const outcome = forwarding.forward(frame, request, handler, context)
  return { outcome, asked, lines, known, forwarding }
}

describe('what is forwarded to the controller', () => {
  test('is the client’s request as it came, in its name, and the answer is the controller’s', async () => {
    const envelope = { errorCode: 'NONE', responseData: responseData() }
    const { outcome, asked } = forward(() => Promise.resolve(envelope))
    expect(await outcome).toEqual(answered)
    expect(asked).toEqual([
      {
        body: {
          requestData: frame,
          requestPrincipal: Buffer.from('\0\0\x05User\x06alice\0\0'),
          clientHostAddress: Buffer.from([10, 0, 0, 9]),
        },
        options: { timeoutMs: 30_000, isElsewhere: expect.any(Function) },
      },
    ])
    const { isElsewhere } = asked[0]!.options as { isElsewhere(answer: object): boolean }
    expect(isElsewhere({ errorCode: 'NOT_CONTROLLER' })).toBe(true)
    expect(isElsewhere(envelope)).toBe(false)
  })

  test('is nothing where this node is the controller', () => {
    const { outcome, asked, forwarding } = forward(() => Promise.resolve({}), true)
    expect([outcome, asked, forwarding.controllerApis]).toEqual([null, [], null])
  })

  test('is said to have taken too long where no controller has answered', async () => {
    const error = new ControllerLinkError('NOT_SENT', 'nobody')
    const { outcome } = forward(() => Promise.reject(error))
    expect(await outcome).toEqual(
      new NotForwarded({ errorCode: 'REQUEST_TIMED_OUT', errorMessage: 'nobody' }),
    )
  })

  test('ends the connection of a client whose version the controller doesn’t know', async () => {
    const { outcome } = forward(() =>
      Promise.resolve({ errorCode: 'UNSUPPORTED_VERSION', responseData: null }),
    )
    expect(await outcome).toBe(closeConnection)
  })

  test.each([
    [
      'an error of the envelope',
      () => Promise.resolve({ errorCode: 'CLUSTER_AUTHORIZATION_FAILED', responseData: null }),
    ],
    ['no answer inside', () => Promise.resolve({ errorCode: 'NONE', responseData: null })],
    [
      'another request’s answer',
      () => Promise.resolve({ errorCode: 'NONE', responseData: responseData(99) }),
    ],
    [
      'a part of one',
      () => Promise.resolve({ errorCode: 'NONE', responseData: responseData().subarray(0, -1) }),
    ],
    [
      'more than one',
      () =>
        Promise.resolve({
          errorCode: 'NONE',
          responseData: Buffer.concat([responseData(), Buffer.alloc(1)]),
        }),
    ],
    [
      'a controller that knows no envelopes',
      () => Promise.reject(new PeerError('UNSUPPORTED_VERSION', { host: 'h', port: 1 }, 'no')),
    ],
  ])('%s is no affair of the client’s, and is told in the log', async (_what, ask) => {
    const { outcome, lines } = forward(ask)
    expect(await outcome).toEqual(
      new NotForwarded({ errorCode: 'UNKNOWN_SERVER_ERROR', errorMessage: null }),
    )
    expect(lines).toHaveLength(1)
  })

  test('topics that are made are known here when the client hears of it', async () => {
    const topics = [
      { name: 'made', errorCode: 'NONE' },
      { name: 'refused', errorCode: 'TOPIC_ALREADY_EXISTS' },
    ] as const
    const writer = new Writer()
    const header = codecOf(ResponseHeader, responseHeaderVersion(CreateTopics, VERSION))
    header.write(writer, { correlationId: CORRELATION_ID })
    codecOf(CreateTopics.response, VERSION).write(writer, {
      topics: topics.map((topic) => ({ ...topic, errorMessage: null, configs: [] })),
    })
    const envelope = { errorCode: 'NONE', responseData: writer.toBuffer() }
    for (const validateOnly of [false, true]) {
      const ask = (): Promise<object> => Promise.resolve(envelope)
      const { outcome, known } = forward(ask, false, { validateOnly }, createTopics)
      expect(await outcome).toMatchObject({ topics })
      expect(known).toEqual(validateOnly ? [] : ['made'])
    }
  })
})
