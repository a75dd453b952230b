import { codecOf } from '../../../protocol/codec.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import { encodeControlRecord } from '../../../protocol/state/control-records.ts'
import { LegacyOffsetCommitKey } from '../../../protocol/state/group/classic.ts'
import { Writer } from '../../../protocol/wire/writer.ts'
import type { DurableFact } from '../../../src/coordinators/group/facts.ts'
import { decodeFact, encodeFact } from '../../../src/coordinators/group/records.ts'

const committed = {
  offset: 7,
  leaderEpoch: 3,
  metadata: 'note',
  commitTimestamp: 1_700_000_000_000,
  expireTimestamp: -1,
  topicId: ZERO_UUID,
}
const commit = { type: 'OffsetCommitted', groupId: 'g', topic: 't', partition: 2 } as const

const facts: DurableFact[] = [
  { ...commit, committed },
  { type: 'OffsetDeleted', groupId: 'g', topic: 't', partition: 2 },
  { ...commit, type: 'OffsetPending', producerId: 2 ** 40, producerEpoch: 3, guard: -1, committed },
  ...(['COMMIT', 'ABORT'] as const).map((result) => ({
    type: 'TransactionEnded' as const,
    producerId: 2 ** 40,
    producerEpoch: 3,
    result,
    coordinatorEpoch: 5,
    transactionVersion: 0,
  })),
  { type: 'GroupDeleted', groupId: 'g' },
  {
    type: 'GroupStored',
    groupId: 'g',
    value: {
      protocolType: 'consumer',
      generation: 4,
      protocol: 'range',
      leader: 'a-1',
      currentStateTimestamp: 1_700_000_000_000,
      members: [
        {
          memberId: 'a-1',
          groupInstanceId: 'i',
          clientId: 'a',
          clientHost: '/127.0.0.1',
          rebalanceTimeout: 60_000,
          sessionTimeout: 10_000,
          subscription: Buffer.from('s'),
          assignment: Buffer.from('x'),
        },
      ],
    },
  },
]

describe('the record of a fact', () => {
  test.each(facts)('is read as the $type that it was written as', (fact) => {
    expect(decodeFact(encodeFact(fact))).toEqual(fact)
  })

  test('has the version that Kafka 4.3 writes', () => {
    const versions = facts.map((fact) => encodeFact(fact).value?.readInt16BE(0))
    expect(versions).toEqual([4, undefined, 4, 0, 0, undefined, 3])
  })

  test('has the one version with an expire timestamp where there is one', () => {
    const expiring = { ...commit, committed: { ...committed, expireTimestamp: 1_700_000_000_001 } }
    const record = encodeFact(expiring)
    expect(record.value?.readInt16BE(0)).toBe(1)
    // That version has no leader epoch.
    expect(decodeFact(record)).toEqual({
      ...expiring,
      committed: { ...expiring.committed, leaderEpoch: -1 },
    })
  })
})

describe('a record', () => {
  test('of Kafka 0.9 is read too', () => {
    const key = new Writer()
    key.int16(0)
    codecOf(LegacyOffsetCommitKey, 0).write(key, { group: 'g', topic: 't', partition: 2 })
    const tombstone = { key: key.toBuffer(), value: null }
    expect(decodeFact(tombstone)).toEqual({ ...facts[1] })
  })

  test('of a transaction that deletes an offset deletes it at once', () => {
    const transaction = { producerId: 7, producerEpoch: 0, isMarker: false }
    expect(decodeFact({ ...encodeFact(facts[1]!), transaction })).toEqual(facts[1])
  })

  test('in a control batch that is no marker of a transaction stands for nothing', () => {
    const transaction = { producerId: 7, producerEpoch: 0, isMarker: true }
    const footer = encodeControlRecord({ type: 'SNAPSHOT_FOOTER', value: {} })
    expect(decodeFact({ ...footer, transaction })).toBeNull()
    const ofLater = { key: Buffer.from([0, 0, 0, 99]), value: null }
    expect(decodeFact({ ...ofLater, transaction })).toBeNull()
  })

  test('of another kind of group, or of a kind that nobody knows, stands for nothing', () => {
    const ofConsumerGroup = Buffer.from([0, 3, 0, 1, 0x67])
    expect(decodeFact({ key: ofConsumerGroup, value: null })).toBeNull()
    expect(decodeFact({ key: Buffer.from([0, 99, 1, 2, 3]), value: null })).toBeNull()
  })
})
