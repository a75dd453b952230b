import type { Mutant } from './mutant.ts'

/** Found by whoever goes on with transactions through crashes: `test/sim/transactions` has each of them found in CI. */
const killedBy = ['sim/transactions/transactions']
/** What is between brokers. */
const killedByCluster = ['sim/transactions/cluster']

export const ofLog: readonly Mutant[] = [
  {
    file: 'src/log/read/fetching.ts',
    text: "return upTo === 'lastStable' ? this.#state.lastStableOffset : this.#state.highWatermark",
    replacement: 'return this.#state.highWatermark',
    about: 'read_committed consumers read what transactions have not decided.',
    killedBy,
  },
  {
    file: 'src/log/read/reader.ts',
    text: 'if (entry.lastOffset >= offset && entry.firstOffset < nextOffset) {',
    replacement: 'if (entry.firstOffset >= offset && entry.firstOffset < nextOffset) {',
    about: 'Who begins to read in the middle of an aborted transaction reads the rest of it.',
    killedBy,
  },
  {
    file: 'src/log/producers/producer-state.ts',
    text: "return marker.type === 'ABORT'\n      ? {",
    replacement: "return marker.type === 'ABORT' || lastOffset % 5 === 0\n      ? {",
    about: 'What a transaction has committed is now and then taken for aborted, and lost.',
    killedBy,
  },
]

export const ofCoordinators: readonly Mutant[] = [
  {
    file: 'src/coordinators/transaction/markers.ts',
    text: 'const partitions = unwritten.filter((partition) => !this.#options.isGone(partition))',
    replacement:
      'const partitions = unwritten.filter((partition) => !this.#options.isGone(partition)).slice(1)',
    about: 'A partition never gets its marker, and consumers wait for ever.',
    killedBy,
  },
  {
    file: 'src/coordinators/transaction/init.ts',
    text: 'return as({ ...begun, producerEpoch: nextEpoch(producerEpoch), lastProducerEpoch: lastEpoch })',
    replacement:
      'return as({ ...begun, producerEpoch: Math.max(0, producerEpoch), lastProducerEpoch: lastEpoch })',
    about:
      'A producer is not fenced by the next one of its transactional id, and both take the same input.',
    killedBy,
  },
  {
    file: 'src/coordinators/group/offsets/store.ts',
    text: "if (result === 'COMMIT') this.#take(groupId, held)",
    replacement: '',
    about: 'The offsets of a transaction are lost with its commit, and its input is taken again.',
    killedBy,
  },
  {
    file: 'src/coordinators/group/records.ts',
    text: "return { ...fact, type: 'OffsetPending', producerId, producerEpoch, guard: UNGUARDED }",
    replacement: 'return null',
    about: 'Pending offsets are forgotten in a restart, and their input is taken again.',
    killedBy,
  },
  {
    file: 'src/coordinators/transaction/machine.ts',
    text: 'return { effects: this.#timedOut(wallNow), alarms: [{ name: alarm, at }] }',
    replacement: 'return { alarms: [{ name: alarm, at }] }',
    about: 'A transaction whose producer is gone is open for ever.',
    killedBy,
  },
  {
    file: 'src/coordinators/cluster-marker-writer.ts',
    text: "return error.code === 'NOT_ALIVE' ? 'LEADER_NOT_AVAILABLE' : 'NETWORK_EXCEPTION'",
    replacement: "return 'NONE'",
    about: 'A marker that was lost on its way to another broker is never written.',
    killedBy: killedByCluster,
  },
  {
    file: 'src/coordinators/cluster-verifier.ts',
    text: "if (coordinator < 0) return all(question, 'COORDINATOR_NOT_AVAILABLE')",
    replacement: "if (coordinator < 0) return all(question, 'NONE')",
    about: 'Records get into a transaction whose coordinator is down, and stay undecided.',
    killedBy: killedByCluster,
  },
]

export const ofReplication: readonly Mutant[] = [
  {
    file: 'src/replication/transaction-gate.ts',
    text: 'if (!isEnabled() && !request.addPartition) {',
    replacement: 'if (!request.addPartition) {',
    about:
      'A batch that comes after the abort of its transaction opens one that nobody ends (KIP-890).',
    killedBy,
  },
]
