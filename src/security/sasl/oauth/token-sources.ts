import type { Host, TlsContext } from '../../../host/host.ts'
import type { TokenSource } from './client.ts'

/** A file that has a token, and nothing else. It may be replaced. */
export function tokenFile({ disk }: Pick<Host, 'disk'>, path: string): TokenSource {
  return {
    name: path,
    token: () => {
      try {
        return Promise.resolve(disk.readFile(path).toString())
      } catch (error) {
        return Promise.reject(new Error(`${path} can't be read: ${(error as Error).message}`))
      }
    },
  }
}

export interface ClientCredentials {
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scope: string | null
  /** [sasl.oauthbearer.header.urlencode] Name and secret as RFC 6749 has them, which not all servers understand. */
  readonly isEncoded: boolean
  readonly tls: TlsContext | null
}

const ASK_MS = 10_000
const MOST_BYTES = 1024 * 1024
/** Some servers take a token for something that they have made. */
const GIVEN: readonly number[] = [200, 201]
/** Of what a server says is wrong. */
const MOST_SHOWN = 200

/** [RFC 6749, 4.4] The client credentials grant: a server gives a token to who knows a secret. Redirections are not followed. */
export function tokenEndpoint(
  { network }: Pick<Host, 'network'>,
  credentials: ClientCredentials,
): TokenSource {
  const { url, clientId, clientSecret, scope, isEncoded, tls } = credentials
  const { origin, pathname } = new URL(url)
  // Without what a name or a password might stand in.
  const name = origin + pathname
  const encode = isEncoded ? formEncoded : String
  const basic = Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')
  const headers = {
    accept: 'application/json',
    authorization: `Basic ${basic}`,
    'cache-control': 'no-cache',
    'content-type': 'application/x-www-form-urlencoded',
  }
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (scope !== null) form.set('scope', scope)
  const body = Buffer.from(form.toString())
  return {
    name,
    token: async () => {
      const { signal } = new AbortController()
      const options = { timeoutMs: ASK_MS, maxBytes: MOST_BYTES, signal, tls }
      let answer: { readonly status: number; readonly body: Buffer }
      try {
        answer = await network.http.post(url, { headers, body }, options)
      } catch (error) {
        throw new Error(`${name} can't be asked: ${(error as Error).message}`, { cause: error })
      }
      const fields = objectIn(answer.body)
      if (!GIVEN.includes(answer.status)) {
        throw new Error(`${name} gives none, its status is ${answer.status}${reasonIn(fields)}`)
      }
      for (const token of [fields['access_token'], fields['id_token']]) {
        if (typeof token === 'string' && token.trim() !== '') return token
      }
      throw new Error(`${name} gives none: there is no access_token in what it answers`)
    },
  }
}

const formEncoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)

function objectIn(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}

/** What RFC 6749, 5.2 has a server say, as far as it can be shown. */
function reasonIn({ error, error_description: description }: Readonly<Record<string, unknown>>) {
  const said = [error, description].filter((text) => typeof text === 'string')
  if (said.length === 0) return ''
  return `: ${said
    .join(', ')
    .slice(0, MOST_SHOWN)
    .replace(/\p{Cc}/gu, ' ')}`
}
