import { SaslAuthenticate } from '../../protocol/messages/sasl-authenticate.ts'
import type { Clock } from '../host/host.ts'
import { anyone } from './access.ts'
import type { ConnectionContext } from './context.ts'
import { handle } from './handler.ts'
import type { NodeServices } from './services.ts'

const NOTHING = Buffer.alloc(0)

/**
 * SaslAuthenticate: v0-2. The next token of an exchange that SaslHandshake has begun, and how long the session lasts (KIP-368).
 * Who is refused waits for the answer, whatever was wrong, and loses the connection with it.
 */
export const saslAuthenticate = handle(SaslAuthenticate, {
  access: anyone(),
  listeners: ['broker', 'controller'],
  beforeAuthentication: true,
}).by(async ({ authBytes }, context) => {
  const { services, connection } = context
  const outcome = await connection.sasl?.authenticate(authBytes)
  if (outcome === undefined) {
    const errorMessage = 'SaslAuthenticate request received after successful authentication'
    return { errorCode: 'ILLEGAL_SASL_STATE', errorMessage, authBytes: NOTHING }
  }
  if (!('refused' in outcome)) {
    const { challenge, lifetimeMs: sessionLifetimeMs } = outcome
    return { errorCode: 'NONE', errorMessage: null, authBytes: challenge, sessionLifetimeMs }
  }
  const { errorCode, refused: errorMessage } = outcome
  await refusedLater(outcome, connection, services)
  context.afterSent(() => connection.end())
  return { errorCode, errorMessage, authBytes: NOTHING }
})

/** Tells the log why a client is refused, and waits: whoever tries passwords is slow, and learns nothing of how long it took. */
export async function refusedLater(
  { refused, detail }: { readonly refused: string; readonly detail?: string | undefined },
  { host: client, listener }: ConnectionContext,
  { clock, config, faults }: NodeServices,
): Promise<void> {
  faults.warn(
    'clients that failed to authenticate',
    { client, listener: listener.name },
    `Closing the connection: ${detail === undefined ? refused : `${refused} (${detail})`}`,
  )
  await passed(clock, config.get('connection.failed.authentication.delay.ms'))
}

function passed(clock: Pick<Clock, 'after'>, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(delayMs, resolve))
}
