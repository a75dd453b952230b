import { groupRecords } from '../../../protocol/state/group-records.ts'
import { transactionRecords } from '../../../protocol/state/transaction-records.ts'
import { DecodeError } from '../../../protocol/wire/reader.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const offsetKey = { group: 'g', topic: 't', partition: 2 }

describe('the records of coordinators', () => {
  test('a key begins with its type, a value with its version', () => {
    const { key, value } = groupRecords.encode({
      type: 'OffsetCommit',
      key: offsetKey,
      version: 3,
      value: { offset: 42, metadata: '', commitTimestamp: 1 },
    })
    expect(key).toEqual(hex('0001 0001 67 0001 74 00000002'))
    expect(value).toEqual(hex('0003 000000000000002a ffffffff 0000 0000000000000001'))
    expect(groupRecords.decode(key, value)).toEqual({
      type: 'OffsetCommit',
      key: offsetKey,
      version: 3,
      value: {
        offset: 42,
        leaderEpoch: -1,
        metadata: '',
        commitTimestamp: 1,
        expireTimestamp: -1,
        topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
      },
    })
  })

  test('without a version the latest is written, and a null value is a tombstone', () => {
    const { value } = transactionRecords.encode({
      type: 'TransactionLog',
      key: { transactionalId: 'x' },
      value: {
        producerId: 1,
        producerEpoch: 0,
        transactionTimeoutMs: 60_000,
        transactionStatus: 0,
        transactionPartitions: null,
        transactionLastUpdateTimestampMs: 5,
        transactionStartTimestampMs: -1,
      },
    })
    expect(value?.readInt16BE(0)).toBe(1)
    const tombstone = groupRecords.encode({ type: 'OffsetCommit', key: offsetKey, value: null })
    expect(tombstone.value).toBeNull()
    expect(groupRecords.decode(tombstone.key, null)).toEqual({
      type: 'OffsetCommit',
      key: offsetKey,
      version: -1,
      value: null,
    })
  })

  test('a type that is not known is skipped', () => {
    expect(groupRecords.decode(hex('0012 0001 67'), hex('0000'))).toBeNull()
    expect(groupRecords.decode(hex('ffff'), null)).toBeNull()
  })

  test('each pair of key and value has one number, and no other pair has it', () => {
    const kinds = Object.values(groupRecords.kinds)
    for (const { key, value } of kinds) expect(value.key).toBe(key.key)
    expect(new Set(kinds.map(({ key }) => key.key)).size).toBe(kinds.length)
    // Kafka 4.4.0 has neither 9 nor 18.
    const numbers = kinds.map(({ key }) => key.key!).sort((a, b) => a - b)
    expect(numbers.join(' ')).toBe('0 1 2 3 4 5 6 7 8 10 11 12 13 14 15 16 17 19 20 21 22 23')
  })

  test.each([
    ['an empty key', '', null],
    ['a key cut short', '0001 0001', null],
    ['a key with bytes left over', '0002 0001 67 00', null],
    ['a value of a version that is not known', '0002 0001 67', '0005'],
    ['a value of a negative version', '0002 0001 67', 'ffff'],
    ['an empty value', '0002 0001 67', ''],
  ])('%s is refused', (_what, key, value) => {
    expect(() => groupRecords.decode(hex(key), value === null ? null : hex(value))).toThrow(
      DecodeError,
    )
  })
})
