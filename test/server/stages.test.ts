import { codecOf } from '../../protocol/codec.ts'
import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { ResponseHeader, responseHeaderVersion } from '../../protocol/messages/headers.ts'
import { Heartbeat } from '../../protocol/messages/heartbeat.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import { Reader } from '../../protocol/wire/reader.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { anyone, cluster } from '../../src/handlers/access.ts'
import { closeConnection, hangUp, Later } from '../../src/handlers/answer.ts'
import type { Answer } from '../../src/handlers/answer.ts'
import { askController } from '../../src/handlers/ask-controller.ts'
import type { AdvertisedApi, ConnectionContext } from '../../src/handlers/context.ts'
import { handle } from '../../src/handlers/handler.ts'
import type { Handler } from '../../src/handlers/handler.ts'
import { handlersOn } from '../../src/handlers/index.ts'
import type {
  BrokerServices,
  ControllerServices,
  NodeServices,
} from '../../src/handlers/services.ts'
import type { MetadataImage } from '../../src/metadata/image.ts'
import { ClientQuotas } from '../../src/quota/client-quotas.ts'
import { ANONYMOUS, NOT_ASKED } from '../../src/security/authentication.ts'
import type { Authorizer } from '../../src/security/authorizer.ts'
import { NotForwarded } from '../../src/server/forward.ts'
import type { Observed } from '../../src/server/observe.ts'
import type { Outcome } from '../../src/server/outcome.ts'
import { Pipeline } from '../../src/server/pipeline.ts'
import { Reply } from '../../src/server/reply.ts'
import { NO_STAGES } from '../../src/server/stages.ts'
import type { Stages } from '../../src/server/stages.ts'
import { frameOf } from '../support/dearest-request.ts'

const VERSION = 4
const heartbeats = frameOf(Heartbeat as unknown as AnyApi, VERSION, {
  groupId: 'g',
  generationId: 1,
  memberId: 'm',
  groupInstanceId: null,
})

/** A handler whose answer is given; how often it was asked. */
function answering(give: () => Answer<{ errorCode: 'NONE' | 'REBALANCE_IN_PROGRESS' }>) {
  const asked = { times: 0 }
  const handler = handle(Heartbeat, { access: anyone() }).by(() => {
    asked.times++
    return give()
  })
  return { handler, asked }
}

function start(
  handler: Handler<BrokerServices>,
  stages: Partial<Stages>,
  {
    frame = heartbeats,
    services = {},
    mute,
  }: { frame?: Buffer; services?: Partial<BrokerServices>; mute?: (ms: number) => void } = {},
): Promise<Outcome> {
  const connection = {
    authentication: NOT_ASKED,
    sasl: null,
    host: '10.0.0.1',
  } as ConnectionContext
  const pipeline = new Pipeline([handler], { authorizer: null, ...services } as BrokerServices, {
    ...NO_STAGES,
    ...stages,
  })
  return new Promise((settle) =>
    pipeline.start(frame, connection, { settle, ...(mute && { mute }) }),
  )
}

function decoded(outcome: Outcome, api: AnyApi = Heartbeat as unknown as AnyApi): object {
  expect(outcome).toBeInstanceOf(Reply)
  const writer = new Writer()
  ;(outcome as Reply).writeTo(writer)
  const reader = new Reader(writer.toBuffer(), 4)
  codecOf(ResponseHeader, responseHeaderVersion(api, VERSION)).read(reader)
  return codecOf(api.response, VERSION).read(reader) as object
}

