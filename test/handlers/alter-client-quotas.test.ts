import { AlterClientQuotas } from '../../protocol/messages/alter-client-quotas.ts'
import { ShardError } from '../../src/machine/runtime.ts'
import { TestNode } from './test-node.ts'

const entity = [{ entityType: 'user', entityName: 'a' }]
const ops = [{ key: 'producer_byte_rate', value: 1024.5, remove: false }]
const entries = [{ entity, ops }]

test.each([0, 1])('AlterClientQuotas v%d has the controller alter quotas', async (version) => {
  const node = new TestNode()
  const refused = { errorCode: 'INVALID_REQUEST', errorMessage: 'why' }
  node.controller = () => [{ entity, ...refused }]
  const answer = await node.ask(AlterClientQuotas, version, { entries, validateOnly: true })
  expect(answer.entries).toEqual([{ entity, ...refused }])
  expect(node.commands).toEqual([{ type: 'alterClientQuotas', entries, validateOnly: true }])
})

test('AlterClientQuotas tells of each entity that the controller is not there', async () => {
  const node = new TestNode()
  node.controller = () => {
    throw new ShardError('ERR_SHARD_LOST', 'no longer')
  }
  const answer = await node.ask(AlterClientQuotas, 1, { entries, validateOnly: false })
  expect(answer.entries).toMatchObject([{ entity, errorCode: 'NOT_CONTROLLER' }])
})
