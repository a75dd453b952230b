import { decodePrincipal, encodePrincipal } from '../../src/security/principal-data.ts'

/** As Apache Kafka's brokers send it. */
const ANONYMOUS = '00000555736572' + '0a414e4f4e594d4f5553' + '0000'

describe('a principal in an Envelope', () => {
  test('is written as Apache Kafka writes it, and read back', () => {
    const principal = { type: 'User', name: 'ANONYMOUS' }
    const bytes = encodePrincipal(principal)
    expect(bytes.toString('hex')).toBe(ANONYMOUS)
    expect(decodePrincipal(bytes)).toEqual(principal)
  })

  test('says so where its client has authenticated by a delegation token', () => {
    const bearer = { type: 'User', name: 'ANONYMOUS', tokenAuthenticated: true }
    const bytes = encodePrincipal(bearer)
    expect(bytes.toString('hex')).toBe(`${ANONYMOUS.slice(0, -4)}0100`)
    expect(decodePrincipal(bytes)).toEqual(bearer)
  })

  test.each([
    ['nothing', ''],
    ['half a version', '00'],
    ['another version', '0001' + ANONYMOUS.slice(4)],
    ['a part', ANONYMOUS.slice(0, -4)],
    ['more than one', ANONYMOUS + '00'],
    ['a length beyond its end', '0000ff7f'],
  ])('%s is none', (_what, hex) => {
    expect(decodePrincipal(Buffer.from(hex, 'hex'))).toBeNull()
  })
})