describe('throttling', () => {
  const entity = [{ entityType: 'user', entityName: null }]
  /** Half of the event loop's time, and a clock that goes on while a handler works. */
  const halfOfTheTime = () => {
    let nowMs = 1000
    const windows = { count: 11, lengthMs: 1000 }
    const quotas = new ClientQuotas({ rates: windows, mutations: windows })
    const record = {
      type: 'ClientQuotaRecord',
      value: { entity, key: 'request_percentage', value: 50 },
    }
    const image = { others: new Map([['a quota', record]]) } as unknown as MetadataImage
    quotas.load(image)
    const services = { clock: { monotonic: () => nowMs } } as unknown as BrokerServices
    return { quotas, services, work: (ms: number) => void (nowMs += ms) }
  }

  test('is said in the answer that quotas are exceeded by, and nowhere else', async () => {
    const kept = { errorCode: 'NONE' } as const
    const { quotas, services, work } = halfOfTheTime()
    let workMs = 5000
    const { handler } = answering(() => {
      work(workMs)
      return kept
    })
    // Half of ten seconds.
    const within = await start(handler, { quotas }, { services })
    expect(decoded(within)).toEqual({ throttleTimeMs: 0, errorCode: 'NONE' })
    workMs = 100
    const beyond = await start(handler, { quotas }, { services })
    expect(decoded(beyond)).toEqual({ throttleTimeMs: 100, errorCode: 'NONE' })
    // Handlers may give the same object again and again.
    expect(kept).toEqual({ errorCode: 'NONE' })
  })

  test('for the time that requests take is no longer than a sample', async () => {
    const { quotas, services, work } = halfOfTheTime()
    const { handler } = answering(() => {
      work(9000)
      return { errorCode: 'NONE' }
    })
    const outcome = await start(handler, { quotas }, { services })
    expect(decoded(outcome)).toEqual({ throttleTimeMs: 1000, errorCode: 'NONE' })
  })

  test('does not count the time that a request waits after its handler’s turn', async () => {
    const { quotas, services, work } = halfOfTheTime()
    const later = new Later<{ errorCode: 'NONE' }>()
    const handler = handle(Heartbeat, { access: anyone() }).by(() => later)
    const started = start(handler, { quotas }, { services })
    work(60_000)
    later.give({ errorCode: 'NONE' })
    expect(decoded(await started)).toEqual({ throttleTimeMs: 0, errorCode: 'NONE' })
  })

  test('counts what was sent against the next request', async () => {
    const { quotas, services, work } = halfOfTheTime()
    const { handler } = answering(() => ({ errorCode: 'NONE' }))
    const outcome = (await start(handler, { quotas }, { services })) as Reply
    expect(outcome.isTimed).toBe(true)
    outcome.spent(5100)
    work(1)
    const next = await start(handler, { quotas }, { services })
    expect(decoded(next)).toMatchObject({ throttleTimeMs: 199 })
  })

  test('spares nodes among each other, but not who isn’t allowed to act as one', async () => {
    const { quotas, services, work } = halfOfTheTime()
    const handler = handle(Heartbeat, {
      access: cluster('CLUSTER_ACTION', (_request, { errorCode }) => ({ errorCode })),
    }).by(() => {
      work(6000)
      return { errorCode: 'NONE' }
    })
    const spared = (await start(handler, { quotas }, { services })) as Reply
    expect([decoded(spared), spared.isTimed]).toEqual([
      { throttleTimeMs: 0, errorCode: 'NONE' },
      false,
    ])
    const authorizer = {
      authorize: () => {
        work(6000)
        return false
      },
    } as unknown as Authorizer
    const refused = await start(handler, { quotas }, { services: { ...services, authorizer } })
    expect(decoded(refused)).toMatchObject({
      throttleTimeMs: 1000,
      errorCode: 'CLUSTER_AUTHORIZATION_FAILED',
    })
  })

  test('is 0 without quotas', async () => {
    const { handler } = answering(() => ({ errorCode: 'NONE' }))
    expect(decoded(await start(handler, {}))).toEqual({ throttleTimeMs: 0, errorCode: 'NONE' })
  })
})

