import { isInRange, parseAddressRange } from '../../src/host/address-range.ts'
import { addressBytes } from '../../src/host/ip-address.ts'

const isIn = (range: string, address: string): boolean =>
  isInRange(parseAddressRange(range)!, addressBytes(address)!)

test.each([
  ['10.0.0.0/8', '10.255.255.255', true],
  ['10.0.0.0/8', '11.0.0.0', false],
  ['10.1.2.3/24', '10.1.2.0', true],
  ['10.1.2.128/25', '10.1.2.127', false],
  ['10.1.2.128/25', '10.1.2.128', true],
  ['10.1.2.3/32', '10.1.2.3', true],
  ['10.1.2.3/32', '10.1.2.2', false],
  ['0.0.0.0/0', '255.255.255.255', true],
  ['fd00::/8', 'fdff::1', true],
  ['fd00::/8', 'fe00::1', false],
  ['::/0', '::1', true],
  ['::/0', '1.2.3.4', false],
  ['0.0.0.0/0', '::1', false],
])('%s and %s: %s', (range, address, isInIt) => {
  expect(isIn(range, address)).toBe(isInIt)
})

test.each([
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0/8',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  'fd00::/129',
  '/8',
  'a/8',
  '10.0.0.256/8',
  '::%1/8',
  '10.0.0.0/-1',
])('%s is no range', (text) => {
  expect(parseAddressRange(text)).toBeNull()
})
