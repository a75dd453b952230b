import { rulesOf } from '../../../../src/metadata/controller/partition/rules.ts'
import { EMPTY_IMAGE, resourceKey } from '../../../../src/metadata/image.ts'
import type { MetadataImage } from '../../../../src/metadata/image.ts'
import { newPartition } from '../../../../src/metadata/facts.ts'

const topic = {
  name: 't',
  id: 'T'.repeat(22),
  partitions: [newPartition([1, 2, 3], [1, 2, 3], [])],
}

function rulesWith(
  settings: readonly (readonly [type: number, name: string, setting: string, value: string])[],
  features: MetadataImage['features'] = new Map(),
) {
  const configs = EMPTY_IMAGE.configs.with(
    new Map(
      settings.map(([type, name, setting, value]) => [
        resourceKey(type, name),
        new Map([[setting, value]]),
      ]),
    ),
  )
  const topicDefaults = { minInsyncReplicas: 2, isUncleanAllowed: false }
  const image = { ...EMPTY_IMAGE, configs, features }
  return rulesOf({ image, nodeId: 7, topicDefaults, awaited: new Set() }, topic)
}

const minimum = 'min.insync.replicas'

describe('the rules for the partitions of a topic', () => {
  test('come from its own settings, those of the controller by its id, those of the cluster, and its file', () => {
    expect(rulesWith([])).toEqual({
      minInsyncReplicas: 2,
      isUncleanAllowed: false,
      keepsEligible: false,
      awaited: new Set(),
    })
    const cluster = [4, '', minimum, '1'] as const
    const node = [4, '7', minimum, '3'] as const
    expect(rulesWith([cluster]).minInsyncReplicas).toBe(1)
    expect(rulesWith([cluster, node]).minInsyncReplicas).toBe(3)
    expect(rulesWith([cluster, node, [2, 't', minimum, '2']]).minInsyncReplicas).toBe(2)
    expect(rulesWith([[4, '8', minimum, '3']]).minInsyncReplicas).toBe(2)
  })

  test('ask for no more replicas in sync than there are', () => {
    expect(rulesWith([[2, 't', minimum, '9']]).minInsyncReplicas).toBe(3)
  })

  // KIP-966.
  test('say by the finalized feature whether who is eligible is kept', () => {
    const kept = new Map([['eligible.leader.replicas.version', 1]])
    expect(rulesWith([], kept).keepsEligible).toBe(true)
  })
})
