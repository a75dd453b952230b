import { codecOf, encode } from '../../protocol/codec.ts'
import { DescribeGroups } from '../../protocol/messages/describe-groups.ts'
import { RequestHeader } from '../../protocol/messages/headers.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { handle } from '../../src/handlers/handler.ts'
import { anyone } from '../../src/handlers/access.ts'
import type { ConnectionContext } from '../../src/handlers/context.ts'
import type { Handler } from '../../src/handlers/handler.ts'
import { handlers } from '../../src/handlers/index.ts'
import type { BrokerServices } from '../../src/handlers/services.ts'
import { systemClock } from '../../src/host/clock.ts'
import type { Clock } from '../../src/host/host.ts'
import { ANONYMOUS, NOT_ASKED } from '../../src/security/authentication.ts'
import type { Authentication, Principal } from '../../src/security/authentication.ts'
import type { Outcome } from '../../src/server/outcome.ts'
import { Pipeline } from '../../src/server/pipeline.ts'
import { MAX_ANSWER_BYTES, Reply, TURN_BYTES } from '../../src/server/reply.ts'
import { MAX_ANSWER_COST_BYTES } from '../../src/server/request-context.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import { costOf, frameOf } from '../support/dearest-request.ts'

const VERSION = 4
const CONNECTION = { authentication: NOT_ASKED, sasl: null } as ConnectionContext

function describeGroup(groupId: string): Buffer {
  const writer = new Writer()
  codecOf(RequestHeader, 1).write(writer, {
    requestApiKey: DescribeGroups.key,
    requestApiVersion: VERSION,
    correlationId: 7,
    clientId: null,
  })
  codecOf(DescribeGroups.request, VERSION).write(writer, { groups: [groupId] })
  return writer.toBuffer()
}