describe('an observer', () => {
  const watching = () => {
    let nowMs = 1000
    const observed: Observed[] = []
    const observer = { observe: (each: Observed) => void observed.push(each) }
    const clock = { monotonic: () => nowMs, endOfTurn: () => undefined }
    const pass = (ms: number): void => void (nowMs += ms)
    return {
      observed,
      stages: { observer },
      services: { clock } as unknown as BrokerServices,
      pass,
    }
  }

  test('sees who has asked, for what, how long it took and what was answered', async () => {
    const { observed, stages, services, pass } = watching()
    const { handler } = answering(() => {
      pass(7)
      return { errorCode: 'REBALANCE_IN_PROGRESS' }
    })
    await start(handler, stages, { services })
    expect(observed).toEqual([
      {
        api: Heartbeat,
        context: expect.objectContaining({
          version: VERSION,
          clientId: 'hostile',
          principal: ANONYMOUS,
        }),
        correlationId: 7,
        elapsedMs: 7,
        answer: { errorCode: 'REBALANCE_IN_PROGRESS' },
        fault: null,
      },
    ])
  })

  test('sees requests that have no answer, and those that end their connection', async () => {
    const { observed, stages, services } = watching()
    const failing = new Error('a bug')
    for (const give of [
      () => null,
      () => closeConnection,
      () => hangUp,
      () => {
        throw failing
      },
      () => Promise.reject(failing) as never,
    ]) {
      await start(answering(give as () => null).handler, stages, { services })
    }
    const failed = { fault: 'Heartbeat v4 could not be answered', cause: failing }
    expect(observed.map(({ answer, fault }) => [answer, fault])).toEqual([
      [null, null],
      [null, { fault: 'Heartbeat v4 failed and has no answer' }],
      [null, { fault: 'Heartbeat v4 is not answered any more', isKnown: true }],
      [null, failed],
      [null, failed],
    ])
  })
})

