import type { Mutant } from './mutant.ts'

const ROOM = 'src/metadata/controller/partition/'
const COMMANDS = 'src/metadata/controller/'
const ALTER = `${COMMANDS}alter-partition-commands.ts`
const BALANCE = `${COMMANDS}leader-balance.ts`
const CHANGE = ['metadata/controller/partition/change']
const DECISIONS = ['metadata/controller/decisions']

/** What becomes of one partition. */
const ofChanges: readonly Mutant[] = [
  {
    file: `${ROOM}change.ts`,
    text: 'if (broker === undefined || broker.fenced || broker.inControlledShutdown) return false',
    replacement: 'if (broker === undefined || broker.fenced) return false',
    about: 'A broker that is shutting down becomes leader.',
    killedBy: DECISIONS,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'return hasOnlineDirectory(broker.logDirs, directoryOf(partition, id))',
    replacement: 'return true',
    about: 'A replica whose disk has failed is elected, and nobody can produce.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'if (isNew || isLeft) change.leader',
    replacement: 'if (isNew) change.leader',
    about: 'Replicas that are left out are not told, and go on.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: '(isr.length > 0 || keepsEligible) && !isSame',
    replacement: '!isSame',
    about: 'The last replica leaves the ISR, so that nobody may lead again.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: '    isr = [elected.leader]\n    eligible = NOBODY\n',
    replacement: '    eligible = NOBODY\n',
    about: 'Replicas with other records stay in the ISR after an unclean election.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: '    eligible = eligible.filter((id) => id !== elected.leader)\n',
    replacement: '',
    about: 'A leader is told as eligible and in sync at once.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'let eligible = keepsEligible ? target.eligible : NOBODY',
    replacement: 'let eligible = target.eligible',
    about:
      'Who was eligible in the past is kept by a cluster that keeps nobody, and leads years later.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'eligible.length === 0 ? NOBODY : eligible.filter((id) => replicas.includes(id)),',
    replacement: 'eligible,',
    about: 'A broker without a replica is elected.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'const last = formerLeader === NO_LEADER ? formerIsr : [formerLeader]',
    replacement: 'const last = [formerLeader]',
    about: 'Nobody, number -1, is kept as the last leader.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'if (leader !== NO_LEADER) return NOBODY',
    replacement: 'if (leader !== NO_LEADER) return lastKnownElr',
    about: 'A leader of long ago leads again after an unclean restart, without the records since.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'isUnclean ? RecoveryState.RECOVERING : before.leaderRecoveryState',
    replacement: 'before.leaderRecoveryState',
    about:
      'A leader that may lack records takes others into the ISR before it says that it is whole.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'wanted === undefined || wanted === before.leaderRecoveryState ? implied : wanted',
    replacement: 'implied',
    about: 'A partition recovers for ever.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'directories.length === 1 ? directories[0]! : UNASSIGNED_DIRECTORY',
    replacement: 'UNASSIGNED_DIRECTORY',
    about: 'A broker with one directory has to tell where each of its replicas is.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}change.ts`,
    text: 'directories.length === 1 ? directories[0]! : UNASSIGNED_DIRECTORY',
    replacement: 'directories[0] ?? UNASSIGNED_DIRECTORY',
    about: "All replicas are said to be in a broker's first directory.",
    killedBy: ['metadata/controller/controller'],
  },
  {
    file: `${ROOM}eligible.ts`,
    text: 'if (isr.length >= minInsyncReplicas) return []',
    replacement: 'if (isr.length > minInsyncReplicas) return []',
    about: 'Who left the ISR while writes went on is eligible: its election loses them.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}eligible.ts`,
    text: '!isr.includes(id) && !lost.includes(id)',
    replacement: '!isr.includes(id)',
    about: 'A replica that has lost what it had not flushed is elected as whole.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}eligible.ts`,
    text: '  before.eligibleLeaderReplicas.forEach(add)\n',
    replacement: '',
    about: 'Who is eligible is forgotten at the next change.',
    killedBy: CHANGE,
  },
]

