import { createHmac, generateKeyPairSync } from 'node:crypto'
import { exportSPKI, importJWK, type CryptoKey } from 'jose'
import { WebKeys } from '../../../../src/host/web-tokens.ts'
import { SignedTokens } from '../../../../src/security/sasl/oauth/signed.ts'
import {
  AUDIENCE,
  base64,
  ISSUER,
  keySetOf,
  SigningKey,
} from '../../../support/identity-provider.ts'

const NOW_MS = 1_800_000_000_000
const NOW = NOW_MS / 1000
const rules = {
  issuer: ISSUER as string | null,
  audiences: ['other', AUDIENCE] as readonly string[],
  skewSeconds: 30,
  scopeClaim: 'scope',
  subClaim: 'sub',
}

let key: SigningKey
let others: readonly SigningKey[]
beforeAll(async () => {
  key = await SigningKey.make('one')
  others = await Promise.all([
    SigningKey.make('two', 'ES256'),
    SigningKey.make('three', 'EdDSA'),
    SigningKey.make('four', 'PS256'),
  ])
})

function validatorOf(keys: readonly SigningKey[], changes: Partial<typeof rules> = {}) {
  const known = new WebKeys(keySetOf(...keys))
  const source = {
    claimsOf: (token: string, asked: Parameters<WebKeys['claimsOf']>[1]) =>
      known.claimsOf(token, asked),
    close: () => undefined,
  }
  return new SignedTokens(source, { ...rules, ...changes }, { now: () => NOW_MS })
}

const token = (claims: object = {}, header: object = {}) => key.token(claims, NOW_MS, header)
const judge = (text: string, changes: Partial<typeof rules> = {}) =>
  validatorOf([key, ...others], changes).validate(text)

describe('a token is good', () => {
  test('that one of the keys has signed, whatever its kind', async () => {
    for (const signer of [key, ...others]) {
      expect(await judge(await signer.token({}, NOW_MS))).toEqual({
        name: 'alice',
        expiresAtMs: NOW_MS + 600_000,
      })
    }
  })

  test('that names no key, where one of them has signed it', async () => {
    const two = await SigningKey.make('another')
    const validator = validatorOf([two, key])
    const unnamed = await token({}, { kid: undefined })
    expect((await validator.validate(unnamed)).name).toBe('alice')
    const stranger = await SigningKey.make('stranger')
    const wrong = stranger.token({}, NOW_MS, { kid: undefined })
    await expect(validator.validate(await wrong)).rejects.toThrow('none of the keys has signed it')
  })

  test.each([
    ['within the skew of the clocks', { exp: NOW - 29, nbf: NOW - 700, iat: NOW - 700 }],
    ['not before a time within the skew', { nbf: NOW + 29 }],
    ['with one of its audiences', { aud: ['x', AUDIENCE] }],
    ['with scopes', { scope: ['a', 'b'] }],
  ])('%s', async (_, claims) => {
    expect((await judge(await token(claims))).name).toBe('alice')
  })

  test('whose name is in another claim', async () => {
    expect((await judge(await token({ client: ' bob ' }), { subClaim: 'client' })).name).toBe('bob')
  })

  test('of any issuer and audience where none are expected', async () => {
    const any = { issuer: null, audiences: [] }
    expect((await judge(await token({ iss: 'x', aud: 'y' }), any)).name).toBe('alice')
  })
})

