import { createHash, createHmac } from 'node:crypto'
import {
  saltedPassword,
  scramCredential,
  ScramClient,
  ScramExchange,
  type FindToken,
  type ScramCredential,
  type ScramMechanism,
} from '../../../src/security/sasl/scram.ts'

const NONCE = Buffer.from('server nonce')
const noToken: FindToken = () => Promise.resolve(null)

async function credentialOf(mechanism: ScramMechanism, password: string): Promise<ScramCredential> {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  return scramCredential(
    mechanism,
    await saltedPassword(mechanism, password, salt, 4096),
    salt,
    4096,
  )
}

/** An exchange between both sides, and who the client is in the end. */
async function exchanged(mechanism: ScramMechanism, user: string, password: string) {
  const credential = await credentialOf(mechanism, 'pencil')
  const find = (_: ScramMechanism, name: string) => (name === 'user,=' ? credential : null)
  const server = new ScramExchange(mechanism, find, noToken, NONCE)
  const client = new ScramClient(mechanism, user, password, Buffer.from('client nonce'))
  const first = await server.step(client.first())
  if ('refused' in first) return first
  const final = await server.step((await client.final(first.challenge))!)
  if ('refused' in final) return final
  return { principal: final.principal, isProved: client.isProved(final.challenge) }
}

describe.each(['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('%s', (mechanism) => {
  test('lets in who knows the password, whatever the name has in it', async () => {
    expect(await exchanged(mechanism, 'user,=', 'pencil')).toEqual({
      principal: { type: 'User', name: 'user,=' },
      isProved: true,
    })
  })

  test('refuses a wrong password and an unknown user in the same words', async () => {
    const wrong = await exchanged(mechanism, 'user,=', 'pen')
    expect(wrong).toHaveProperty('refused')
    expect(await exchanged(mechanism, 'nobody', 'pencil')).toEqual(wrong)
  })
})

test('Who could bind a channel, and sees that the server can’t, is let in', async () => {
  const mechanism = 'SCRAM-SHA-256'
  const credential = await credentialOf(mechanism, 'pencil')
  const exchange = new ScramExchange(mechanism, () => credential, noToken, NONCE)
  const begun = await exchange.step(Buffer.from('y,,n=user,r=nonce'))
  const challenge = 'challenge' in begun ? begun.challenge.toString() : ''
  const [, nonce, salt] = /^r=([^,]+),s=([^,]+)/.exec(challenge)!
  const salted = await saltedPassword(mechanism, 'pencil', Buffer.from(salt!, 'base64'), 4096)
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  const bare = `c=${Buffer.from('y,,').toString('base64')},r=${nonce}`
  const signature = createHmac('sha256', createHash('sha256').update(clientKey).digest())
    .update(`n=user,r=nonce,${challenge},${bare}`)
    .digest()
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ signature[at]!))
  const final = await exchange.step(Buffer.from(`${bare},p=${proof.toString('base64')}`))
  expect(final).toMatchObject({ principal: { type: 'User', name: 'user' } })
})

