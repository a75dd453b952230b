import type { MetadataRecordToWrite } from '../../protocol/state/metadata-records.ts'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
} from '../../protocol/state/metadata-records.ts'
import { atOnce } from '../../src/machine/steps.ts'
import { ImageBuilder } from '../../src/metadata/image-builder.ts'
import { differenceOf } from '../../src/metadata/image-difference.ts'
import type { MetadataImage } from '../../src/metadata/image.ts'
import { EMPTY_IMAGE } from '../../src/metadata/image.ts'

const uuid = (letter: string): string => letter.repeat(21) + 'Q'

const BROKER: MetadataRecordToWrite = {
  type: 'RegisterBrokerRecord',
  version: 4,
  value: {
    brokerId: 1,
    isMigratingZkBroker: false,
    incarnationId: uuid('I'),
    brokerEpoch: 11,
    endPoints: [{ name: 'PLAINTEXT', host: 'here', port: 9092, securityProtocol: 3 }],
    features: [],
    rack: null,
    fenced: false,
    inControlledShutdown: false,
    logDirs: [uuid('D'), uuid('E')],
    cordonedLogDirs: [],
  },
}

const cordoned = (...directories: string[]): MetadataRecordToWrite => ({
  type: 'BrokerRegistrationChangeRecord',
  version: 3,
  value: {
    brokerId: 1,
    brokerEpoch: 11,
    fenced: 0,
    inControlledShutdown: 0,
    logDirs: [],
    cordonedLogDirs: directories,
  },
})

function imageOf(...records: MetadataRecordToWrite[]): MetadataImage {
  const builder = new ImageBuilder(EMPTY_IMAGE)
  for (const record of records) builder.apply(decodeMetadataRecord(encodeMetadataRecord(record)))
  return builder.build(records.length, 1).image
}

describe('between two images that come from snapshots', () => {
  const isAnother = (before: MetadataImage, after: MetadataImage): boolean =>
    atOnce(differenceOf(before, after)).brokersChanged

  test('a broker is the same that says the same', () => {
    expect(isAnother(imageOf(BROKER), imageOf(BROKER))).toBe(false)
    const image = imageOf(BROKER, cordoned(uuid('D')))
    expect(isAnother(image, imageOf(BROKER, cordoned(uuid('D'))))).toBe(false)
  })

  test.each([
    ['one more', [uuid('D')], [uuid('D'), uuid('E')]],
    ['the first one', [], [uuid('D')]],
    ['one less', [uuid('D'), uuid('E')], [uuid('D')]],
    ['another one', [uuid('D')], [uuid('E')]],
  ])('a broker is another one whose cordoned directories are %s', (_, before, after) => {
    const [left, right] = [before, after].map((each) => imageOf(BROKER, cordoned(...each)))
    expect(isAnother(left!, right!)).toBe(true)
  })
})
