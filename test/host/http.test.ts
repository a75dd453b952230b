import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nodeHttp } from '../../src/host/http.ts'
import { nodeTls } from '../../src/host/tls.ts'
import { TestAuthority } from '../support/certificates.ts'
import { IdentityProvider } from '../support/identity-provider.ts'

const { signal } = new AbortController()
const options = { timeoutMs: 60_000, maxBytes: 1000, signal, tls: null }
const servers = new Set<Server>()
afterAll(() => {
  for (const server of servers) server.close().closeAllConnections()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.add(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

test('a document is there, whole', async () => {
  const url = await serve((_, response) => {
    response.write('one ')
    response.end('two')
  })
  expect((await nodeHttp.get(url, options)).toString()).toBe('one two')
})

test.each<[string, RequestListener, RegExp]>([
  ['isn’t there', (_, response) => response.writeHead(404).end('no'), /status 404/],
  [
    'is elsewhere',
    (_, response) => response.writeHead(302, { location: '/x' }).end(),
    /status 302/,
  ],
  ['is too large', (_, response) => response.end('x'.repeat(1001)), /more than 1000 bytes/],
  [
    'ends too early',
    (_, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('half')
      setImmediate(() => response.destroy())
    },
    /aborted|hang up/,
  ],
  [
    'is another protocol',
    (_, response) =>
      void response.socket!.end(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n',
      ),
    /status 101/,
  ],
])('a document that %s is an error', async (_, listener, expected) => {
  await expect(nodeHttp.get(await serve(listener), options)).rejects.toThrow(expected)
})

test('a server that sends a byte now and then is waited for no longer than for one that says nothing', async () => {
  const timers: NodeJS.Timeout[] = []
  const slow = await serve((_, response) => {
    response.writeHead(200)
    timers.push(setInterval(() => response.write('x'), 10))
  })
  const silent = await serve(() => undefined)
  const late = { ...options, timeoutMs: 100 }
  await expect(nodeHttp.get(slow, late)).rejects.toThrow('no whole answer came within 100 ms')
  await expect(nodeHttp.get(silent, late)).rejects.toThrow('no whole answer came within 100 ms')
  for (const timer of timers) clearInterval(timer)
})

test('who gives up is told so', async () => {
  const controller = new AbortController()
  const asked = nodeHttp.get(await serve(() => controller.abort()), {
    ...options,
    signal: controller.signal,
  })
  await expect(asked).rejects.toThrow('aborted')
})

test('over TLS a server must be vouched for by whom we trust', async () => {
  const authority = new TestAuthority('ca')
  const credential = authority.issue({ subject: [['CN', 'idp']], hosts: ['127.0.0.1'] })
  const provider = await IdentityProvider.start('{}', credential)
  const trusting = (certificate: string) => ({
    ...options,
    tls: nodeTls.context({
      identity: null,
      trusted: [certificate],
      clientAuth: 'none',
      versions: ['TLSv1.2', 'TLSv1.3'],
      ciphers: [],
    }),
  })
  const { url } = provider
  expect((await nodeHttp.get(url, trusting(authority.certificate))).toString()).toBe('{}')
  await expect(nodeHttp.get(url, trusting(new TestAuthority('ca2').certificate))).rejects.toThrow()
  await expect(nodeHttp.get(url, options)).rejects.toThrow(/certificate/)
  provider.close()
})
