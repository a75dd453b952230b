import type { Mutant } from './mutant.ts'

const COMMANDS = 'src/metadata/controller/'
const ROOM = `${COMMANDS}partition/`
const CHANGE = ['metadata/controller/partition/change']
const ELIGIBLE = ['metadata/controller/eligible-replicas']

/** Of the levels of eligible.leader.replicas.version (KIP-966). */
export const mutants: readonly Mutant[] = [
  {
    file: `${COMMANDS}eligible-feature.ts`,
    text: 'return isKept ? [clusterMinimum(topicDefaults)] : []',
    replacement: 'void isKept, void topicDefaults\n  return []',
    about:
      'In a new cluster the controller and the brokers may each count on a min.insync.replicas of their own.',
    killedBy: ['metadata/node'],
  },
  {
    file: `${COMMANDS}eligible-feature.ts`,
    text: '...(isSet ? [] : [clusterMinimum(topicDefaults)]),',
    replacement: '...(void isSet, void topicDefaults, []),',
    about: 'An upgrade leaves the limit to the files of nodes, and two of them judge differently.',
    killedBy: ELIGIBLE,
  },
  {
    file: `${COMMANDS}eligible-feature.ts`,
    text: '...(isSet ? [] : [clusterMinimum(topicDefaults)]),',
    replacement: '...(void isSet, [clusterMinimum(topicDefaults)]),',
    about: "An upgrade replaces the min.insync.replicas that the cluster has by one node's.",
    killedBy: ELIGIBLE,
  },
  {
    file: `${COMMANDS}eligible-feature.ts`,
    text: 'if (image.configs.get(key)!.has(MIN_INSYNC_REPLICAS)) names.push(resourceName)',
    replacement: 'void names',
    about:
      'A broker goes on with a lower min.insync.replicas of its own, and who is eligible lacks what it acknowledged.',
    killedBy: ELIGIBLE,
  },
  {
    file: `${COMMANDS}eligible-feature.ts`,
    text: 'if (isr.length === 0 || eligibleLeaderReplicas',
    replacement: 'if (isr.length >= 0 || eligibleLeaderReplicas',
    about:
      'Who was eligible before a downgrade is elected after the next upgrade, without what was written between.',
    killedBy: ELIGIBLE,
  },
  {
    file: `${COMMANDS}eligible-feature.ts`,
    text: 'if (isr.length === 0 || eligibleLeaderReplicas',
    replacement: 'if (eligibleLeaderReplicas',
    about: 'A partition that waits for who is eligible loses its last hope by a change of levels.',
    killedBy: ELIGIBLE,
  },
  {
    file: `${COMMANDS}feature-commands.ts`,
    text: '...(level === current ? [] : withoutEligible(view.image)),',
    replacement: '...(level < current ? [] : withoutEligible(view.image)),',
    about:
      'What a downgrade leaves behind is trusted by Apache Kafka, which takes the directory over.',
    killedBy: ELIGIBLE,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'const last = formerLeader === NO_LEADER ? formerIsr : [formerLeader]',
    replacement: 'const last = formerLeader === NO_LEADER ? [] : [formerLeader]',
    about:
      'A partition whose only replica in sync was killed before an upgrade has no leader any more, for ever.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'return last.length === 1 ? last : lastKnownElr',
    replacement: 'return last.length >= 1 ? last : lastKnownElr',
    about: 'Two are called the last leader, of which one was none.',
    killedBy: CHANGE,
  },
  {
    file: 'src/metadata/controller/partition/change.ts',
    text: 'if (isr.length > 0) return lastKnownElr',
    replacement: 'if (formerIsr.length === 0 || isr.length > 0) return lastKnownElr',
    about:
      'A partition whose only disk failed before its broker was killed is led by nobody any more.',
    killedBy: ['metadata/controller/partition/change'],
  },
]
