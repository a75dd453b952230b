import { OffsetStore } from '../../../../src/coordinators/group/offsets/store.ts'
import type { StoredOffset } from '../../../../src/coordinators/group/offsets/store.ts'
import { ZERO_UUID } from '../../../../protocol/schema.ts'

function at(recordOffset: number): StoredOffset {
  const rest = { metadata: '', commitTimestamp: 0, expireTimestamp: -1, topicId: ZERO_UUID }
  return { offset: recordOffset * 10, leaderEpoch: -1, recordOffset, ...rest }
}

describe('the offsets of a shard', () => {
  test('are had by a group until the last one is deleted', () => {
    const offsets = new OffsetStore()
    offsets.put('g', 't', 0, at(1))
    offsets.put('g', 't', 1, at(2))
    offsets.delete('g', 't', 0)
    expect([offsets.has('g'), [...offsets.groupIds()]]).toEqual([true, ['g']])
    offsets.delete('g', 't', 1)
    expect([offsets.has('g'), [...offsets.groupIds()], offsets.of('g').size]).toEqual([
      false,
      [],
      0,
    ])
    offsets.delete('g', 't', 1)
  })

  test('of open transactions are pending, for each group and partition by itself', () => {
    const offsets = new OffsetStore()
    offsets.hold(7, 'g', 't', 0, at(1))
    offsets.hold(8, 'g', 't', 0, at(2))
    offsets.hold(8, 'h', 't', 1, at(3))
    expect([offsets.has('g'), offsets.hasPending('g')]).toEqual([false, true])
    expect(offsets.end(7, 'COMMIT')).toEqual(['g'])
    expect(offsets.get('g', 't', 0)).toEqual(at(1))
    const pending = (): boolean[] =>
      [0, 1].flatMap((partition) => [
        offsets.isPending('g', 't', partition),
        offsets.isPending('h', 't', partition),
      ])
    expect(pending()).toEqual([true, false, false, true])
    expect(offsets.end(8, 'ABORT')).toEqual(['g', 'h'])
    expect(pending()).toEqual([false, false, false, false])
    expect([offsets.hasPending('g'), offsets.hasPending('h'), offsets.has('h')]).toEqual([
      false,
      false,
      false,
    ])
    expect(offsets.get('g', 't', 0)).toEqual(at(1))
    expect(offsets.end(8, 'COMMIT')).toEqual([])
  })

  test('that are deleted are no longer pending either, and their transaction is none of the group any more', () => {
    const offsets = new OffsetStore()
    for (const producerId of [7, 8]) offsets.hold(producerId, 'g', 't', 0, at(producerId))
    offsets.hold(8, 'g', 'u', 3, at(9))
    expect([[...offsets.topicsOf('g')], [...offsets.partitionsOf('g', 'u')]]).toEqual([
      ['t', 'u'],
      [3],
    ])
    offsets.delete('g', 't', 0)
    expect([offsets.isPending('g', 't', 0), offsets.hasPending('g')]).toEqual([false, true])
    expect(offsets.end(7, 'COMMIT')).toEqual([])
    offsets.delete('g', 'u', 3)
    expect([offsets.hasPending('g'), [...offsets.groupIds()]]).toEqual([false, []])
    expect(offsets.end(8, 'COMMIT')).toEqual([])
  })
})
