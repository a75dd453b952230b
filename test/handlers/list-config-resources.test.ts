import { ListConfigResources } from '../../protocol/messages/list-config-resources.ts'
import { TestNode } from './test-node.ts'

async function node(): Promise<TestNode> {
  const made = new TestNode()
  made.addBroker({ id: 2 })
  made.addBroker({ id: 3, fenced: true })
  await made.addTopic('a')
  made.setConfig(32, 'g', { 'consumer.session.timeout.ms': '46000' })
  made.setConfig(16, 'm', { 'interval.ms': '1000' })
  made.setConfig(4, '', { 'log.retention.ms': '1' })
  return made
}

async function listed(resourceTypes: number[]): Promise<[number, string][]> {
  const served = await node()
  const answer = await served.ask(ListConfigResources, 1, { resourceTypes })
  expect(answer.errorCode).toBe('NONE')
  return answer.configResources.map(({ resourceType, resourceName }) => [
    resourceType,
    resourceName,
  ])
}

describe('ListConfigResources', () => {
  test('v0 lists the subscriptions to metrics of clients', async () => {
    const { configResources } = await (await node()).ask(ListConfigResources, 0, {})
    expect(configResources).toEqual([{ resourceName: 'm', resourceType: 16 }])
  })

  test('v1 lists all types when it names none', async () => {
    expect(await listed([])).toEqual([
      [32, 'g'],
      [16, 'm'],
      [8, '1'],
      [8, '2'],
      [4, '1'],
      [4, '2'],
      [2, 'a'],
    ])
  })

  test('v1 lists the types that were asked for, once', async () => {
    expect(await listed([2, 32, 32])).toEqual([
      [32, 'g'],
      [2, 'a'],
    ])
  })

  test.each([0, 1, 3, 64])('type %i is not supported', async (type) => {
    const answer = await (await node()).ask(ListConfigResources, 1, { resourceTypes: [2, type] })
    expect(answer).toMatchObject({ errorCode: 'UNSUPPORTED_VERSION', configResources: [] })
  })
})
