import { openFileLimit, parseOpenFileLimit } from '../../src/host/file-limit.ts'
import { gate } from '../../src/host/gate.ts'

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             unlimited            unlimited            processes
Max open files            4096                 20000                files
Max locked memory         8388608              8388608              bytes
`

test('the limit of open files is the soft one; where there is none, or it is not told, it is not known', () => {
  expect(parseOpenFileLimit(LIMITS)).toBe(4096)
  expect(parseOpenFileLimit(LIMITS.replace(/4096 /, 'unlimited '))).toBeNull()
  expect(parseOpenFileLimit('')).toBeNull()
})

const onLinux = process.platform === 'linux' ? test : test.skip
onLinux('Linux tells it', () => {
  expect(openFileLimit() ?? Infinity).toBeGreaterThan(0)
})

test('a gate lets so many through at a time, in order, and those behind one that fails too', async () => {
  const through = gate(2)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const work = (each: number): Promise<number> =>
    through(async () => {
      begun.push(each)
      await new Promise<void>((resolve) => ends.push(resolve))
      if (each === 0) throw new Error('0')
      return each
    })
  const all = [0, 1, 2, 3].map(work)
  const outcomes = Promise.allSettled(all)
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  await turn()
  expect(begun).toEqual([0, 1])
  while (ends.length > 0) {
    ends.shift()!()
    await turn()
  }
  expect(begun).toEqual([0, 1, 2, 3])
  expect((await outcomes).map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ])

  // It counts them anew, neither more nor less than before.
  const later = [4, 5, 6].map(work)
  await turn()
  expect(begun.slice(4)).toEqual([4, 5])
  while (ends.length > 0) {
    ends.shift()!()
    await turn()
  }
  expect(await Promise.all(later)).toEqual([4, 5, 6])
})
