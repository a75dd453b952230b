import {
  decodeControlRecord,
  encodeControlRecord,
} from '../../../protocol/state/control-records.ts'
import { CorruptRecordError } from '../../../protocol/records/errors.ts'
import { DecodeError } from '../../../protocol/wire/reader.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('control records', () => {
  test('a commit marker is version, coordinator epoch; its key version, type', () => {
    const marker = { type: 'COMMIT', value: { coordinatorEpoch: 7 } } as const
    const { key, value } = encodeControlRecord(marker)
    expect(key).toEqual(hex('0000 0001'))
    expect(value).toEqual(hex('0000 00000007'))
    expect(decodeControlRecord(key, value)).toEqual(marker)
  })

  test('the version that a KRaft record begins with selects its layout', () => {
    const directoryId = 'w3M4t40Z-YUFrkN6acRhdg'
    for (const version of [0, 1]) {
      const { key, value } = encodeControlRecord({
        type: 'LEADER_CHANGE',
        value: {
          version,
          leaderId: 5,
          voters: [{ voterId: 5, voterDirectoryId: directoryId }],
          grantingVoters: [],
        },
      })
      expect(key).toEqual(hex('0000 0002'))
      expect(value.readInt16BE(0)).toBe(version)
      expect(decodeControlRecord(key, value)).toMatchObject({
        type: 'LEADER_CHANGE',
        value: {
          version,
          voters: [{ voterDirectoryId: version === 0 ? 'AAAAAAAAAAAAAAAAAAAAAA' : directoryId }],
        },
      })
    }
  })

  test.each([
    ['SNAPSHOT_HEADER', 3, { lastContainedLogTimestamp: 1_700_000_000_000 }],
    ['SNAPSHOT_FOOTER', 4, {}],
    ['KRAFT_VERSION', 5, { kRaftVersion: 1 }],
    ['KRAFT_VOTERS', 6, { voters: [] }],
  ] as const)('%s is type %i', (type, number, value) => {
    const encoded = encodeControlRecord({ type, value } as Parameters<
      typeof encodeControlRecord
    >[0])
    expect(encoded.key.readInt16BE(2)).toBe(number)
    expect(decodeControlRecord(encoded.key, encoded.value)).toEqual({
      type,
      value: { version: 0, ...value },
    })
  })

  test('a type that a later Kafka may have added is skipped, a marker of a later version is read', () => {
    expect(decodeControlRecord(hex('0000 0007'), hex('0000'))).toBeNull()
    expect(decodeControlRecord(hex('0001 0000 aa'), hex('0001 00000007 aa'))).toEqual({
      type: 'ABORT',
      value: { coordinatorEpoch: 7 },
    })
  })

  test.each([
    ['a key too short', CorruptRecordError, '0000', '0000'],
    ['a key of a negative version', CorruptRecordError, 'ffff 0000', '0000 00000007'],
    ['a marker of a negative version', DecodeError, '0000 0000', 'ffff 00000007'],
    [
      'a leader change of a version that is not known',
      DecodeError,
      '0000 0002',
      '0002 00000005 0101 00',
    ],
    ['a value cut short', DecodeError, '0000 0005', '0000 00'],
    ['a value with bytes left over', DecodeError, '0000 0004', '0000 00 00'],
  ])('%s is refused', (_what, error, key, value) => {
    expect(() => decodeControlRecord(hex(key), hex(value))).toThrow(error)
  })
})
