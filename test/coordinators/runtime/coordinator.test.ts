import {
  batchProducerEpoch,
  batchProducerId,
  batchAttributes,
  isControl,
  isTransactional,
  readBatches,
  readRecords,
} from '../../../protocol/records/batch.ts'
import type { Partition } from '../../../src/replication/partition/partition.ts'
import { codecs } from '../../log/support.ts'
import { ledWith, tallyNode } from './tally-node.ts'

/** Of each batch: producer, its epoch, whether it is part of a transaction and whether a marker, and how many records. */
async function batchesOf({ log }: Partition) {
  const { chunks } = await log!.read(0, 1 << 20, 'logEnd', true)
  return [...readBatches(Buffer.concat(chunks))].map((batch) => [
    batchProducerId(batch, 0),
    batchProducerEpoch(batch, 0),
    isTransactional(batchAttributes(batch, 0)),
    isControl(batchAttributes(batch, 0)),
    [...readRecords(batch, codecs)].length,
  ])
}

describe('a coordinator of any kind', () => {
  test('asks the shard of a key, that of a partition, or all', async () => {
    const { tallies, partitions, lead, outcome } = await tallyNode({ count: 2 })
    expect(await outcome(tallies.ask<'Read'>('a', { type: 'Read' }))).toBe('NOT_COORDINATOR')
    await lead()
    expect(tallies.partitions).toEqual([0, 1])
    // Java's hash codes of these two are 97 and 98.
    expect([tallies.partitionOf('a'), tallies.partitionOf('b')]).toEqual([1, 0])
    await tallies.ask<'Add'>('a', { type: 'Add', amount: 5 })
    await tallies.askPartition<'Add'>(0, { type: 'Add', amount: 7 })
    const totals = await tallies.askAll<'Read'>({ type: 'Read' })
    expect(totals.map(({ total }) => total)).toEqual([7, 5])
    expect(partitions.map(({ log }) => log!.logEndOffset)).toEqual([1, 1])

    partitions[1]!.update({ ...ledWith([2], 1), leader: 2 })
    expect(tallies.partitions).toEqual([0, 1])
    expect(await tallies.askAll<'Read'>({ type: 'Read' })).toMatchObject([{ total: 7 }])
    tallies.follow()
    expect(tallies.partitions).toEqual([0])
    expect(await outcome(tallies.ask<'Read'>('a', { type: 'Read' }))).toBe('NOT_COORDINATOR')
    expect(await tallies.askAll<'Read'>({ type: 'Read' })).toMatchObject([{ total: 7 }])
    tallies.close()
    expect(await outcome(tallies.ask<'Read'>('b', { type: 'Read' }))).toBe('NOT_COORDINATOR')
    expect(await tallies.askAll<'Read'>({ type: 'Read' })).toEqual([])
  })

  test('places keys as its topic will be made while that does not exist', async () => {
    const { tallies } = await tallyNode({ count: 0 })
    expect(['a', 'b', 'c'].map((key) => tallies.partitionOf(key))).toEqual([1, 2, 0])
  })

  test('applies what it loads at the offsets where it applied it first', async () => {
    const { tallies, partitions, machines, lead, read } = await tallyNode()
    await lead()
    const add = (amount: number) => tallies.askPartition<'Add'>(0, { type: 'Add', amount })
    await Promise.all([
      add(1),
      tallies.askPartition<'Note'>(0, { type: 'Note', text: 'n' }),
      add(2),
    ])
    await add(3)
    partitions[0]!.update(ledWith([1], 1))
    await lead()
    expect(await read()).toEqual({ total: 6, notes: [] })
    expect(machines.map(({ offsets }) => offsets)).toEqual([
      [0, -1, 1, 2],
      [0, 1, 2],
    ])
  })

  test('leaves out what it cannot read, and says so', async () => {
    const { tallies, partitions, logged, lead, read } = await tallyNode()
    await lead()
    await tallies.askPartition<'Add'>(0, { type: 'Add', amount: 1 })
    await tallies.askPartition<'Add'>(0, { type: 'Add', amount: NaN })
    partitions[0]!.update(ledWith([1], 1))
    await lead()
    expect(await read()).toEqual({ total: 1, notes: [] })
    expect(logged.filter(({ level }) => level === 'warn')).toMatchObject([
      { fields: { topic: '__tally', partition: 0, offset: 1 } },
    ])
  })

  test('says whose change its log refuses, and why', async () => {
    const { tallies, logged, lead, outcome } = await tallyNode({ log: { maxMessageBytes: 300 } })
    await lead()
    const add = { type: 'Add', amount: 1, text: 'x'.repeat(300) } as const
    expect(await outcome(tallies.askPartition<'Add'>(0, add))).toBe('UNKNOWN_SERVER_ERROR')
    const { fields } = logged.find(({ level }) => level === 'warn')!
    expect(fields).toMatchObject({ subject: 'Add', topic: '__tally', partition: 0 })
    expect((fields as { err: Error }).err.message).toMatch(/raise max.message.bytes/)
  })

  test('does what is to be done outside after the commit, and after each load what follows from the state', async () => {
    const { tallies, partitions, effects, lead } = await tallyNode()
    await lead()
    const added = tallies.askPartition<'Add'>(0, { type: 'Add', amount: 4 })
    expect(effects).toEqual(['loaded 0'])
    await added
    partitions[0]!.update(ledWith([1], 1))
    await lead()
    expect(effects).toEqual(['loaded 0', 'total 4', 'loaded 4'])
  })
})

describe('what is part of a transaction', () => {
  test('has batches alone that say of whom it is, and a marker is a control batch', async () => {
    const { tallies, partitions, lead } = await tallyNode()
    await lead()
    await Promise.all([
      tallies.askPartition<'Add'>(0, { type: 'Add', amount: 1 }),
      tallies.askPartition<'AddIn'>(0, { type: 'AddIn', producerId: 7, amounts: [10, 20] }),
      tallies.askPartition<'AddIn'>(0, { type: 'AddIn', producerId: 8, amounts: [100] }),
      tallies.askPartition<'Add'>(0, { type: 'Add', amount: 2 }),
      tallies.askPartition<'Add'>(0, { type: 'Add', amount: 3 }),
      tallies.askPartition<'End'>(0, { type: 'End', producerId: 7, result: 'COMMIT' }),
    ])
    expect(await batchesOf(partitions[0]!)).toEqual([
      [-1, -1, false, false, 1],
      [7, 4, true, false, 2],
      [8, 4, true, false, 1],
      [-1, -1, false, false, 2],
      [7, 4, true, true, 1],
    ])
  })

  test('is loaded as it was decided', async () => {
    const { tallies, partitions, machines, lead, read } = await tallyNode()
    await lead()
    for (const producerId of [7, 8]) {
      const amounts = [producerId, 100 * producerId]
      await tallies.askPartition<'AddIn'>(0, { type: 'AddIn', producerId, amounts })
    }
    await tallies.askPartition<'End'>(0, { type: 'End', producerId: 7, result: 'ABORT' })
    const load = async (leaderEpoch: number) => {
      partitions[0]!.update(ledWith([1], leaderEpoch))
      await lead()
      return (await read()).total
    }
    expect(await load(1)).toBe(0)
    await tallies.askPartition<'End'>(0, { type: 'End', producerId: 8, result: 'COMMIT' })
    expect((await read()).total).toBe(808)
    expect(await load(2)).toBe(808)
    expect(machines.at(-1)!.offsets).toEqual([0, 1, 2, 3, 4, 5])
  })
})
