import { murmur2, partitionForKey } from '../../../bin/client/partitioner.ts'

describe('The partition of a key', () => {
  // What org.apache.kafka.common.utils.Utils.murmur2 gives.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('is where Java puts it: the hash of %s', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash)
    expect(partitionForKey(Buffer.from(key), 7)).toBe((hash & 0x7fffffff) % 7)
  })
})
