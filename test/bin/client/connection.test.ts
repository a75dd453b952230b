import net from 'node:net'
import { connect } from '../../../bin/client/index.ts'

/** A server that answers whatever comes with the same bytes, or hangs up. */
async function serving<T>(answer: Buffer | null, use: (port: number) => Promise<T>): Promise<T> {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => (answer === null ? socket.destroy() : socket.write(answer)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await use((server.address() as net.AddressInfo).port)
  } finally {
    server.close()
  }
}

describe('Connecting', () => {
  test('where nothing listens is an error that says what to start', async () => {
    const port = await serving(null, (used) => Promise.resolve(used))
    await expect(connect('127.0.0.1', port)).rejects.toMatchObject({
      code: 'CONNECTION_REFUSED',
      remedy: expect.stringContaining('ottla start'),
    })
  })

  test('to something else than a broker is an error at once', async () => {
    await serving(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), (port) =>
      expect(connect('127.0.0.1', port)).rejects.toMatchObject({ code: 'NOT_KAFKA' }),
    )
  })

  test('to one that hangs up is an error', async () => {
    await serving(null, (port) =>
      expect(connect('127.0.0.1', port)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' }),
    )
  })

  test('to one that says nothing ends in time', async () => {
    await serving(Buffer.alloc(0), (port) =>
      expect(connect('127.0.0.1', port, { connectTimeoutMs: 20 })).rejects.toMatchObject({
        code: 'REQUEST_TIMEOUT',
      }),
    )
  })
})
