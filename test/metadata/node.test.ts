import { configOf } from '../../src/metadata/image.ts'
import { removeDirectory, startNode, topic } from './support.ts'

describe('the metadata node', () => {
  test('formats an empty directory, leads, and creates topics that a restart finds again', async () => {
    const first = await startNode()
    try {
      expect([first.identity.formatted, first.node.image.features.get('metadata.version')]).toEqual(
        [true, 30],
      )
      const epoch = await first.register()
      const changes: string[] = []
      first.node.onChange((delta) => {
        changes.push(...delta.createdTopics.map(({ name }) => name))
      })
      const [created] = await first.node.submit({
        type: 'createTopics',
        topics: [topic('orders', 3, { 'retention.ms': '1000' })],
        validateOnly: false,
      })
      expect(created).toMatchObject({ errorCode: 'NONE', numPartitions: 3, replicationFactor: 1 })
      expect(changes).toEqual(['orders'])
      const before = first.node.image
      expect(before.topics.byName.get('orders')?.partitions.map(({ leader }) => leader)).toEqual([
        1, 1, 1,
      ])
      await first.close()

      const second = await startNode(first.path)
      expect(second.identity.formatted).toBe(false)
      const again = second.node.image.topics.byName.get('orders')
      expect(again).toEqual(before.topics.byName.get('orders'))
      expect([...configOf(second.node.image, 2, 'orders')]).toEqual([['retention.ms', '1000']])
      expect(await second.register()).toBeGreaterThan(epoch)
      const led = second.node.image.topics.byName.get('orders')!.partitions[0]!
      expect([led.leader, led.leaderEpoch, led.partitionEpoch]).toEqual([1, 1, 1])
      await second.close()
      expect([...first.failures, ...second.failures]).toEqual([])
    } finally {
      removeDirectory(first.path)
    }
  })
})
