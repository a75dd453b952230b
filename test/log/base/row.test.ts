import v8 from 'node:v8'
import vm from 'node:vm'
import { Row } from '../../../src/log/base/row.ts'

describe('A row', () => {
  test('has who came in that order, without those who have left', () => {
    const row = new Row<string>()
    expect(row.isEmpty).toBe(true)
    const [first, second, third] = ['a', 'b', 'c'].map((name) => row.join(name))
    expect(row.members()).toEqual(['a', 'b', 'c'])
    second!.leave()
    expect(row.members()).toEqual(['a', 'c'])
    first!.leave()
    row.join('d')
    third!.leave()
    expect([row.members(), row.isEmpty]).toEqual([['d'], false])
  })

  test('is left once, however often that is said', () => {
    const row = new Row<string>()
    const place = row.join('a')
    place.leave()
    row.join('b')
    row.join('c')
    place.leave()
    expect(row.members()).toEqual(['b', 'c'])
  })

  test('may have the same member twice, each in a place of its own', () => {
    const row = new Row<string>()
    const [first] = [row.join('a'), row.join('a')]
    first.leave()
    expect(row.members()).toEqual(['a'])
  })

  test('keeps nobody in memory who has left, nor does a place in it', () => {
    v8.setFlagsFromString('--expose-gc')
    const collect = vm.runInNewContext('gc') as () => void
    const row = new Row<object>()
    // In a function of its own: what it has named is not on the stack any more.
    const pass = () => {
      const members = Array.from({ length: 20 }, () => ({}))
      const places = members.map((member) => row.join(member))
      for (const place of places) place.leave()
      return { places, seen: members.map((member) => new WeakRef(member)) }
    }
    const passed = [pass(), pass()]
    // Who was made in a task is held by a WeakRef until that has ended.
    return new Promise<void>((resolve) => void setImmediate(resolve)).then(() => {
      collect()
      const alive = passed.flatMap(({ seen }) => seen.filter((ref) => ref.deref() !== undefined))
      expect([alive.length, passed[0]!.places.length, row.isEmpty]).toEqual([0, 20, true])
    })
  })
})
