import http from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import type { Http, HttpAnswer, HttpOptions, HttpSent } from './host.ts'
import { secureContextOf } from './tls.ts'

const OK = 200
/** Of what isn't known beforehand to be wanted. */
const NOTHING = { headers: { accept: 'application/json' }, body: Buffer.alloc(0) }

/** Documents by node:http and node:https, each over a connection of its own. */
export const nodeHttp: Http = {
  get: async (url, options) => {
    // A redirection leads where nobody who set the address has said.
    const wanted = (status: number): boolean => status === OK
    const { body } = await ask('GET', url, NOTHING, options, wanted)
    return body
  },
  post: (url, sent, options) => ask('POST', url, sent, options, () => true),
}

function ask(
  method: 'GET' | 'POST',
  url: string,
  { headers, body }: HttpSent,
  { timeoutMs, maxBytes, signal, tls }: HttpOptions,
  isWanted: (status: number) => boolean,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(timeoutMs)
    const late = new Error(`no whole answer came within ${timeoutMs} ms`)
    const failed = (error: Error): void => reject(timeout.aborted ? late : error)
    const end = AbortSignal.any([signal, timeout])
    // A request whose socket has gone tells of it no more.
    end.addEventListener('abort', () => failed(end.reason as Error), { once: true })
    const options = {
      method,
      agent: false as const,
      signal: end,
      headers: method === 'GET' ? headers : { ...headers, 'content-length': body.length },
      ...(tls === null ? {} : { secureContext: secureContextOf(tls) }),
    }
    const answered = (response: http.IncomingMessage): void => {
      const give = (why: string): void => {
        response.destroy()
        reject(new Error(why))
      }
      const status = response.statusCode!
      if (!isWanted(status)) return give(`the answer has status ${status}`)
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > maxBytes) return give(`the answer has more than ${maxBytes} bytes`)
        chunks.push(chunk)
      })
      response.on('end', () => resolve({ status, body: Buffer.concat(chunks) }))
      response.on('error', failed)
    }
    const request = url.startsWith('https:')
      ? https.request(url, options, answered)
      : http.request(url, options, answered)
    request.on('error', failed)
    request.on('upgrade', ({ statusCode }: http.IncomingMessage, socket: Duplex) => {
      socket.destroy()
      reject(new Error(`the answer has status ${statusCode}`))
    })
    request.end(body)
  })
}
