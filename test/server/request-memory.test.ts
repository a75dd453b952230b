import { RequestMemory } from '../../src/server/request-memory.ts'

test('those who wait are told once, when there is room again', () => {
  const memory = new RequestMemory(10)
  let told = 0
  const waiter = { memoryAvailable: () => void told++ }
  memory.add(9)
  expect(memory.isFull(waiter)).toBe(false)
  memory.add(6)
  expect(memory.isFull(waiter)).toBe(true)
  memory.remove(5)
  expect(told).toBe(0)
  memory.remove(1)
  expect(told).toBe(1)
  memory.remove(9)
  expect(told).toBe(1)
})

test('who is told of room and finds it taken by another waits again', () => {
  const memory = new RequestMemory(10)
  const told: string[] = []
  const waiterOf = (name: string) => ({
    memoryAvailable() {
      told.push(name)
      if (!memory.isFull(this)) memory.add(10)
    },
  })
  memory.add(10)
  for (const name of ['a', 'b']) memory.isFull(waiterOf(name))
  memory.remove(10)
  expect(told).toEqual(['a', 'b'])
  memory.remove(10)
  expect(told).toEqual(['a', 'b', 'b'])
})

test('without a limit there is always room', () => {
  const memory = new RequestMemory(-1)
  memory.add(Number.MAX_SAFE_INTEGER)
  expect(memory.isFull({ memoryAvailable: () => undefined })).toBe(false)
})
