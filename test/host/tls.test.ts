import net from 'node:net'
import tls from 'node:tls'
import type { Socket } from '../../src/host/host.ts'
import { nodeHost } from '../../src/host/node.ts'
import { TestAuthority } from '../support/certificates.ts'

const TRIES = 50

test('a client is known by its address, though it resets the connection as soon as its handshake is done', async () => {
  const { network } = nodeHost({ log: { level: 'silent' } })
  const authority = new TestAuthority('ca')
  const { key, certificate } = authority.issue({
    subject: [['CN', 'broker']],
    hosts: ['127.0.0.1'],
  })
  const context = network.tls.context({
    identity: { key, certificates: certificate, passphrase: null },
    trusted: null,
    clientAuth: 'none',
    versions: ['TLSv1.3'],
    ciphers: [],
  })
  const addresses: string[] = []
  // The reset may come before the server has seen the end of the handshake.
  for (let tried = 0; addresses.length === 0 && tried < TRIES; tried++) {
    let accepted = (_socket: Socket): void => undefined
    const accepting = new Promise<Socket>((resolve) => (accepted = resolve))
    const { port, close } = await network.listen('127.0.0.1', 0, accepted)
    const socket = net.connect(port, '127.0.0.1')
    const client = tls.connect({ socket, host: '127.0.0.1', ca: authority.certificate })
    for (const each of [socket, client]) each.on('error', () => undefined)
    client.on('secureConnect', () => {
      // Once the system has taken what is written, so that the end of the handshake is not lost with it.
      client.write('a request', () => socket.resetAndDestroy())
    })
    try {
      const secured = await network.tls.accept(await accepting, context)
      addresses.push(secured.remoteAddress)
      secured.destroy()
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ECONNRESET')
    }
    await close()
  }
  expect(addresses).toEqual(['127.0.0.1'])
})
