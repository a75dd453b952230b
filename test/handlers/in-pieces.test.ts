import { CHANGES_AT_ONCE, changesOfTopic, inPieces } from '../../src/handlers/in-pieces.ts'

describe('many changes', () => {
  const setUp = () => {
    let nowMs = 1000
    let turns = 0
    const clock = {
      monotonic: () => nowMs,
      endOfTurn: (callback: () => void) => {
        turns++
        setImmediate(callback)
      },
    }
    const made: { some: readonly string[]; timeoutMs: number; turns: number }[] = []
    const make = (some: readonly string[], timeoutMs: number) => {
      made.push({ some, timeoutMs, turns })
      nowMs += 100
      return Promise.resolve([...new Set(some)])
    }
    const context = { clock } as unknown as Parameters<typeof inPieces>[0]
    const run = (items: readonly string[], changesOf?: (item: string) => number) =>
      inPieces(context, items, (item) => item, 250, make, changesOf)
    return { made, run, context }
  }
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`)

  test('are made a few in a turn of the event loop, with the time that is left', async () => {
    const { made, run } = setUp()
    const items = numbers(2 * CHANGES_AT_ONCE + 1)
    expect(await run(items)).toEqual(items)
    expect(made.map(({ some }) => some.length)).toEqual([CHANGES_AT_ONCE, CHANGES_AT_ONCE, 1])
    expect(made.map(({ timeoutMs }) => timeoutMs)).toEqual([250, 150, 50])
    expect(made.map(({ turns }) => turns)).toEqual([0, 1, 2])
  })

  test('are asked for without waiting for those before, and told in order, or with the failure of one', async () => {
    const { context } = setUp()
    const settle: { resolve: (told: string[]) => void; reject: (error: Error) => void }[] = []
    const make = () =>
      new Promise<string[]>((resolve, reject) => void settle.push({ resolve, reject }))
    const start = async () => {
      settle.length = 0
      const told = inPieces(context, numbers(3 * CHANGES_AT_ONCE), (item) => item, 250, make)
      while (settle.length < 3) await new Promise((resolve) => setImmediate(resolve))
      return { told, all: [...settle] }
    }
    const first = await start()
    first.all.reverse().forEach(({ resolve }, index) => resolve([`piece ${3 - index}`]))
    expect(await first.told).toEqual(['piece 1', 'piece 2', 'piece 3'])
    const second = await start()
    second.all[0]!.resolve([])
    second.all[2]!.reject(new Error('a bug'))
    second.all[1]!.reject(new Error('another'))
    await expect(second.told).rejects.toThrow('a bug')
  })

  test('are made as one where they are few', async () => {
    const { made, run } = setUp()
    await run(numbers(CHANGES_AT_ONCE))
    expect(made).toHaveLength(1)
    // There may be none left that its client may ask for.
    expect(await run([])).toEqual([])
    expect(made).toHaveLength(1)
  })

  test('are fewer in a turn where each counts for many', async () => {
    const { made, run } = setUp()
    const changesOf = (item: string) => (item === 'n1' ? CHANGES_AT_ONCE : CHANGES_AT_ONCE / 2)
    expect(await run(numbers(6), changesOf)).toEqual(numbers(6))
    expect(made.map(({ some }) => some)).toEqual([
      ['n0', 'n1'],
      ['n2', 'n3'],
      ['n4', 'n5'],
    ])
    expect(changesOfTopic(10)).toBeLessThan(changesOfTopic(1_000) / 10)
  })

  test('of the same thing are judged together, and told where it was named first', async () => {
    const { made, run } = setUp()
    const items = numbers(CHANGES_AT_ONCE + 1)
    expect(await run([...items, 'n0', 'n7', 'n0'])).toEqual(items)
    expect(made[0]!.some.filter((item) => item === 'n0')).toHaveLength(3)
    expect(made.at(-1)!.some.filter((item) => item === 'n7')).toEqual([])
    expect(made.flatMap(({ some }) => some)).toHaveLength(items.length + 3)
  })
})