/** Who leads. */
const ofElections: readonly Mutant[] = [
  {
    file: `${ROOM}election.ts`,
    text: 'if (isComplete(candidates, leader)) return { leader, isUnclean: false }',
    replacement: '',
    about: 'A partition changes its leader without need when another replica fails.',
    killedBy: DECISIONS,
  },
  {
    file: `${ROOM}election.ts`,
    text: 'isr.length === 0 ? eligible.includes(id) : isr.includes(id)',
    replacement: 'eligible.includes(id) || isr.includes(id)',
    about: 'A replica that was in sync once is elected though others have more.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}election.ts`,
    text: 'return hasAll && canLead(id)',
    replacement: 'return hasAll',
    about: 'A dead broker is elected.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}election.ts`,
    text: "election === 'unclean' ? replicas.find((id) => candidates.canLead(id)) : undefined",
    replacement: 'replicas.find((id) => candidates.canLead(id))',
    about: 'An election loses records that no setting has given up.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}election.ts`,
    text: ' || lastKnown.length !== 1) return null',
    replacement: ' || lastKnown.length === 0) return null',
    about: 'The first of several that were eligible once is taken for the last leader.',
    killedBy: CHANGE,
  },
  {
    file: `${ROOM}election.ts`,
    text: 'return canLead(id) ? id : null',
    replacement: 'return id',
    about: 'The last leader leads while it is down.',
    killedBy: CHANGE,
  },
  {
    file: `${COMMANDS}election-commands.ts`,
    text: 'if (isPreferred ? leader === replicas[0] : leader !== NO_LEADER) {',
    replacement: 'if (isPreferred ? leader === replicas[0] : false) {',
    about: 'An unclean election takes the lead from a leader that works.',
    killedBy: ['metadata/controller/election-commands'],
  },
  {
    file: `${COMMANDS}election-commands.ts`,
    text: "const election = isPreferred ? 'preferred' : 'unclean'",
    replacement: "const election = isPreferred ? 'online' : 'unclean'",
    about: 'Leaders stay where they are, whatever an operator asks for.',
    killedBy: ['metadata/controller/election-commands'],
  },
  {
    file: BALANCE,
    text: 'const again = facts.length === MAX_ELECTIONS ? 0 : intervalMs',
    replacement: 'const again = intervalMs',
    about: 'After a restart of a broker with many leaders it takes hours until it leads again.',
    killedBy: ['metadata/controller/leader-balance'],
  },
  {
    file: BALANCE,
    text: 'if (facts.length === MAX_ELECTIONS) break',
    replacement: '',
    about: 'The controller answers nobody while it moves a hundred thousand leaders.',
    killedBy: ['metadata/controller/leader-balance'],
  },
  {
    file: BALANCE,
    text: "isUncleanAllowed ? 'unclean' : null,",
    replacement: "'unclean',",
    about:
      'After five minutes without its leader a partition loses records that no setting has given up.',
    killedBy: ['metadata/controller/leader-balance'],
  },
  {
    file: BALANCE,
    text: 'if (elections.preferredIntervalMs === null) return [unclean]',
    replacement: '',
    about: 'Leaders move though auto.leader.rebalance.enable says that they are not to.',
    killedBy: ['metadata/controller/leader-balance'],
  },
  {
    file: `${ROOM}rules.ts`,
    text: "configOf(image, ResourceType.BROKER, ''),",
    replacement: '',
    about: 'What the whole cluster sets of its topics is nothing to the controller.',
    killedBy: ['metadata/controller/leader-balance'],
  },
  {
    file: `${ROOM}rules.ts`,
    text: 'topic.partitions[0]?.replicas.length ?? Infinity,',
    replacement: 'Infinity,',
    about: 'A topic with too few replicas for its settings keeps who is eligible for ever.',
    killedBy: ['metadata/controller/partition/rules'],
  },
]

