import type { MetadataFact } from '../../../src/metadata/facts.ts'
import { newPartition, partitionFact } from '../../../src/metadata/facts.ts'
import {
  broker,
  controllerOf,
  decide,
  directory,
  NO_RULES,
  partition,
  partitionIn,
  TOPIC_ID,
} from './tested-controller.ts'

const allow = (resourceType: number, resourceName: string, value: string): MetadataFact => ({
  type: 'ConfigRecord',
  version: 0,
  value: { resourceType, resourceName, name: 'unclean.leader.election.enable', value },
})
const preferred = { alarm: 'preferred leaders' }
const unclean = { alarm: 'unclean leaders' }

describe('leadership that is looked after', () => {
  test('goes back to the first of the replicas where that is in sync, time and again', () => {
    const controller = controllerOf([broker(1), broker(2), ...partition([1, 2], { leader: 2 })])
    const { alarms } = decide(controller, preferred, 1000)
    expect(alarms).toEqual([{ name: 'preferred leaders', at: 301_000 }])
    expect(partitionIn(controller)).toMatchObject({ leader: 1, leaderEpoch: 1, isr: [1, 2] })
    expect(decide(controller, preferred, 301_000).facts).toEqual([])
  })

  test('stays where the first of the replicas is not in sync, or down', () => {
    const away = controllerOf([broker(1), broker(2), ...partition([1, 2], { leader: 2, isr: [2] })])
    const down = controllerOf([
      broker(1, { fenced: true }),
      broker(2),
      ...partition([1, 2], { leader: 2 }),
    ])
    for (const controller of [away, down]) {
      expect(decide(controller, preferred).facts).toEqual([])
      expect(partitionIn(controller)).toMatchObject({ leader: 2, leaderEpoch: 0 })
    }
  })

  test('is not looked after where auto.leader.rebalance.enable says so', () => {
    const elections = { preferredIntervalMs: null, uncleanIntervalMs: 5 }
    const controller = controllerOf([broker(1)], NO_RULES, { elections })
    const activate = { type: 'activate', bootstrap: [], openTransaction: false } as const
    expect(decide(controller, activate).alarms!.map(({ name }) => name)).toEqual([
      'session 1',
      'unclean leaders',
    ])
  })

  test('of very many partitions takes several looks, one right after the other', () => {
    const many = Array.from({ length: 1001 }, (_, index): MetadataFact => {
      const image = newPartition([1, 2], [1, 2], [directory(1), directory(2)])
      return partitionFact(TOPIC_ID, index, { ...image, leader: 2 })
    })
    const [topic] = partition([1])
    const controller = controllerOf([broker(1), broker(2), topic!, ...many])
    const first = decide(controller, preferred, 7)
    expect([first.facts!.length, first.alarms![0]!.at]).toEqual([1000, 7])
    const second = decide(controller, preferred, 7)
    expect([second.facts!.length, second.alarms![0]!.at]).toEqual([1, 300_007])
  })
})

describe('a partition that nobody in sync can lead', () => {
  const left = (...facts: MetadataFact[]) =>
    controllerOf([
      broker(1, { fenced: true }),
      broker(2),
      ...partition([1, 2], { leader: -1, isr: [1] }),
      ...facts,
    ])

  test.each([
    ['its own settings', [allow(4, '', 'false'), allow(2, 't', 'true')]],
    ["the controller's node", [allow(4, '', 'false'), allow(4, '1', 'true')]],
    ['the cluster', [allow(4, '', 'true')]],
  ])('gets a leader that may have lost records where %s allow it', (_, facts) => {
    const controller = left(...facts)
    const { alarms } = decide(controller, unclean, 1000)
    expect(alarms).toEqual([{ name: 'unclean leaders', at: 201_000 }])
    expect(partitionIn(controller)).toMatchObject({ leader: 2, isr: [2], leaderRecoveryState: 1 })
  })

  test('has none where nothing allows it, or its own settings do not', () => {
    for (const controller of [left(), left(allow(4, '', 'true'), allow(2, 't', 'false'))]) {
      expect(decide(controller, unclean).facts).toEqual([])
    }
  })
})
