import { ClientRate } from '../../src/quota/sampled-rate.ts'
import { Shares } from '../../src/quota/shares.ts'

const WINDOWS = { count: 11, lengthMs: 1000 }
const shares = (): Shares<ClientRate> => new Shares(() => new ClientRate(WINDOWS))
const DEFAULT_CLIENT = [{ entityType: 'client-id', entityName: null }]
const USER = [{ entityType: 'user', entityName: 'u' }]

test('All clients of a user share what it may use, and clients of others are not measured', () => {
  const all = shares()
  all.set(USER, 10)
  const one = all.of('u', 'c', 0)
  expect(one).toMatchObject({ limit: 10 })
  expect(all.of('u', 'd', 0)).toBe(one)
  expect(all.of('v', 'c', 0)).toBeNull()
  expect(all.size).toBe(1)
})

test('What was used stays counted when the limit changes, and is forgotten when there is none', () => {
  const all = shares()
  all.set(USER, 10)
  all.of('u', 'c', 0)!.measure.record(1000, 0)
  all.set(USER, 20)
  const changed = all.of('u', 'c', 0)!
  expect([changed.limit, changed.measure.at(0)]).toEqual([20, 100])
  all.set(USER, null)
  expect([all.isSet, all.size, all.of('u', 'c', 0)]).toEqual([false, 0, null])
})

test('Who has used nothing lately is forgotten when many come, and who has is not', () => {
  const all = shares()
  all.set(DEFAULT_CLIENT, 10)
  all.of('u', 'busy', 0)!.measure.record(1000, 0)
  for (let id = 0; id < 5000; id++) all.of('u', `idle ${id}`, 0)
  all.of('u', 'busy', 10_500)!.measure.record(1000, 10_500)
  for (let id = 0; id < 500; id++) all.of('u', `new ${id}`, 12_000)
  expect(all.size).toBeLessThan(1500)
  expect(all.of('u', 'busy', 12_000)!.measure.at(12_000)).toBeGreaterThan(0)
})

test('Names that are made up take no more than their memory: who comes then shares with all who do', () => {
  const all = shares()
  all.set(DEFAULT_CLIENT, 10)
  const first = all.of('u', 'first', 0)!
  first.measure.record(1, 0)
  for (let id = 0; id < 600; id++) {
    all.of('u', `${id} ${'x'.repeat(65_000)}`, 0)!.measure.record(1, 0)
  }
  expect(all.size).toBeLessThan(300)
  const late = all.of('u', 'late', 0)!
  expect(late.measure.at(0)).toBeGreaterThan(10)
  expect(all.of('u', 'later', 0)).toBe(late)
  expect(all.of('u', 'first', 0)).toBe(first)
  // Their time is over: each has its own again.
  expect(all.of('u', 'new', 60_000)).not.toBe(all.of('u', 'newer', 60_000))
  expect(all.size).toBeLessThan(5)
})

test('A flood of short names is forgotten as well', () => {
  const all = shares()
  all.set(DEFAULT_CLIENT, 10)
  for (let id = 0; id < 200_000; id++) all.of('u', `name ${id}`, 0)!.measure.record(1, 0)
  expect(all.of('u', 'late', 0)).toBe(all.of('u', 'later', 0))
  expect(all.of('u', 'new', 60_000)).not.toBe(all.of('u', 'newer', 60_000))
  expect(all.size).toBeLessThan(5)
})
