import { parseOAuthMessage } from '../../../../src/security/sasl/oauth/message.ts'

const parse = (text: string) => parseOAuthMessage(Buffer.from(text, 'latin1'))

test.each([
  ['n,,\x01auth=Bearer abc.def\x01\x01', 'abc.def', ''],
  ['n,a=alice,\x01auth=bearer a==\x01\x01', 'a==', 'alice'],
  ['n,,\x01traceId=1=2\x01auth=Bearer  a\x01team=x y\x01\x01', 'a', ''],
])('%j has a token', (text, token, authorizationId) => {
  expect(parse(text)).toEqual({ token, authorizationId })
})

test.each([
  '',
  '\x01',
  'n,,',
  'n,,\x01\x01',
  'n,,\x01auth=Bearer a\x01',
  'n,,\x01auth=Bearer a\x01\x01\x01',
  'n,,auth=Bearer a\x01\x01',
  'y,,\x01auth=Bearer a\x01\x01',
  'n,a=,\x01auth=Bearer a\x01\x01',
  'n,a=b=c,\x01auth=Bearer a\x01\x01',
  'n,,\x01auth=Basic a\x01\x01',
  'n,,\x01auth=Bearer a b\x01\x01',
  'n,,\x01auth=Bearer \xff\x01\x01',
  'n,,\x01other=Bearer a\x01\x01',
  'n,,\x01aut1=x\x01auth=Bearer a\x01\x01',
  'n,,\x01auth=Bearer a\x01x=\x01\x01',
])('%j is refused', (text) => {
  expect(() => parse(text)).toThrow(/^Invalid OAUTHBEARER client first message/)
})

test('half a million separators are read over in no time', () => {
  expect(() => parse(`n,,${'\x01'.repeat(500_000)}`)).toThrow(SyntaxError)
  expect(() => parse(`n,a=${'a'.repeat(500_000)}\x01`)).toThrow(SyntaxError)
})
