import { constants } from 'node:crypto'
import tls from 'node:tls'
import type { Socket, Tls, TlsContext, TlsMaterial, TlsSocket } from './host.ts'
import { TcpSocket, WRITE_QUEUE_BYTES } from './tcp-socket.ts'

/**
 * A client could have the costly part of a handshake done again and again on one connection; and a session that is taken up
 * again would not have its certificate looked at, which may not be trusted any more.
 */
const NEVER_AGAIN = constants.SSL_OP_NO_RENEGOTIATION
const NO_SESSIONS = constants.SSL_OP_NO_TICKET

/** What OpenSSL's versions say of bytes that are none of TLS. */
const NOT_TLS = [
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_HTTPS_PROXY_REQUEST',
  'ERR_SSL_UNKNOWN_PROTOCOL',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_RECORD_LAYER_FAILURE',
  'ERR_SSL_NOT_SSL_RECORD_LAYER',
]

/** TLS by node:tls, over the sockets of `tcpNetwork`. */
export const nodeTls: Tls = {
  context: (material) => new NodeContext(material),
  accept: (socket, context) => accept(tcpOf(socket), contextOf(context)),
  connect: (socket, context, name) => connect(tcpOf(socket), contextOf(context), name),
}

class NodeContext implements TlsContext {
  readonly clientAuth: TlsMaterial['clientAuth']
  readonly secure: tls.SecureContext

  constructor({ identity, trusted, clientAuth, versions, ciphers }: TlsMaterial) {
    this.clientAuth = clientAuth
    const sorted = [...versions].sort()
    this.secure = tls.createSecureContext({
      ...(identity === null ? {} : { key: identity.key, cert: identity.certificates }),
      ...(identity === null || identity.passphrase === null
        ? {}
        : { passphrase: identity.passphrase }),
      ...(trusted === null ? {} : { ca: [...trusted] }),
      ...(ciphers.length === 0 ? {} : { ciphers: ciphers.join(':') }),
      minVersion: sorted[0]!,
      maxVersion: sorted.at(-1)!,
      secureOptions: NEVER_AGAIN | (clientAuth === 'none' ? 0 : NO_SESSIONS),
    })
  }
}

function accept(tcp: TcpSocket, context: NodeContext): Promise<TlsSocket> {
  const asks = context.clientAuth !== 'none'
  const socket = new tls.TLSSocket(tcp.inner, {
    isServer: true,
    secureContext: context.secure,
    requestCert: asks,
    rejectUnauthorized: context.clientAuth === 'required',
    highWaterMark: WRITE_QUEUE_BYTES,
  } as tls.TLSSocketOptions)
  return shaken(tcp, socket, 'secure', () => {
    if (!asks) return null
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) return null
    const wrong = (socket as unknown as WithVerdict)._handle.verifyError()
    if (wrong) throw wrong
    return certificate.raw
  })
}

/** What OpenSSL thinks of the other side's certificate; Node tells it to its own servers alone. */
interface WithVerdict {
  readonly _handle: { verifyError(): Error | null | undefined }
}

async function connect(
  tcp: TcpSocket,
  context: NodeContext,
  name: string | null,
): Promise<TlsSocket> {
  const socket = tls.connect({
    socket: tcp.inner,
    secureContext: context.secure,
    rejectUnauthorized: true,
    highWaterMark: WRITE_QUEUE_BYTES,
    // An address is no name that a server could choose its certificate by.
    ...(name === null || isAddress(name) ? {} : { servername: name }),
    checkServerIdentity: (_, certificate) =>
      name === null ? undefined : tls.checkServerIdentity(name, certificate),
  } as tls.ConnectionOptions)
  const certificate = (): Buffer | null => socket.getPeerX509Certificate()?.raw ?? null
  return (await shaken(tcp, socket, 'secureConnect', certificate)).endWithPeer()
}

const isAddress = (name: string): boolean => name.includes(':') || /^\d+(\.\d+){3}$/.test(name)

/** Waits for the end of a handshake; what `certificate` throws is why it failed after all. */
function shaken(
  tcp: TcpSocket,
  socket: tls.TLSSocket,
  event: 'secure' | 'secureConnect',
  certificate: () => Buffer | null,
): Promise<SecureSocket> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      settle()
      socket.on('error', () => undefined)
      socket.destroy()
      reject(toldShortly(error))
    }
    const closed = (): void => {
      const what = new Error('the connection was closed in the handshake')
      failed(Object.assign(what, { code: 'CLOSED_IN_HANDSHAKE' }))
    }
    const done = (): void => {
      settle()
      try {
        resolve(new SecureSocket(tcp, socket, certificate()))
      } catch (error) {
        failed(error as Error)
      }
    }
    const settle = (): void => {
      socket.off(event, done).off('error', failed).off('close', closed)
    }
    socket.on(event, done).on('error', failed).on('close', closed)
  })
}

/** OpenSSL's messages have the names of its files in them; its reason is what a reader wants to know. */
function toldShortly(cause: Error): Error {
  const { code = '', reason } = cause as NodeJS.ErrnoException & { readonly reason?: string }
  if (NOT_TLS.includes(code)) {
    return Object.assign(new Error('what came is none of TLS', { cause }), { code: 'NOT_TLS' })
  }
  return reason === undefined ? cause : Object.assign(new Error(reason, { cause }), { code })
}

class SecureSocket extends TcpSocket implements TlsSocket {
  readonly peerCertificate: Buffer | null

  constructor(tcp: TcpSocket, socket: tls.TLSSocket, peerCertificate: Buffer | null) {
    super(socket, null, tcp)
    this.peerCertificate = peerCertificate
  }
}

function tcpOf(socket: Socket): TcpSocket {
  if (socket instanceof TcpSocket) return socket
  throw new TypeError('TLS goes over a socket of tcpNetwork')
}

function contextOf(context: TlsContext): NodeContext {
  if (context instanceof NodeContext) return context
  throw new TypeError('A context of nodeTls is needed')
}

/** For what of Node does TLS by itself. */
export function secureContextOf(context: TlsContext): tls.SecureContext {
  return contextOf(context).secure
}
