import { codecOf } from '../../protocol/codec.ts'
import { DescribeGroups } from '../../protocol/messages/describe-groups.ts'
import { RequestHeader } from '../../protocol/messages/headers.ts'
import { Writer } from '../../protocol/wire.ts'
import { handle } from '../../src/handlers/handler.ts'
import type { ConnectionContext } from '../../src/handlers/handler.ts'
import type { Services } from '../../src/handlers/services.ts'
import { Dispatcher } from '../../src/server/dispatch.ts'
import type { Outcome, Reply } from '../../src/server/dispatch.ts'

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
})
