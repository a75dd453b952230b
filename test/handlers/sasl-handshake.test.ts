import { SaslHandshake } from '../../protocol/messages/sasl-handshake.ts'
import { TestNode } from './test-node.ts'

test.each([0, 1])(
  'SaslHandshake v%d is out of place where nobody has to say who he is',
  async (v) => {
    const answer = await new TestNode().ask(SaslHandshake, v, { mechanism: 'PLAIN' })
    expect(answer).toEqual({ errorCode: 'ILLEGAL_SASL_STATE', mechanisms: [] })
  },
)
