import { ControllerRegistration } from '../../protocol/messages/controller-registration.ts'
import { TestNode } from './test-node.ts'

const listeners = [{ name: 'CONTROLLER', host: 'h', port: 9093, securityProtocol: 0 }]
const features = [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 33 }]
const registration = { controllerId: 3, incarnationId: 'I'.repeat(21) + 'A', features }
const body = { ...registration, listeners, zkMigrationReady: false }

describe('ControllerRegistration', () => {
  test('has the active controller take note of where another one listens', async () => {
    const node = new TestNode()
    node.controller = () => ({ errorCode: 'NONE', errorMessage: null })
    expect(await node.ask(ControllerRegistration, 0, body)).toEqual({
      throttleTimeMs: 0,
      errorCode: 'NONE',
      errorMessage: null,
    })
    const command = { type: 'registerController', ...registration, endPoints: listeners }
    expect(node.commands).toEqual([command])
  })

  test('tells when it isn’t asked of the active one', async () => {
    const node = new TestNode()
    node.controller = () => {
      throw Object.assign(new Error('lost'), { code: 'ERR_SHARD_LOST' })
    }
    const answer = await node.ask(ControllerRegistration, 0, body)
    expect(answer).toMatchObject({ errorCode: 'NOT_CONTROLLER', errorMessage: 'lost' })
  })
})