describe('what only the controller answers', () => {
  const deletion = frameOf(DeleteTopics as unknown as AnyApi, VERSION, {
    topicNames: ['t'],
    timeoutMs: 1000,
  })
  const own = { name: 't', errorCode: 'NONE' } as const
  const theirs = { name: 't', errorCode: 'NOT_CONTROLLER' } as const
  const deleting = (at: 'broker' | 'controller') =>
    handle(DeleteTopics, { access: anyone(), at }).by(() => ({ responses: [own] }))
  const forwarding = (isActive: boolean) => {
    const forwarded: [Buffer, string, object][] = []
    const forwarder = {
      controllerApis: null,
      forward: (
        frame: Buffer,
        _request: object,
        { api }: Handler,
        { principal }: { principal: object },
      ) => {
        forwarded.push([frame, api.name, principal])
        return isActive ? null : Promise.resolve({ responses: [theirs] })
      },
    }
    return { forwarder, forwarded }
  }
  const answerOf = async (handler: Handler<BrokerServices>, stages: Partial<Stages>) =>
    decoded(await start(handler, stages, { frame: deletion }), DeleteTopics as unknown as AnyApi)

  test('goes to the active controller as it came, on behalf of its principal', async () => {
    const { forwarder, forwarded } = forwarding(false)
    expect(await answerOf(deleting('controller'), { forwarder })).toMatchObject({
      responses: [theirs],
    })
    expect(forwarded).toEqual([[deletion, 'DeleteTopics', ANONYMOUS]])
  })

  test('throttles its client here for as long as the controller says', async () => {
    const answer = { throttleTimeMs: 70, responses: [theirs] }
    const forwarder = { controllerApis: null, forward: () => Promise.resolve(answer) }
    const muted: number[] = []
    const mute = (ms: number): void => void muted.push(ms)
    const told = await start(deleting('controller'), { forwarder }, { frame: deletion, mute })
    expect(decoded(told, DeleteTopics as unknown as AnyApi)).toMatchObject({ throttleTimeMs: 70 })
    expect(muted).toEqual([70])
  })

  test('is answered here where this node is the active controller, or nobody forwards', async () => {
    const { forwarder } = forwarding(true)
    expect(await answerOf(deleting('controller'), { forwarder })).toMatchObject({
      responses: [own],
    })
    expect(await answerOf(deleting('controller'), {})).toMatchObject({ responses: [own] })
  })

  test.each([
    ['allowed by nobody in particular', null],
    ['authorized', { authorize: () => true }],
  ])('says in its own form, %s, that no controller has answered', async (_who, authorizer) => {
    const asking = handle(DeleteTopics, { access: anyone(), at: 'controller' }).by(
      async (_request, context) => {
        const { controller } = context.services
        const asked = await askController(context, { type: 'deleteTopics', topics: [] })
        const { leaderId } = controller.describeQuorum()
        const name = `${controller.isController} ${leaderId}`
        return { responses: [{ name, errorCode: asked.failed?.errorCode ?? 'NONE' }] }
      },
    )
    const outcome = { errorCode: 'REQUEST_TIMED_OUT', errorMessage: 'why' } as const
    const forwarder = {
      controllerApis: null,
      forward: () => Promise.resolve(new NotForwarded(outcome)),
    }
    const controller = { describeQuorum: () => ({ leaderId: 5 }) }
    const services = { authorizer, controller } as unknown as NodeServices
    const answered = await start(asking, { forwarder }, { frame: deletion, services })
    expect(decoded(answered, DeleteTopics as unknown as AnyApi)).toMatchObject({
      responses: [{ name: 'false 5', errorCode: 'REQUEST_TIMED_OUT' }],
    })
  })

  test('ends its connection where forwarding has failed for no reason that anybody knows', async () => {
    const cause = new Error('a bug')
    const forwarder = { controllerApis: null, forward: () => Promise.reject(cause) }
    expect(await start(deleting('controller'), { forwarder }, { frame: deletion })).toEqual({
      fault: 'DeleteTopics v4 could not be answered',
      cause,
    })
  })

  test('is told in the versions that the controller serves, too', () => {
    const served = (controllerApis: readonly AdvertisedApi[] | null) => {
      const forwarder = { controllerApis, forward: () => null }
      const own = [deleting('controller'), answering(() => null).handler]
      const stages = { ...NO_STAGES, forwarder }
      const { apis } = new Pipeline(own, { authorizer: null } as BrokerServices, stages)
      return apis.map(({ apiKey, minVersion, maxVersion }) => [apiKey, minVersion, maxVersion])
    }
    const heartbeat = [Heartbeat.key, ...Heartbeat.versions]
    const [first, last] = DeleteTopics.versions
    const theirs = (minVersion: number, maxVersion: number) => [
      { apiKey: Heartbeat.key, minVersion: 99, maxVersion: 99 },
      { apiKey: DeleteTopics.key, minVersion, maxVersion },
    ]
    expect(served(null)).toEqual([heartbeat, [DeleteTopics.key, first, last]])
    expect(served(theirs(0, last - 1))).toEqual([heartbeat, [DeleteTopics.key, first, last - 1]])
    expect(served(theirs(last, last + 1))).toEqual([heartbeat, [DeleteTopics.key, last, last]])
    expect(served(theirs(last + 1, last + 1))).toEqual([heartbeat])
    expect(served([])).toEqual([heartbeat])
  })

  test('nothing else is forwarded', async () => {
    const { forwarder, forwarded } = forwarding(false)
    expect(await answerOf(deleting('broker'), { forwarder })).toMatchObject({ responses: [own] })
    expect(forwarded).toEqual([])
  })
})

describe('a listener of controllers', () => {
  const pipeline = new Pipeline(handlersOn('controller'), {
    authorizer: null,
  } as ControllerServices)

  test('tells and serves what controllers answer, and nothing of records and groups', async () => {
    const keys = pipeline.apis.map(({ apiKey }) => apiKey)
    expect(keys).toEqual(
      handlersOn('controller')
        .map(({ api }) => api.key)
        .sort((a, b) => a - b),
    )
    expect(keys).toContain(DeleteTopics.key)
    expect(keys).not.toContain(Heartbeat.key)
    const connection = { authentication: NOT_ASKED, sasl: null } as ConnectionContext
    const outcome = await new Promise<Outcome>((settle) =>
      pipeline.start(heartbeats, connection, { settle }),
    )
    expect(outcome).toEqual({ fault: `API key ${Heartbeat.key}, which is not served here` })
  })
})
