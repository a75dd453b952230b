import { setImmediate } from 'node:timers/promises'
import { AppendLine } from '../../../src/log/append/append-line.ts'

/** A line of numbers, whose outcomes are given when a test says so. */
function line() {
  const went: string[] = []
  const of = new AppendLine<{ name: string }, { text: string }>(({ name }, { text }) => {
    went.push(`${name} ${text}`)
  })
  const add = (name: string): ((text: string) => Promise<void>) => {
    const { promise, resolve } = withResolvers<{ text: string }>()
    of.add({ name }, promise)
    return async (text) => {
      resolve({ text })
      await setImmediate()
    }
  }
  return { of, went, add }
}

function withResolvers<T>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((its) => (resolve = its))
  return { promise, resolve }
}

/** Whether the line says that nobody is in it any more. */
async function saysEmpty(of: { whenEmpty(): Promise<void> }): Promise<() => boolean> {
  let isTold = false
  void of.whenEmpty().then(() => (isTold = true))
  await setImmediate()
  return () => isTold
}

test('appends go in the order in which they came, whatever becomes known first', async () => {
  const { of, went, add } = line()
  of.add({ name: 'at once' }, { text: 'known' })
  expect(went).toEqual(['at once known'])
  const [first, second] = [add('first'), add('second')]
  of.add({ name: 'third' }, { text: 'known' })
  await second('late')
  expect(went).toEqual(['at once known'])
  await first('later')
  expect(went.slice(1)).toEqual(['first later', 'second late', 'third known'])
  expect(of.isEmpty).toBe(true)
})

test('who waits for the end of the line is told when the last one has gone', async () => {
  const { of, add } = line()
  const [first, second] = [add('first'), add('second')]
  const isTold = await saysEmpty(of)
  await first('gone')
  expect(isTold()).toBe(false)
  await second('gone')
  expect(isTold()).toBe(true)
})

test('what is given up never goes, and nobody waits for it', async () => {
  const { of, went, add } = line()
  const [first, second] = [add('first'), add('second')]
  const isTold = await saysEmpty(of)
  expect(of.drop().map(({ name }) => name)).toEqual(['first', 'second'])
  await setImmediate()
  expect(isTold()).toBe(true)
  await first('too late')
  await second('too late')
  const third = add('third')
  await third('goes')
  expect(went).toEqual(['third goes'])
})
