import { checkFinalizedFeatures, isKept, registrationVersion } from '../../src/metadata/features.ts'
import { featureFact } from '../../src/metadata/facts.ts'
import { ImageBuilder } from '../../src/metadata/image-builder.ts'
import { EMPTY_IMAGE } from '../../src/metadata/image.ts'
import type { MetadataFact } from '../../src/metadata/facts.ts'

function imageOf(...facts: MetadataFact[]) {
  const builder = new ImageBuilder(EMPTY_IMAGE)
  for (const fact of facts) builder.apply(fact)
  return builder.build(facts.length, 1).image
}

test('eligible leader replicas are no feature that is only kept, and known up to 1', () => {
  const at = (level: number) => imageOf(featureFact('eligible.leader.replicas.version', level))
  expect(checkFinalizedFeatures(at(1))).toEqual([])
  expect(() => checkFinalizedFeatures(at(2))).toThrow(
    /eligible\.leader\.replicas\.version=2.*works at 0 to 1/,
  )
})

test('a broker is registered in the version that the level of metadata.version knows', () => {
  const at = (level: number) => imageOf(featureFact('metadata.version', level)).features
  expect([25, 29, 30, 33].map((level) => registrationVersion(at(level)))).toEqual([3, 3, 4, 4])
})

test.each([
  ['group.version', 0, false],
  ['group.version', 1, true],
  ['group.version', 2, false],
  ['nobody.knows.version', 0, false],
  ['nobody.knows.version', 1, false],
])('%s at %i is left as it is, without being offered: %s', (name, level, expected) => {
  expect(isKept(name, level)).toBe(expected)
})