/** What follows from brokers, leaders and operators. */
const ofCommands: readonly Mutant[] = [
  {
    file: `${ROOM}of-brokers.ts`,
    text: 'directories?.has(directoryOf(partition, brokerId)) !== false',
    replacement: 'directories?.has(directoryOf(partition, brokerId)) !== true',
    about: 'Partitions of good directories lose their leader, those of the failed one keep it.',
    killedBy: DECISIONS,
  },
  {
    file: `${ROOM}of-brokers.ts`,
    text: 'if (leader !== brokerId && !isr.includes(brokerId) && !isEligible) return false\n',
    replacement: '',
    about: 'Partitions that a broker has nothing of are looked at when it is fenced.',
    killedBy: [],
    equivalent: 'Nothing would change of them; it only takes longer.',
  },
  {
    file: `${ROOM}of-brokers.ts`,
    text: 'const isEligible = isUnclean && eligibleLeaderReplicas.includes(brokerId)',
    replacement: 'const isEligible = false',
    about: 'A broker that has lost what it had not flushed stays eligible to lead.',
    killedBy: DECISIONS,
  },
  {
    file: `${ROOM}of-brokers.ts`,
    text: 'else changed.set(brokerId, after)',
    replacement: '',
    about: 'A broker that is about to be fenced is elected.',
    killedBy: DECISIONS,
  },
  {
    file: `${ROOM}partition-index.ts`,
    text: 'if (count === 0) this.#leaderships.delete(leader)\n    else',
    replacement: '',
    about: 'A broker that led once waits for ever for leave to stop.',
    killedBy: ['metadata/controller/partition/partition-index'],
  },
  {
    file: `${ROOM}partition-index.ts`,
    text: 'if (!after.replicas.includes(id)) this.#byBroker.get(id)?.delete(place)',
    replacement: '',
    about: 'A broker is asked about partitions that have left it.',
    killedBy: ['metadata/controller/partition/partition-index'],
  },
  {
    file: `${ROOM}partition-index.ts`,
    text: 'this.#leaderless.deleteTopic(topicId)\n',
    replacement: '',
    about: 'The controller fails at partitions of topics that are gone.',
    killedBy: ['metadata/controller/partition/partition-index'],
  },
  {
    file: `${COMMANDS}broker-commands.ts`,
    text: 'const isClean = before !== undefined && before.epoch === previousBrokerEpoch',
    replacement: 'const isClean = previousBrokerEpoch !== null',
    about: 'A broker that says the epoch of some life or other is taken for whole.',
    killedBy: DECISIONS,
  },
  {
    file: `${ROOM}reassignment.ts`,
    text: 'const original = originalReplicas(before)',
    replacement: 'const original = before.replicas',
    about:
      'A reassignment that was changed on its way can not go back: the partition keeps replicas of both.',
    killedBy: ['metadata/controller/partition/reassignment'],
  },
  {
    file: `${ROOM}reassignment.ts`,
    text: 'if (inSync.length === 0 || !replicas.every((id) => inSync.includes(id))) return null',
    replacement: 'if (inSync.length === 0) return null',
    about: 'The old replicas go before the new ones have their records.',
    killedBy: ['metadata/controller/partition/reassignment'],
  },
  {
    file: `${ROOM}reassignment.ts`,
    text: 'isr: inSync.length > 0 ? inSync : replicas.slice(0, 1),',
    replacement: 'isr: inSync,',
    about: 'A reassignment that is given up leaves nobody in sync.',
    killedBy: ['metadata/controller/partition/reassignment'],
  },
  {
    file: `${COMMANDS}reassignment-commands.ts`,
    text: 'if (isUnclean && !rules.isUncleanAllowed) {',
    replacement: 'if (isUnclean && rules.isUncleanAllowed) {',
    about: 'Cancelling a reassignment loses records that no setting has given up.',
    killedBy: DECISIONS,
  },
  {
    file: `${COMMANDS}reassignment-commands.ts`,
    text: 'const factor = replicationFactorOf(partition)',
    replacement: 'const factor = partition.replicas.length',
    about: 'Nobody who forbids another number of replicas can change a reassignment on its way.',
    killedBy: DECISIONS,
  },
  {
    file: `${COMMANDS}config-commands.ts`,
    text: 'facts.push(...clearedEligible(view.image, facts))\n',
    replacement: '',
    about:
      'Who was eligible by a larger min.insync.replicas is elected without what was written by the smaller.',
    killedBy: ['metadata/controller/eligible-replicas'],
  },
  {
    file: `${COMMANDS}config-commands.ts`,
    text: '    ...stillEligible(image, topicName),\n',
    replacement: '',
    about:
      'Another min.insync.replicas while all replicas are down leaves a partition without a leader.',
    killedBy: ['metadata/controller/eligible-replicas'],
  },
  {
    file: `${COMMANDS}config-commands.ts`,
    text: 'if (isr.length > 0 || !isEligible) return []',
    replacement: 'if (!isEligible) return []',
    about: 'Who was eligible by a larger min.insync.replicas stays so, where others write on.',
    killedBy: ['metadata/controller/eligible-replicas'],
  },
  {
    file: `${COMMANDS}config-commands.ts`,
    text: 'const eligibleLeaderReplicas = keepsEligibleLeaders(view.image.features)',
    replacement: 'const eligibleLeaderReplicas = false',
    about: 'A setting that Kafka refuses while eligible leaders are kept is taken.',
    killedBy: DECISIONS,
  },
]

