import { javaHash, partitionFor } from '../../../src/coordinators/runtime/java-hash.ts'

describe('the partition of a key', () => {
  test.each(['', 'hello', 'console-consumer-12345', 'grüße 😀'])(
    'follows from the hash that Java has for %p',
    (key) => {
      expect(javaHash(key)).toBe(hashByDefinition(key))
    },
  )

  test('is never negative, not even for the hash without an absolute value', () => {
    expect(javaHash('hello')).toBe(99_162_322)
    expect(partitionFor('hello', 50)).toBe(22)
    expect(javaHash('polygenelubricants')).toBe(-(2 ** 31))
    expect(partitionFor('polygenelubricants', 50)).toBe(0)
  })
})

/** s[0]*31^(n-1) + s[1]*31^(n-2) + ... + s[n-1], over UTF-16 units. */
function hashByDefinition(text: string): number {
  let sum = 0n
  for (let index = 0; index < text.length; index++) {
    sum = sum * 31n + BigInt(text.charCodeAt(index))
  }
  return Number(BigInt.asIntN(32, sum))
}
