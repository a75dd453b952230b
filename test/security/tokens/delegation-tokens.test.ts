import { BrokerConfig } from '../../../src/config/broker-config.ts'
import { systemRandom } from '../../../src/host/random.ts'
import { ImageBuilder } from '../../../src/metadata/image-builder.ts'
import { EMPTY_IMAGE } from '../../../src/metadata/image.ts'
import { DelegationTokens } from '../../../src/security/tokens/delegation-tokens.ts'

const value = {
  owner: 'User:alice:of:colons',
  requester: 'User:root',
  renewers: [],
  issueTimestamp: 0,
  maxTimestamp: 3000,
  expirationTimestamp: 2000,
  tokenId: 'one',
}

function tokensAt(nowMs: number, secret = 'secret') {
  const builder = new ImageBuilder(EMPTY_IMAGE)
  builder.apply({ type: 'DelegationTokenRecord', version: 0, value })
  let { image } = builder.build(1, 1)
  const values = jest.spyOn(image.others, 'values')
  const config = new BrokerConfig({ settings: { 'delegation.token.secret.key': secret } })
  const host = { clock: { now: () => nowMs } as never, random: systemRandom() }
  const forget = () => void (image = EMPTY_IMAGE)
  return {
    tokens: new DelegationTokens(config, host, () => image),
    forget,
    looks: () => values.mock.calls.length,
  }
}

describe('a delegation token', () => {
  test('is for its owner, until it is over', async () => {
    const bearer = await tokensAt(1999).tokens.bearer('SCRAM-SHA-256', 'one')
    expect(bearer).toMatchObject({ owner: 'alice:of:colons', expiresAtMs: 2000 })
    expect(await tokensAt(2001).tokens.bearer('SCRAM-SHA-256', 'one')).toBeNull()
    expect(await tokensAt(0).tokens.bearer('SCRAM-SHA-256', 'two')).toBeNull()
  })

  test('is found by its secret, which follows from that of the cluster', () => {
    const { tokens, forget } = tokensAt(0)
    const secret = tokens.secretOf('one')
    expect(tokens.idOf(secret)).toBe('one')
    expect(tokens.idOf(Buffer.from('x'))).toBeNull()
    expect(tokensAt(0, 'another').tokens.idOf(secret)).toBeNull()
    forget()
    expect(tokens.idOf(secret)).toBeNull()
  })

  test('is looked for among all only once they have changed', () => {
    const { tokens, looks } = tokensAt(0)
    for (let i = 0; i < 100; i++) tokens.idOf(Buffer.from(`guess ${i}`))
    expect(looks()).toBe(1)
  })

  test('is nobody’s where the cluster has no secret', async () => {
    const { tokens } = tokensAt(0, '')
    expect([tokens.isEnabled, await tokens.bearer('SCRAM-SHA-256', 'one')]).toEqual([false, null])
    expect(tokens.idOf(Buffer.alloc(0))).toBeNull()
  })
})
