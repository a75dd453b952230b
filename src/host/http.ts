import http from 'node:http'
import https from 'node:https'
import type { Http, HttpOptions } from './host.ts'
import { secureContextOf } from './tls.ts'

const OK = 200

/** Documents by node:http and node:https, each over a connection of its own. */
export const nodeHttp: Http = { get }

function get(url: string, { timeoutMs, maxBytes, signal, tls }: HttpOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(timeoutMs)
    const late = new Error(`no whole answer came within ${timeoutMs} ms`)
    const failed = (error: Error): void => reject(timeout.aborted ? late : error)
    const options = {
      agent: false as const,
      signal: AbortSignal.any([signal, timeout]),
      headers: { accept: 'application/json' },
      ...(tls === null ? {} : { secureContext: secureContextOf(tls) }),
    }
    const answered = (response: http.IncomingMessage): void => {
      const give = (why: string): void => {
        response.destroy()
        reject(new Error(why))
      }
      // A redirection leads where nobody who set the address has said.
      if (response.statusCode !== OK) return give(`the answer has status ${response.statusCode}`)
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > maxBytes) return give(`the answer has more than ${maxBytes} bytes`)
        chunks.push(chunk)
      })
      response.on('end', () => resolve(Buffer.concat(chunks)))
      response.on('error', failed)
    }
    const request = url.startsWith('https:')
      ? https.get(url, options, answered)
      : http.get(url, options, answered)
    request.on('error', failed)
  })
}
