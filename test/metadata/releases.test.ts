import { featuresOfRelease, releaseLevel, releaseName } from '../../src/metadata/releases.ts'

test('a release has the level of metadata.version that it ended with, and its steps have theirs', () => {
  const levels = ['3.3', '4.0', '4.0-IV2', '4.1', '4.2', '4.3.1', '4.4', '4.4-IV1'].map(
    releaseLevel,
  )
  expect(levels).toEqual([7, 25, 24, 27, 29, 30, 33, 32])
  for (const unknown of ['', '4', '2.8', '5.0', '4.4-IV9', '-IV0', '4.4.x', '4.4.1-IV0']) {
    expect([unknown, releaseLevel(unknown)]).toEqual([unknown, null])
  }
})

test('a level has the name of its step', () => {
  expect([7, 25, 33, 34].map(releaseName)).toEqual(['3.3-IV3', '4.0-IV3', '4.4-IV2', '34'])
})

test('a feature comes with its level', () => {
  const of = (level: number) => Object.fromEntries(featuresOfRelease(level))
  expect(of(20)).toEqual({})
  expect(of(25)).toEqual({ 'kraft.version': 1, 'group.version': 1, 'transaction.version': 2 })
  expect(of(28)).toMatchObject({ 'share.version': 1, 'eligible.leader.replicas.version': 1 })
  expect(of(33)).toEqual({
    'eligible.leader.replicas.version': 1,
    'group.version': 1,
    'kraft.version': 1,
    'share.version': 2,
    'streams.version': 1,
    'transaction.version': 2,
  })
})
