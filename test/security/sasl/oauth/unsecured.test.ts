import { UnsecuredTokens } from '../../../../src/security/sasl/oauth/unsecured.ts'
import { base64, SigningKey } from '../../../support/identity-provider.ts'

const NOW_MS = 1_800_000_000_000
const NOW = NOW_MS / 1000
const PREFIX = 'unsecuredValidator'

const token = (claims: object, header: object = { alg: 'none' }, signature = '') =>
  `${base64(header)}.${base64({ sub: 'alice', exp: NOW + 60, ...claims })}.${signature}`

function judge(text: string, options: Record<string, string> = {}) {
  const named = Object.entries(options).map(([name, value]) => [PREFIX + name, value] as const)
  return new UnsecuredTokens(new Map(named), { now: () => NOW_MS }).validate(text)
}

test('a token that nobody has signed is taken by its word', async () => {
  expect(await judge(token({}))).toEqual({ name: 'alice', expiresAtMs: NOW_MS + 60_000 })
  expect((await judge(token({ who: 'bob' }), { PrincipalClaimName: 'who' })).name).toBe('bob')
  const skewed = token({ exp: NOW - 1, iat: NOW - 5 })
  expect((await judge(skewed, { AllowableClockSkewMs: '1001' })).name).toBe('alice')
})

test('a token has the scopes that are asked for', async () => {
  const asked = { RequiredScope: 'read write', ScopeClaimName: 'may' }
  expect((await judge(token({ may: ['write', 'read'] }), asked)).name).toBe('alice')
  for (const may of ['read', ['read'], 'read write', 7, undefined]) {
    await expect(judge(token({ may }), asked)).rejects.toMatchObject({
      told: '{"status":"insufficient_scope", "scope":"[read, write]"}',
    })
  }
})

test.each([
  ['expired', token({ exp: NOW })],
  ['without a time', token({ exp: undefined })],
  ['with a time that is none', token({ exp: 'x' })],
  ['from the future', token({ iat: NOW + 1 })],
  ['that expires before it was issued', token({ iat: NOW + 60, exp: NOW + 60 })],
  ['without a name', token({ sub: ' ' })],
  ['of another algorithm', token({}, { alg: 'HS256' })],
  ['with a signature', token({}, { alg: 'none' }, 'abc')],
  ['of two parts', 'e30.e30'],
  ['of no JSON', 'e30.x.'],
])('a token %s is refused', async (_, text) => {
  await expect(judge(text)).rejects.toMatchObject({ told: '{"status":"invalid_token"}' })
})

test('a token that an identity provider has signed is none of these', async () => {
  const signed = await (await SigningKey.make('one')).token({}, NOW_MS)
  await expect(judge(signed)).rejects.toThrow('no unsecured token')
})

test.each([
  { AllowableClockSkewMs: '-1' },
  { AllowableClockSkewMs: '1 s' },
  { RequiredScope: 'a"b' },
])('%j is no option', (options) => {
  expect(() => judge(token({}), options)).toThrow(SyntaxError)
})
