import type { Codec } from '../../protocol/codec.ts'
import { SaslAuthenticate } from '../../protocol/messages/sasl-authenticate.ts'
import type { AnyApi } from '../../protocol/schema.ts'
import type { ConnectionContext } from '../handlers/context.ts'
import { refusedLater } from '../handlers/sasl-authenticate.ts'
import type { NodeServices } from '../handlers/services.ts'
import type { Requester } from './outcome.ts'
import { Reply } from './reply.ts'
import { Context } from './request-context.ts'
import { routeOf, type Route } from './routes.ts'
import { NO_STAGES } from './stages.ts'

interface Token {
  readonly token: Buffer
}

/** After a SaslHandshake of v0 frames are tokens as they are: no header before them, and nothing that says whose answer it is. */
const route: Route = {
  ...routeOf(SaslAuthenticate as unknown as AnyApi, 0, NO_STAGES),
  name: 'a token of SASL',
  responseHeader: { write: () => undefined } as unknown as Route['responseHeader'],
  response: {
    write: (writer, answer) => writer.raw((answer as Token).token),
  } as Partial<Codec<unknown, object>> as Route['response'],
}

/** Takes a client's next token. Who is refused has no way to be told why: its connection is closed, after a while. */
export function answerToken(
  frame: Buffer,
  connection: ConnectionContext,
  services: NodeServices,
  requester: Requester,
): void {
  const context = new Context(services, SaslAuthenticate.name, 0, '', connection, 0)
  const reply = new Reply(route, 0, context, requester)
  const answer = async (): Promise<void> => {
    const outcome = await connection.sasl!.authenticate(frame)
    if (!('refused' in outcome)) return reply.given({ token: outcome.challenge })
    await refusedLater(outcome, connection, services)
    requester.settle({ fault: outcome.refused, isKnown: true })
  }
  answer().catch((error: unknown) => reply.failed(error))
}