/** AlterPartition. */
const ofLeaders: readonly Mutant[] = [
  [
    'if (epoch === brokerEpoch) return',
    'if (epoch !== undefined) return',
    'A broker of a former life says who is in sync.',
  ],
  [
    'leaderEpoch > partition.leaderEpoch || partitionEpoch > partition.partitionEpoch',
    'leaderEpoch > partition.leaderEpoch',
    'A controller that was replaced answers as if it knew the partition.',
  ],
  [
    "if (leaderEpoch < partition.leaderEpoch) return 'FENCED_LEADER_EPOCH'\n",
    '',
    'A leader that is none any more has the ISR changed.',
  ],
  [
    "if (leader !== partition.leader) return 'INVALID_REQUEST'\n",
    '',
    'A follower says who is in sync.',
  ],
  [
    "partitionEpoch < partition.partitionEpoch ? 'INVALID_UPDATE_VERSION' : null",
    'null',
    'An answer that came late undoes what was decided after it.',
  ],
  [
    'ids.has(partition.leader) &&\n',
    '',
    'A leader leaves itself out, and another leads without its records.',
  ],
  ['ids.size === newIsr.length &&\n', '', 'One replica counts twice for min.insync.replicas.'],
  [
    'newIsr.every(({ brokerId }) => partition.replicas.includes(brokerId))',
    'true',
    'A broker without a replica is in sync; the metadata log can not be read any more.',
  ],
  [
    "newIsr.every((replica) => isInService(image, replica)) ? null : 'INELIGIBLE_REPLICA'",
    'null',
    'A broker that is down comes back into the ISR.',
  ],
  [
    'brokerEpoch === UNCHECKED_EPOCH || brokerEpoch === broker.epoch',
    'true',
    'A replica that has restarted, and lost records, comes into the ISR (KIP-903).',
  ],
  [
    'before === RecoveryState.RECOVERING && size === 1',
    'before === RecoveryState.RECOVERING',
    'A leader that may lack records takes others into the ISR.',
  ],
  [
    "if (after.leader !== leader) return refused(partitionIndex, 'NEW_LEADER_ELECTED')\n",
    '',
    'A leader whose replica is gone takes itself for the leader still.',
  ],
].map(([text, replacement, about]) => ({
  file: ALTER,
  text: text!,
  replacement: replacement!,
  about: about!,
  killedBy: ['metadata/controller/alter-partition-commands'],
}))

export const mutants: readonly Mutant[] = [
  ...ofChanges,
  ...ofElections,
  ...ofCommands,
  ...ofLeaders,
  {
    file: 'src/metadata/image-builder.ts',
    text: 'this.#setPartition(this.#requireTopic(topic.id), index, partitionAfter(partition, value))',
    replacement: '',
    about: 'Replicas stay eligible by a limit that was changed.',
    killedBy: ['metadata/snapshot'],
  },
]
