import type { Partition } from '../../../src/replication/partition/partition.ts'
import { ledWith, tallyNode, turn } from './tally-node.ts'
import type { TallyNode } from './tally-node.ts'

const COMMIT_TIMEOUT_MS = 5000

async function leading(options: Parameters<typeof tallyNode>[0] = {}) {
  const node = await tallyNode(options)
  await node.lead()
  const { tallies, outcome } = node
  const partition = node.partitions[0]!
  const add = (amount: number) => tallies.askPartition<'Add'>(0, { type: 'Add', amount })
  const note = (text: string) => tallies.askPartition<'Note'>(0, { type: 'Note', text })
  const tryAdd = (amount: number) => outcome(add(amount))
  return Object.assign(node, { partition, add, note, tryAdd })
}

/** Until all that was appended so far is written. */
async function written({ log }: Partition): Promise<void> {
  await turn()
  await log!.whenIdle()
}

function warnings({ logged }: Pick<TallyNode, 'logged'>): string[] {
  return logged.filter(({ level }) => level !== 'debug').map(({ message }) => message)
}

describe('a shard of an earlier leader epoch', () => {
  test('writes nothing that it has decided before', async () => {
    const node = await leading()
    const { partition, machines, lead, read, tryAdd } = node
    const asked = tryAdd(1)
    partition.update(ledWith([1], 1))
    expect(await asked).toBe('NOT_COORDINATOR')
    await written(partition)
    expect(partition.log!.logEndOffset).toBe(0)
    await lead()
    expect(await read()).toEqual({ total: 0, notes: [] })
    expect(machines.length).toBe(2)
    expect(warnings(node)).toEqual([])
  })

  test('acknowledges nothing that is committed in a later one', async () => {
    const { partition, lead, read, tryAdd } = await leading({ isr: [1, 2] })
    const asked = tryAdd(1)
    await written(partition)
    partition.update(ledWith([1], 1))
    expect(await asked).toBe('NOT_COORDINATOR')
    expect(partition.log!.highWatermark).toBe(1)
    await lead()
    expect((await read()).total).toBe(1)
  })

  test('acknowledges nothing whose write ends after others have led', async () => {
    const { partition, tallies, outcome, holdDisk } = await leading({
      log: { maxMessageBytes: 4 << 20 },
    })
    const resume = holdDisk()
    const text = 'x'.repeat(2 << 20)
    const asked = outcome(tallies.askPartition<'Add'>(0, { type: 'Add', amount: 1, text }))
    await turn()
    partition.update({ ...ledWith([2], 1), leader: 2 })
    partition.update(ledWith([1], 2))
    expect(partition.log!.logEndOffset).toBe(0)
    resume()
    expect(await asked).toBe('NOT_COORDINATOR')
    expect(partition.log!.logEndOffset).toBe(1)
  })

  test('answers nobody, not even what it has in memory', async () => {
    const { partition, read, outcome, tryAdd } = await leading()
    partition.update(ledWith([1], 1))
    expect([await outcome(read()), await tryAdd(1)]).toEqual(['NOT_COORDINATOR', 'NOT_COORDINATOR'])
  })

  test('does not come into service when its load ends, nor load again', async () => {
    const { partitions, tallies, machines, effects, outcome, read, lead } = await tallyNode()
    tallies.follow()
    partitions[0]!.update(ledWith([1], 1))
    while ((await outcome(read())) === 'COORDINATOR_LOAD_IN_PROGRESS') await turn()
    expect(await outcome(read())).toBe('NOT_COORDINATOR')
    expect(machines.length).toBe(1)
    await lead()
    expect(await read()).toEqual({ total: 0, notes: [] })
    expect([machines.length, effects]).toEqual([2, ['loaded 0']])
  })
})

describe('a shard whose replicas stand still', () => {
  test('answers late, and loses nothing', async () => {
    const node = await leading({ isr: [1, 2] })
    const { partition, clock, machines, effects, add, note, read } = node
    await note('volatile')
    const first = node.outcome(add(1))
    await written(partition)
    clock.skip(COMMIT_TIMEOUT_MS - 100)
    const later = Promise.all([add(2), read()]).catch(({ code }: { code: string }) => code)
    await written(partition)
    clock.skip(200)
    expect(await first).toBe('COORDINATOR_NOT_AVAILABLE')
    expect(effects).toEqual(['loaded 0'])
    partition.update(ledWith([1], 0))
    expect(await later).toEqual([3, { total: 3, notes: ['volatile'] }])
    expect(effects).toEqual(['loaded 0', 'total 1', 'total 3'])
    expect(machines.length).toBe(1)
    expect(warnings(node)).toEqual([])
  })

  test('goes on as it was when they stood still for longer than anybody waits', async () => {
    const { partition, clock, machines, note, read, tryAdd } = await leading({ isr: [1, 2] })
    await note('volatile')
    const asked = tryAdd(1)
    await written(partition)
    clock.skip(10 * COMMIT_TIMEOUT_MS)
    expect(await asked).toBe('COORDINATOR_NOT_AVAILABLE')
    partition.update(ledWith([1], 0))
    expect(await read()).toEqual({ total: 1, notes: ['volatile'] })
    expect(machines.length).toBe(1)
  })
})

describe('a shard with too few replicas in sync', () => {
  test('refuses changes before it makes them, and keeps what it has', async () => {
    const node = await leading({ minInSyncReplicas: 2 })
    const { partition, machines, note, read, tryAdd } = node
    expect([await tryAdd(1), await note('volatile')]).toEqual(['COORDINATOR_NOT_AVAILABLE', 1])
    expect(partition.log!.logEndOffset).toBe(0)
    node.minInSyncReplicas = 1
    expect(await tryAdd(2)).toBe('NONE')
    expect(await read()).toEqual({ total: 2, notes: ['volatile'] })
    expect(machines.length).toBe(1)
    expect(warnings(node)).toEqual([])
  })

  test('acknowledges what it has written when there are enough of them again', async () => {
    const { partition, add } = await leading({ isr: [1, 2], minInSyncReplicas: 2 })
    const seen: number[] = []
    const asked = add(1).then(
      (total) => void seen.push(total),
      () => void seen.push(-1),
    )
    await written(partition)
    partition.update(ledWith([1], 0))
    const position = { fetchOffset: 1, logStartOffset: 0, currentLeaderEpoch: 0 }
    partition.followerFetched(
      { brokerId: 2, brokerEpoch: -1 },
      { ...position, lastFetchedEpoch: 0 },
    )
    expect(partition.log!.highWatermark).toBe(0)
    await turn()
    expect(seen).toEqual([])
    partition.update(ledWith([1, 2], 0))
    await asked
    expect(seen).toEqual([1])
  })
})

describe('a shard whose log was written to by somebody else', () => {
  test('loads again what is there, and acknowledges nothing that it decided without it', async () => {
    const { machines, lead, read, tryAdd, append } = await leading()
    const other = append(10)
    expect(await tryAdd(1)).toBe('NOT_COORDINATOR')
    await other
    await lead()
    expect((await read()).total).toBe(11)
    expect(machines.length).toBe(2)
  })
})
