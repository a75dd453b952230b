import type { Socket } from '../../src/host/host.ts'
import type { RatedLog } from '../../src/host/rated-log.ts'
import type { ListenerTls, SecuredClient } from '../../src/security/tls/listener-tls.ts'
import { ANONYMOUS } from '../../src/security/authentication.ts'
import { Handshakes } from '../../src/server/handshakes.ts'
import { FakeSocket } from '../support/fake-socket.ts'
import { SkippingClock } from '../support/skipping-clock.ts'

function setting() {
  const clock = new SkippingClock()
  const lines: string[] = []
  const faults = { warn: (_kind: string, _fields: object, line: string) => lines.push(line) }
  const handshakes = new Handshakes(clock, faults as unknown as RatedLog)
  const outcomes: (SecuredClient | 'failed')[] = []
  const begin = () => {
    const socket = new FakeSocket()
    let end!: (client: SecuredClient) => void
    let fail!: (error: Error) => void
    const accept = (accepted: Socket): Promise<SecuredClient> => {
      expect(accepted).toBe(socket)
      return new Promise((resolve, reject) => {
        end = resolve
        fail = reject
      })
    }
    handshakes.begin(socket, {
      tls: { accept } as unknown as ListenerTls,
      listener: 'SSL',
      done: (client) => outcomes.push(client),
      failed: () => outcomes.push('failed'),
    })
    return { socket, end, fail }
  }
  return { clock, lines, handshakes, outcomes, begin }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
const client = () =>
  ({ socket: new FakeSocket(), principal: ANONYMOUS }) as unknown as SecuredClient

describe('TLS handshakes', () => {
  test('end with a client that is served, and nothing of them is kept', async () => {
    const { clock, lines, handshakes, outcomes, begin } = setting()
    const { socket, end } = begin()
    expect(handshakes.size).toBe(1)
    const secured = client()
    end(secured)
    await settled()
    expect(outcomes).toEqual([secured])
    expect(handshakes.size).toBe(0)
    clock.skip(60_000)
    expect(socket.closed).toBe(false)
    expect(lines).toEqual([])
  })

  test('that take more than 30 s are given up, with one line', async () => {
    const { clock, lines, handshakes, outcomes, begin } = setting()
    const { socket, fail } = begin()
    clock.skip(29_000)
    expect(socket.closed).toBe(false)
    clock.skip(2000)
    expect(socket.closed).toBe(true)
    fail(new Error('the connection was closed in the handshake'))
    await settled()
    expect(outcomes).toEqual(['failed'])
    expect(handshakes.size).toBe(0)
    expect(lines).toEqual([expect.stringContaining('it took more than 30 s')])
  })

  test('with a client that speaks without TLS say so', async () => {
    const { lines, begin } = setting()
    begin().fail(Object.assign(new Error('what came is none of TLS'), { code: 'NOT_TLS' }))
    await settled()
    expect(lines).toEqual([expect.stringContaining('it speaks without TLS')])
  })

  test('are ended with the server, silently, whoever finishes one then is not served', async () => {
    const { lines, handshakes, outcomes, begin } = setting()
    const [one, other] = [begin(), begin()]
    handshakes.close()
    expect([one.socket.closed, other.socket.closed]).toEqual([true, true])
    one.fail(new Error('the connection was closed in the handshake'))
    const late = client()
    other.end(late)
    await settled()
    expect(outcomes).toEqual(['failed', 'failed'])
    expect((late.socket as unknown as FakeSocket).closed).toBe(true)
    expect(lines).toEqual([])
  })
})
