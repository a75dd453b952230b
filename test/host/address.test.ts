import { hostAndPort } from '../../src/host/address.ts'

test('an address has brackets where a colon in it would be taken for the one before the port', () => {
  expect(hostAndPort('localhost', 9092)).toBe('localhost:9092')
  expect(hostAndPort('127.0.0.1', 1)).toBe('127.0.0.1:1')
  expect(hostAndPort('::1', 9092)).toBe('[::1]:9092')
  expect(hostAndPort('fe80::1%eth0', 9092)).toBe('[fe80::1%eth0]:9092')
})
