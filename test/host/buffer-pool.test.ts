import { BufferPool } from '../../src/host/buffer-pool.ts'

const KIBIBYTE = 1024

test('a buffer that was given back is taken again, as long as there is one of its size', () => {
  const pool = new BufferPool(100 * KIBIBYTE)
  const first = pool.take(20 * KIBIBYTE)
  expect(first.length).toBe(32 * KIBIBYTE)
  for (let round = 0; round < 10; round++) {
    pool.give(first)
    expect(pool.take(32 * KIBIBYTE) === first).toBe(true)
    expect(pool.take(32 * KIBIBYTE) === first).toBe(false)
  }
  pool.give(first)
  expect(pool.take(33 * KIBIBYTE).length).toBe(64 * KIBIBYTE)
  expect(pool.take(1) === first).toBe(true)
  expect(pool.take(1) === first).toBe(false)
})

test('what was needed once, and is larger than what is needed now, is used for that', () => {
  const pool = new BufferPool(64 * KIBIBYTE)
  const large = pool.take(64 * KIBIBYTE)
  pool.give(large)
  for (let round = 0; round < 3; round++) {
    const small = pool.take(16 * KIBIBYTE)
    expect(small === large).toBe(true)
    pool.give(small)
  }
})

test('no more is kept than the budget, and nothing that the pool could not have made', () => {
  const pool = new BufferPool(64 * KIBIBYTE)
  const buffers = [1, 2, 3].map(() => pool.take(32 * KIBIBYTE))
  for (const buffer of buffers) pool.give(buffer)
  const again = [1, 2, 3].map(() => pool.take(32 * KIBIBYTE))
  expect(buffers.slice(0, 2).every((buffer) => again.includes(buffer))).toBe(true)
  expect(again.includes(buffers[2]!)).toBe(false)
  const huge = pool.take(5 * KIBIBYTE * KIBIBYTE)
  expect(huge.length).toBe(5 * KIBIBYTE * KIBIBYTE)
  pool.give(huge)
  expect(pool.take(5 * KIBIBYTE * KIBIBYTE) === huge).toBe(false)
})

test('how large the largest ones are that are kept is for who makes the pool to say', () => {
  const pool = new BufferPool(16 * KIBIBYTE * KIBIBYTE, 8 * KIBIBYTE * KIBIBYTE)
  const large = pool.take(5 * KIBIBYTE * KIBIBYTE)
  pool.give(large)
  expect(pool.take(5 * KIBIBYTE * KIBIBYTE) === large).toBe(true)
})