describe('Pipeline', () => {
  test.each(['at once', 'later'])(
    'an answer given %s that cannot be written costs the connection, and what it held is let go',
    async (when) => {
      let released = 0
      const echo = handle(DescribeGroups, { access: anyone() }).by(({ groups }, context) => {
        context.afterSent(() => released++)
        const answer = {
          groups: groups.map((groupId) => ({ groupId: groupId + groupId, members: [] })),
        }
        return (when === 'later' ? Promise.resolve(answer) : answer) as never
      })
      const pipeline = new Pipeline([echo], { authorizer: null } as BrokerServices)
      const outcome = await new Promise<Outcome>((settle) =>
        pipeline.start(describeGroup('g'.repeat(20_000)), CONNECTION, { settle }),
      )
      const reply = outcome as Reply
      expect(reply.isAwaited).toBe(true)
      expect(reply.writeTo(new Writer())).toMatchObject({
        fault: 'DescribeGroups v4 could not be answered',
        cause: { code: 'ERR_ENCODE' },
      })
      reply.sent()
      expect(released).toBe(1)
    },
  )

  test('a request whose elements take more memory than its bytes let expect is refused before it is decoded', () => {
    let asked = 0
    const never = handle(Metadata, { access: anyone() }).by(() => {
      asked++
      return null
    })
    const pipeline = new Pipeline([never], { authorizer: null } as BrokerServices)
    const start = (names: number): Outcome | undefined => {
      // Empty names, of two bytes each.
      const frame = Buffer.alloc(10 + 4 + 2 * names)
      frame.writeInt16BE(Metadata.key)
      frame.writeInt16BE(1, 2)
      frame.writeInt16BE(-1, 8)
      frame.writeInt32BE(names, 10)
      let outcome: Outcome | undefined
      const settle = (settled: Outcome): void => void (outcome = settled)
      pipeline.start(frame, CONNECTION, { settle })
      return outcome
    }
    expect(start(10_000)).toBeNull()
    expect(start(999_999)).toEqual({
      fault: expect.stringMatching(
        /^MetadataRequest v1: more than may be asked at once: .* limit is /,
      ),
    })
    expect(start(40_000_000)).toEqual({
      fault: expect.stringContaining('array of 40000000 elements, which may be 1000000 at most'),
    })
    expect(asked).toBe(1)
  })

  const asking = (
    handler: Handler<BrokerServices>,
    clock: Pick<Clock, 'endOfTurn'>,
    connection = CONNECTION,
  ): Promise<Outcome> => {
    const pipeline = new Pipeline([handler], { authorizer: null, clock } as BrokerServices)
    const frame = frameOf(DescribeGroups as unknown as AnyApi, 0, { groups: ['g'] })
    return new Promise((settle) => pipeline.start(frame, connection, { settle }))
  }
  const group = (groupId: string) => ({
    errorCode: 'NONE' as const,
    groupId,
    groupState: 'Dead',
    protocolType: '',
    protocolData: '',
    members: [],
  })

  test('a request that its handler finds too dear closes the connection, and is no bug of ours', async () => {
    const greedy = handle(DescribeGroups, { access: anyone() }).by((_request, context) => {
      for (let step = 0; step < 1000; step++) context.spend(1 << 20)
      return null
    })
    expect(await asking(greedy, systemClock())).toEqual({
      fault: `DescribeGroups v0: its answer would take more than ${MAX_ANSWER_COST_BYTES} bytes of memory`,
    })
  })

  test('a handler may spend what an answer may cost, to the last byte', async () => {
    const all = handle(DescribeGroups, { access: anyone() }).by((_request, context) => {
      context.spend(MAX_ANSWER_COST_BYTES - REQUEST_COST_BYTES)
      return { groups: [] }
    })
    expect(await asking(all, systemClock())).toBeInstanceOf(Reply)
  })

  test('a large answer is encoded in turns of the event loop, to the bytes that one go makes', async () => {
    const groups = Array.from({ length: 40_000 }, (_, index) => group(`group-${index}`))
    const large = handle(DescribeGroups, { access: anyone() }).by((_request, context) => {
      context.spend(1 << 20)
      return { groups }
    })
    let turns = 0
    const clock = {
      endOfTurn: (callback: () => void) => {
        turns++
        setImmediate(callback)
      },
    }
    const reply = (await asking(large, clock)) as Reply
    const writer = new Writer()
    expect(reply.writeTo(writer)).toBeNull()
    const pieces = writer.chunks()
    const bytes = Buffer.concat(pieces)
    expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
    expect(bytes.subarray(8)).toEqual(encode(DescribeGroups.response, 0, { groups }))
    // No piece is much more than the 64 KiB that a turn takes.
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(TURN_BYTES + 100)
    expect(turns).toBe(Math.ceil(bytes.length / TURN_BYTES))
  })

  test('an answer larger than any may be is given up, and whoever waits for its end is told', async () => {
    const one = group('g'.repeat(32_000))
    let sent = 0
    const huge = handle(DescribeGroups, { access: anyone() }).by((_request, context) => {
      context.spend(1 << 20)
      context.afterSent(() => sent++)
      return { groups: new Array<typeof one>(Math.ceil(MAX_ANSWER_BYTES / 32_000)).fill(one) }
    })
    expect(await asking(huge, systemClock())).toEqual({
      fault: `DescribeGroups v0: the answer has more than ${MAX_ANSWER_BYTES} bytes`,
    })
    expect(sent).toBe(1)
  })

  describe('before the client has proved who it is', () => {
    const ALICE = { type: 'User', name: 'alice' }
    const served = async (
      authentication: Authentication,
      beforeAuthentication: boolean,
    ): Promise<{ outcome: Outcome; principals: Principal[] }> => {
      const principals: Principal[] = []
      const handler = handle(DescribeGroups, { access: anyone(), beforeAuthentication }).by(
        (_request, context) => {
          principals.push(context.principal)
          return { groups: [] }
        },
      )
      const connection = { authentication, sasl: null } as ConnectionContext
      const outcome = await asking(handler, systemClock(), connection)
      return { outcome, principals }
    }

    test('a request costs the connection, and no handler sees it', async () => {
      const { outcome, principals } = await served({ principal: ANONYMOUS, isPending: true }, false)
      expect(outcome).toEqual({
        fault: 'DescribeGroups from a client that has yet to authenticate',
      })
      expect(principals).toEqual([])
    })

    test('what it needs for that is served', async () => {
      const { outcome } = await served({ principal: ANONYMOUS, isPending: true }, true)
      expect(outcome).toBeInstanceOf(Reply)
    })

    test('only ApiVersions and what SASL takes are needed for that', () => {
      const early = handlers.filter(({ beforeAuthentication }) => beforeAuthentication)
      expect(early.map(({ api }) => api.name)).toEqual([
        'ApiVersions',
        'SaslAuthenticate',
        'SaslHandshake',
      ])
    })

    test('and then its requests are its own; without authentication, everybody’s', async () => {
      const { principals } = await served({ principal: ALICE, isPending: false }, false)
      expect(principals).toEqual([ALICE])
      expect((await served(NOT_ASKED, false)).principals).toEqual([ANONYMOUS])
    })
  })

  test('a small answer waits for no turn', async () => {
    const small = handle(DescribeGroups, { access: anyone() }).by(() => ({ groups: [group('g')] }))
    const clock = { endOfTurn: () => expect('a turn').toBe('not waited for') }
    expect(await asking(small, clock)).toBeInstanceOf(Reply)
  })
})

/** Of the one group that is named, as the protocol reckons it. */
const REQUEST_COST_BYTES = costOf(
  DescribeGroups as unknown as AnyApi,
  0,
  frameOf(DescribeGroups as unknown as AnyApi, 0, { groups: ['g'] }),
)
