import { UnregisterController } from '../../protocol/messages/unregister-controller.ts'
import { TestNode } from './test-node.ts'

describe('UnregisterController', () => {
  test('has the active controller forget another one', async () => {
    const node = new TestNode()
    node.controller = () => ({ errorCode: 'NONE', errorMessage: null })
    const answer = await node.ask(UnregisterController, 0, { controllerId: 7 })
    expect(answer).toEqual({ throttleTimeMs: 0, errorCode: 'NONE', errorMessage: null })
    expect(node.commands).toEqual([{ type: 'unregisterController', controllerId: 7 }])
  })

  test('tells why it does not', async () => {
    const node = new TestNode()
    const refusal = { errorCode: 'CONTROLLER_ID_NOT_REGISTERED', errorMessage: 'why' } as const
    node.controller = () => refusal
    const answer = await node.ask(UnregisterController, 0, { controllerId: 7 })
    expect(answer).toMatchObject(refusal)
  })
})
