import { parseAddresses } from '../../../bin/client/address.ts'
import { formatAddress } from '../../../src/host/address.ts'

describe('Addresses of brokers', () => {
  test('come as a list, with or without port, and IPv6 in brackets', () => {
    expect(parseAddresses('a:1, b ,[::1]:9093')).toEqual([
      { host: 'a', port: 1 },
      { host: 'b', port: 9092 },
      { host: '::1', port: 9093 },
    ])
    expect(formatAddress({ host: '::1', port: 9093 })).toBe('[::1]:9093')
  })

  test.each(['', ',', 'a:b', 'a:0', 'a:70000', 'http://a', 'a b'])('%j is refused', (text) => {
    expect(() => parseAddresses(text)).toThrow(/not an address of a broker/)
  })
})
