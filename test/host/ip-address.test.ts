import { addressBytes, addressText } from '../../src/host/ip-address.ts'

const GROUPS = '00010002000300040005000600070008'

describe('the address of a client, in bytes', () => {
  test.each([
    ['127.0.0.1', '7f000001', '127.0.0.1'],
    ['255.255.255.255', 'ffffffff', '255.255.255.255'],
    ['::1', '00000000000000000000000000000001', '::1'],
    ['::', '00000000000000000000000000000000', '::'],
    ['1:2:3:4:5:6:7:8', GROUPS, '1:2:3:4:5:6:7:8'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001', 'fe80::1'],
    ['2001:DB8::', '20010db8000000000000000000000000', '2001:db8::'],
    ['1:0:0:2:0:0:0:3', '00010000000000020000000000000003', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '00010000000200030004000500060007', '1:0:2:3:4:5:6:7'],
    ['64:ff9b::10.0.0.1', '0064ff9b00000000000000000a000001', '64:ff9b::a00:1'],
    ['::ffff:10.0.0.1', '00000000000000000000ffff0a000001', '10.0.0.1'],
  ])('%s', (text, hex, back) => {
    const bytes = addressBytes(text)
    expect(bytes?.toString('hex')).toBe(hex)
    expect(addressText(bytes!)).toBe(back)
  })

  test.each([
    '',
    'localhost',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '1::2::3',
    '12345::',
    'g::',
    '1.2.3.4::',
  ])('%j is none', (text) => {
    expect(addressBytes(text)).toBeNull()
  })

  test.each([0, 3, 5, 15, 17])('%i bytes are none', (count) => {
    expect(addressText(Buffer.alloc(count))).toBeNull()
  })
})
