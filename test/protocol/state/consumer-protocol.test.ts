import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../protocol/state/consumer-protocol.ts'
import { DecodeError } from '../../../protocol/wire/reader.ts'

describe('the consumer protocol of classic groups', () => {
  test('a subscription is read in every version with the defaults of the fields it lacks', () => {
    const full = {
      topics: ['a', 'b'],
      userData: Buffer.from('x'),
      ownedPartitions: [{ topic: 'a', partitions: [0, 1] }],
      generationId: 5,
      rackId: 'r',
    }
    const absent = { ownedPartitions: [], generationId: -1, rackId: null }
    const { ownedPartitions, generationId } = full
    const expected = [
      { ...full, ...absent },
      { ...full, ...absent, ownedPartitions },
      { ...full, ...absent, ownedPartitions, generationId },
      full,
    ]
    expected.forEach((value, version) => {
      expect(decodeSubscription(encodeSubscription(version, full))).toEqual({ version, ...value })
    })
  })

  test('one of a later version is read as the latest known, and what it adds is ignored', () => {
    const bytes = Buffer.concat([encodeSubscription(3, { topics: ['a'] }), Buffer.from('more')])
    bytes.writeInt16BE(9, 0)
    expect(decodeSubscription(bytes)).toMatchObject({ version: 9, topics: ['a'] })
  })

  test('an assignment survives the trip', () => {
    const assignedPartitions = [{ topic: 'a', partitions: [2] }]
    expect(decodeAssignment(encodeAssignment(1, { assignedPartitions }))).toEqual({
      version: 1,
      assignedPartitions,
      userData: null,
    })
  })

  test.each([
    ['nothing', ''],
    ['a negative version', 'ffff'],
    ['an array longer than the bytes', '000000000fff'],
    ['a body cut short', '0000000000010003'],
  ])('%s is refused', (_what, bytes) => {
    expect(() => decodeSubscription(Buffer.from(bytes, 'hex'))).toThrow(DecodeError)
    expect(() => decodeAssignment(Buffer.from(bytes, 'hex'))).toThrow(DecodeError)
  })
})
