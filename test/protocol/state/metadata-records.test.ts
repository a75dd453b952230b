import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  metadataRecords,
} from '../../../protocol/state/metadata-records.ts'
import { DecodeError } from '../../../protocol/wire/reader.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
// Taken from a cluster of Apache Kafka 4.3.1: metadata.version finalized at level 30.
const featureLevel = hex('01 0c 00 11 6d657461646174612e76657273696f6e 001e 00')

describe('the frame of a metadata record', () => {
  test('what Apache Kafka wrote is read and written the same', () => {
    const record = decodeMetadataRecord(featureLevel)
    expect(record).toEqual({
      type: 'FeatureLevelRecord',
      version: 0,
      value: { name: 'metadata.version', featureLevel: 30 },
    })
    expect(encodeMetadataRecord(record)).toEqual(featureLevel)
  })

  test('the type decides the type of the value', () => {
    const record = decodeMetadataRecord(featureLevel)
    // Compiles only if the union narrows.
    expect(record.type === 'FeatureLevelRecord' ? record.value.featureLevel : -1).toBe(30)
  })

  test('a record is written in its latest version unless another is asked for', () => {
    const change = { partitionId: 3, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', leader: 2 }
    const latest = encodeMetadataRecord({ type: 'PartitionChangeRecord', value: change })
    expect(latest.subarray(0, 3)).toEqual(hex('01 05 02'))
    const first = encodeMetadataRecord({
      type: 'PartitionChangeRecord',
      version: 0,
      value: { ...change, directories: [] },
    })
    expect(first.subarray(0, 3)).toEqual(hex('01 05 00'))
    expect(decodeMetadataRecord(first).value).toMatchObject({
      ...change,
      isr: null,
      leaderRecoveryState: -1,
      directories: null,
    })
  })

  test.each([
    ['a frame version that is not 1', '00 0c 00'],
    ['an unknown record', '01 7f 00'],
    ['a record version that is not known', '01 0c 01 11'],
    ['a body cut short', '01 0c 00 11 6d65'],
    ['bytes after the body', featureLevel.toString('hex') + '00'],
    ['nothing', ''],
  ])('%s is refused', (_what, bytes) => {
    expect(() => decodeMetadataRecord(hex(bytes))).toThrow(DecodeError)
  })

  test('no two records share a key', () => {
    const keys = Object.values(metadataRecords).map((record) => record.key)
    expect(new Set(keys).size).toBe(27)
    expect(keys).toHaveLength(27)
  })
})