test('SCRAM-SHA-256 says what RFC 7677 has as its example', async () => {
  const credential = await credentialOf('SCRAM-SHA-256', 'pencil')
  const client = 'rOprNGfwEbeRWgbNEkqO'
  const server = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  const nonce = { toString: () => server } as unknown as Buffer
  const exchange = new ScramExchange('SCRAM-SHA-256', () => credential, noToken, nonce)
  const first = await exchange.step(Buffer.from(`n,,n=user,r=${client}`))
  expect('challenge' in first && first.challenge.toString()).toBe(
    `r=${client}${server},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
  )
  const proof = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='
  const final = await exchange.step(Buffer.from(`c=biws,r=${client}${server},p=${proof}`))
  expect('challenge' in final && final.challenge.toString()).toBe(
    'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  )
})

test('a client may say its part of the nonce twice, as librdkafka does, where it signs what it says', async () => {
  const credential = await credentialOf('SCRAM-SHA-256', 'pencil')
  const exchange = new ScramExchange('SCRAM-SHA-256', () => credential, noToken, NONCE)
  const first = await exchange.step(Buffer.from('n,,n=user,r=c'))
  const answer = 'challenge' in first ? first.challenge.toString() : ''
  const bare = `c=biws,r=c${/r=([^,]+)/.exec(answer)![1]}`
  const salted = await saltedPassword('SCRAM-SHA-256', 'pencil', credential.salt, 4096)
  const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const signature = hmac(credential.storedKey, `n=user,r=c,${answer},${bare}`)
  const proof = hmac(salted, 'Client Key').map((byte, at) => byte ^ signature[at]!)
  const final = await exchange.step(
    Buffer.from(`${bare},p=${Buffer.from(proof).toString('base64')}`),
  )
  expect(final).toMatchObject({ principal: { name: 'user' } })
})

test('a token is looked for again at the end: it may have been renewed, or be over', async () => {
  const credential = await credentialOf('SCRAM-SHA-256', 'secret')
  const bearer = { credential, owner: 'alice', expiresAtMs: 1000 }
  const exchangedWith = async (...found: (typeof bearer | null)[]) => {
    const findToken: FindToken = () => Promise.resolve(found.shift()!)
    const server = new ScramExchange('SCRAM-SHA-256', () => null, findToken, NONCE)
    const client = new ScramClient('SCRAM-SHA-256', 'token', 'secret', Buffer.from('c'), true)
    const first = await server.step(client.first())
    return server.step((await client.final('challenge' in first ? first.challenge : NONCE))!)
  }
  expect(await exchangedWith(bearer, { ...bearer, expiresAtMs: 2000 })).toMatchObject({
    principal: { name: 'alice', tokenAuthenticated: true },
    expiresAtMs: 2000,
  })
  expect(await exchangedWith(bearer, null)).toHaveProperty('refused')
})

describe('SCRAM refuses', () => {
  const begun = async () => {
    const credential = await credentialOf('SCRAM-SHA-256', 'pencil')
    const client = new ScramClient('SCRAM-SHA-256', 'user', 'pencil', Buffer.from('c'))
    const exchange = new ScramExchange('SCRAM-SHA-256', () => credential, noToken, NONCE)
    const first = await exchange.step(client.first())
    const final = await client.final('challenge' in first ? first.challenge : Buffer.alloc(0))
    return { credential, client, exchange, final: final!.toString() }
  }

  test.each([
    ['another nonce', (text: string) => text.replace(/r=../, 'r=xx')],
    ['the client’s nonce alone', (text: string) => text.replace(/r=[^,]*/, 'r=Yw')],
    ['another channel', (text: string) => text.replace('c=biws', 'c=eSws')],
    ['a proof of another length', (text: string) => text.replace(/p=.*/, 'p=AAAA')],
    ['no proof', (text: string) => text.replace(/,p=.*/, '')],
  ])('%s', async (_, change) => {
    const { exchange, final } = await begun()
    expect(await exchange.step(Buffer.from(change(final)))).toHaveProperty('refused')
  })

  test('whose word on channel binding was changed on its way, so that nobody would miss it', async () => {
    const credential = await credentialOf('SCRAM-SHA-256', 'pencil')
    const client = new ScramClient('SCRAM-SHA-256', 'user', 'pencil', Buffer.from('c'))
    const exchange = new ScramExchange('SCRAM-SHA-256', () => credential, noToken, NONCE)
    const said = client.first().toString()
    const first = await exchange.step(Buffer.from(said.replace(/^n/, 'y')))
    const final = await client.final('challenge' in first ? first.challenge : Buffer.alloc(0))
    expect(await exchange.step(final!)).toHaveProperty('refused')
  })

  test('what was said in another exchange', async () => {
    const { credential, client, final } = await begun()
    const other = new ScramExchange(
      'SCRAM-SHA-256',
      () => credential,
      noToken,
      Buffer.from('another'),
    )
    await other.step(client.first())
    expect(await other.step(Buffer.from(final))).toHaveProperty('refused')
  })

  test.each([
    'n,,n=user',
    'p=tls-unique,,n=user,r=c',
    'n,a=other,n=user,r=c',
    'n,,n=us=er,r=c',
    '',
    'n,,n=,r=',
  ])('a first message like %j', async (message) => {
    const credential = await credentialOf('SCRAM-SHA-256', 'pencil')
    const exchange = new ScramExchange('SCRAM-SHA-256', () => credential, noToken, NONCE)
    expect(await exchange.step(Buffer.from(message))).toHaveProperty('refused')
  })
})