describe('a token is refused', () => {
  test.each([
    ['that has expired', { exp: NOW - 31, iat: NOW - 700 }, /"exp" claim timestamp check failed/],
    ['that is not yet valid', { nbf: NOW + 31 }, /"nbf" claim timestamp check failed/],
    ['of another issuer', { iss: 'https://idp.test/' }, /"iss"/],
    ['of no issuer', { iss: undefined }, /"iss"/],
    ['for another audience', { aud: 'kafka2' }, /"aud"/],
    ['for no audience', { aud: undefined }, /"aud"/],
    ['that never expires', { exp: undefined }, /"exp"/],
    ['that expires in words', { exp: 'never' }, /"exp"/],
    ['that was issued at no time', { iat: undefined }, /"iat"/],
    ['that expires before it was issued', { iat: NOW + 700 }, /expire before it was issued/],
    ['without a name', { sub: undefined }, /no name in its claim sub/],
    ['with a blank name', { sub: ' ' }, /no name in its claim sub/],
    ['with a name that is no text', { sub: { toString: 'x' } }, /no name in its claim sub/],
    ['with a blank scope', { scope: [' '] }, /scope/],
    ['with a scope twice', { scope: ['a', 'a'] }, /scope/],
  ])('%s', async (_, claims, expected) => {
    const error = await judge(await token(claims)).catch((reason: Error) => reason)
    expect(error).toMatchObject({ name: 'BadTokenError', told: '{"status":"invalid_token"}' })
    expect((error as Error).message).toMatch(expected)
  })

  test('whose signature is of alg none, in whatever case', async () => {
    const claims = (await token()).split('.')[1]!
    for (const alg of ['none', 'None', 'NONE', '', undefined]) {
      for (const signature of ['', (await token()).split('.')[2]!]) {
        const forged = `${base64({ alg, kid: 'one' })}.${claims}.${signature}`
        await expect(judge(forged)).rejects.toThrow('Could not validate the access token')
      }
    }
  })

  test('that is signed by the public key, taken for a secret', async () => {
    const spki = await exportSPKI((await importJWK(key.jwk, 'RS256')) as CryptoKey)
    const claims = (await token()).split('.')[1]!
    for (const kid of ['one', undefined]) {
      const signed = `${base64({ alg: 'HS256', kid })}.${claims}`
      for (const secret of [spki, spki.trim(), JSON.stringify(key.jwk), key.jwk.n!]) {
        const signature = createHmac('sha256', secret).update(signed).digest('base64url')
        await expect(judge(`${signed}.${signature}`)).rejects.toThrow('"alg"')
      }
    }
  })

  test('that brings its own key, or says where one is', async () => {
    const mallory = await SigningKey.make('one')
    for (const header of [
      { jwk: mallory.jwk },
      { jku: 'http://127.0.0.1:1/' },
      { kid: '../one' },
    ]) {
      await expect(judge(await mallory.token({}, NOW_MS, header))).rejects.toThrow(
        'Could not validate',
      )
    }
  })

  test('whose claims were changed after it was signed', async () => {
    const [header, claims, signature] = (await token()).split('.')
    const changed = {
      ...(JSON.parse(Buffer.from(claims!, 'base64url').toString()) as object),
      sub: 'root',
    }
    await expect(judge(`${header}.${base64(changed)}.${signature}`)).rejects.toThrow('signature')
  })

  test.each([
    '',
    '.',
    '..',
    'a.b.c',
    'a.b.c.d.e',
    'x'.repeat(400_000),
    `${'['.repeat(300_000)}.a.b`,
  ])('that is none (%#)', async (text) => {
    await expect(judge(text)).rejects.toThrow('Could not validate the access token')
  })

  test('in words that have nothing of it in them', async () => {
    const text = await token({ iss: 'secret issuer', sub: 'secret name' })
    const error = await judge(text).catch((reason: Error) => reason)
    expect((error as Error).message).not.toMatch(/secret/)
    expect((error as Error).message).not.toContain(text.split('.')[2])
  })
})

test.each(['', 'null', '[]', '{}', '{"keys":{}}', '{"keys":[1]}', '<html>'])(
  '%j is no set of keys',
  (text) => {
    expect(() => new WebKeys(text)).toThrow('it is no set of keys')
  },
)

test('a key that can not be used keeps nobody from another one, wherever it stands', async () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const short = publicKey.export({ format: 'jwk' })
  const options = { issuer: null, audiences: [], skewSeconds: 0, nowMs: NOW_MS }
  const unnamed = await token({}, { kid: undefined })
  const stranger = await SigningKey.make('stranger')
  const strange = await stranger.token({}, NOW_MS, { kid: undefined })
  for (const keys of [
    [short, key.jwk],
    [key.jwk, short],
  ]) {
    const known = new WebKeys(JSON.stringify({ keys }))
    expect((await known.claimsOf(unnamed, options)).sub).toBe('alice')
    await expect(known.claimsOf(strange, options)).rejects.toMatchObject({
      name: 'WebTokenError',
      message: expect.stringMatching(/^none of the keys has signed it, .* 2048 bits/) as string,
    })
  }
})

test('keys that are too short, or none, are no reason to let anybody in', async () => {
  const broken = new WebKeys(
    '{"keys":[{"kty":"RSA","kid":"one","n":"AQAB","e":"AQAB"},{"kty":"?"}]}',
  )
  const options = { issuer: null, audiences: [], skewSeconds: 0, nowMs: NOW_MS }
  await expect(broken.claimsOf(await token(), options)).rejects.toMatchObject({
    name: 'WebTokenError',
  })
})
