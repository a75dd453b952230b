import { SaslAuthenticate } from '../../protocol/messages/sasl-authenticate.ts'
import { TestNode } from './test-node.ts'

test.each([0, 1, 2])(
  'SaslAuthenticate v%d is out of place where nobody has to say who he is',
  async (v) => {
    const answer = await new TestNode().ask(SaslAuthenticate, v, { authBytes: Buffer.from('x') })
    expect(answer).toMatchObject({ errorCode: 'ILLEGAL_SASL_STATE' })
  },
)
