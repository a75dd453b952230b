import { DescribeDelegationToken } from '../../protocol/messages/describe-delegation-token.ts'
import { ExpireDelegationToken } from '../../protocol/messages/expire-delegation-token.ts'
import { RenewDelegationToken } from '../../protocol/messages/renew-delegation-token.ts'
import { ImageBuilder } from '../../src/metadata/image-builder.ts'
import { DelegationTokens } from '../../src/security/tokens/delegation-tokens.ts'
import { SkippingClock } from '../support/skipping-clock.ts'
import { systemRandom } from '../../src/host/random.ts'
import { TestNode } from './test-node.ts'

/** A node that one token is known to, and who asks it. */
function nodeWithToken(asker: string): TestNode {
  const node = new TestNode({ 'delegation.token.secret.key': 'secret' })
  const principal = { type: 'User', name: asker }
  node.connection.authentication = { principal, isPending: false }
  const value = {
    owner: 'User:alice',
    requester: 'User:admin',
    renewers: ['User:bob'],
    issueTimestamp: 0,
    maxTimestamp: 1,
    expirationTimestamp: 1,
    tokenId: 't',
  }
  const builder = new ImageBuilder(node.image)
  builder.apply({ type: 'DelegationTokenRecord', version: 0, value })
  node.image = builder.build(1, 1).image
  return node
}

describe('a token is changed', () => {
  test('by the id that its secret leads to, in the name of who asks', async () => {
    const node = nodeWithToken('alice')
    const host = { clock: new SkippingClock(), random: systemRandom() }
    const hmac = new DelegationTokens(node.config, host, () => node.image).secretOf('t')
    node.controller = () => ({ errorCode: 'NONE', expiryTimestampMs: 7 })
    const renewed = await node.ask(RenewDelegationToken, 2, { hmac, renewPeriodMs: 5n })
    expect(renewed).toMatchObject({ errorCode: 'NONE', expiryTimestampMs: 7 })
    await node.ask(ExpireDelegationToken, 2, { hmac: Buffer.from('x'), expiryTimePeriodMs: -1n })
    const requester = 'User:alice'
    expect(node.commands).toEqual([
      { type: 'renewDelegationToken', tokenId: 't', requester, periodMs: 5 },
      { type: 'expireDelegationToken', tokenId: null, requester, periodMs: -1 },
    ])
  })
})

test.each(['alice', 'admin', 'bob'])(
  'a token is seen by %s: owner, requester, renewer',
  async (asker) => {
    const node = nodeWithToken(asker)
    const all = await node.ask(DescribeDelegationToken, 3, { owners: null })
    expect(all).toMatchObject({ errorCode: 'NONE', tokens: [{ tokenId: 't' }] })
    const owners = [{ principalType: 'User', principalName: asker }]
    const named = await node.ask(DescribeDelegationToken, 3, { owners })
    expect(named).toMatchObject({ tokens: [{ tokenId: 't' }] })
  },
)
