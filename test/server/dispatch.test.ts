import { codecOf, encode } from '../../protocol/codec.ts'
import { DescribeGroups } from '../../protocol/messages/describe-groups.ts'
import { RequestHeader } from '../../protocol/messages/headers.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { Writer } from '../../protocol/wire.ts'
import { handle } from '../../src/handlers/handler.ts'
import type { ConnectionContext, Handler } from '../../src/handlers/handler.ts'
import type { Services } from '../../src/handlers/services.ts'
import { systemClock } from '../../src/host/clock.ts'
import type { Clock } from '../../src/host/host.ts'
import {
  Dispatcher,
  MAX_ANSWER_BYTES,
  MAX_ANSWER_COST_BYTES,
  Reply,
  TURN_BYTES,
} from '../../src/server/dispatch.ts'
import type { Outcome } from '../../src/server/dispatch.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import { costOf, frameOf } from '../support/dearest-request.ts'

const VERSION = 4

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

describe('Dispatcher', () => {
  test.each(['at once', 'later'])(
    'an answer given %s that cannot be written costs the connection, and what it held is let go',
    async (when) => {
      let released = 0
      const echo = handle(DescribeGroups).by(({ groups }, context) => {
        context.afterSent(() => released++)
        const answer = {
          groups: groups.map((groupId) => ({ groupId: groupId + groupId, members: [] })),
        }
        return (when === 'later' ? Promise.resolve(answer) : answer) as never
      })
      const dispatcher = new Dispatcher([echo], {} as Services)
      const outcome = await new Promise<Outcome>((settle) =>
        dispatcher.start(describeGroup('g'.repeat(20_000)), {} as ConnectionContext, { settle }),
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
    const never = handle(Metadata).by(() => {
      asked++
      return null
    })
    const dispatcher = new Dispatcher([never], {} as Services)
    const start = (names: number): Outcome | undefined => {
      // Empty names, of two bytes each.
      const frame = Buffer.alloc(10 + 4 + 2 * names)
      frame.writeInt16BE(Metadata.key)
      frame.writeInt16BE(1, 2)
      frame.writeInt16BE(-1, 8)
      frame.writeInt32BE(names, 10)
      let outcome: Outcome | undefined
      const settle = (settled: Outcome): void => void (outcome = settled)
      dispatcher.start(frame, {} as ConnectionContext, { settle })
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

  const asking = (handler: Handler, clock: Pick<Clock, 'endOfTurn'>): Promise<Outcome> => {
    const dispatcher = new Dispatcher([handler], { clock } as Services)
    const frame = frameOf(DescribeGroups as unknown as AnyApi, 0, { groups: ['g'] })
    return new Promise((settle) => dispatcher.start(frame, {} as ConnectionContext, { settle }))
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
    const greedy = handle(DescribeGroups).by((_request, context) => {
      for (let step = 0; step < 1000; step++) context.spend(1 << 20)
      return null
    })
    expect(await asking(greedy, systemClock())).toEqual({
      fault: `DescribeGroups v0: its answer would take more than ${MAX_ANSWER_COST_BYTES} bytes of memory`,
    })
  })

  test('a handler may spend what an answer may cost, to the last byte', async () => {
    const all = handle(DescribeGroups).by((_request, context) => {
      context.spend(MAX_ANSWER_COST_BYTES - REQUEST_COST_BYTES)
      return { groups: [] }
    })
    expect(await asking(all, systemClock())).toBeInstanceOf(Reply)
  })

  test('a large answer is encoded in turns of the event loop, to the bytes that one go makes', async () => {
    const groups = Array.from({ length: 40_000 }, (_, index) => group(`group-${index}`))
    const large = handle(DescribeGroups).by((_request, context) => {
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
    const huge = handle(DescribeGroups).by((_request, context) => {
      context.spend(1 << 20)
      context.afterSent(() => sent++)
      return { groups: new Array<typeof one>(Math.ceil(MAX_ANSWER_BYTES / 32_000)).fill(one) }
    })
    expect(await asking(huge, systemClock())).toEqual({
      fault: `DescribeGroups v0: the answer has more than ${MAX_ANSWER_BYTES} bytes`,
    })
    expect(sent).toBe(1)
  })

  test('a small answer waits for no turn', async () => {
    const small = handle(DescribeGroups).by(() => ({ groups: [group('g')] }))
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
