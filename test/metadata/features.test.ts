import { checkFinalizedFeatures, registrationVersion } from '../../src/metadata/features.ts'
import { featureFact, newPartition, partitionFact, topicFact } from '../../src/metadata/facts.ts'
import { ImageBuilder } from '../../src/metadata/image-builder.ts'
import { EMPTY_IMAGE } from '../../src/metadata/image.ts'
import type { MetadataFact } from '../../src/metadata/facts.ts'

const topicId = 'Zm9vYmFyYmF6cXV4MTIzNA'

function imageOf(...facts: MetadataFact[]) {
  const builder = new ImageBuilder(EMPTY_IMAGE)
  for (const fact of facts) builder.apply(fact)
  return builder.build(facts.length, 1).image
}

const withReplicas = (...replicas: number[]) => {
  const directories = replicas.map(() => topicId)
  return [
    featureFact('eligible.leader.replicas.version', 1),
    topicFact('orders', topicId),
    partitionFact(topicId, 0, newPartition(replicas, replicas, directories)),
  ]
}

test('eligible leader replicas change nothing where each partition has one replica', () => {
  expect(checkFinalizedFeatures(imageOf(...withReplicas(1)))).toEqual([
    'eligible.leader.replicas.version=1',
  ])
  expect(() => checkFinalizedFeatures(imageOf(...withReplicas(1, 2)))).toThrow(
    /eligible\.leader\.replicas\.version=1, and orders-0 has several replicas/,
  )
})

test('a broker is registered in the version that the level of metadata.version knows', () => {
  const at = (level: number) => imageOf(featureFact('metadata.version', level)).features
  expect([25, 29, 30, 33].map((level) => registrationVersion(at(level)))).toEqual([3, 3, 4, 4])
})
