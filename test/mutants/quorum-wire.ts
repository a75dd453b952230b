import type { Mutant } from './mutant.ts'

const SERVER = 'src/quorum/wire/server.ts'

export const mutants: readonly Mutant[] = [
  {
    file: SERVER,
    text: "      return 'INCONSISTENT_CLUSTER_ID'",
    replacement: '      return null',
    about: 'A node of another cluster takes part in the elections of this one.',
    killedBy: ['quorum/wire/wire'],
  },
  {
    file: SERVER,
    text: 'highWatermark === NOT_TOLD ? Infinity : Number(highWatermark)',
    replacement: 'highWatermark === NOT_TOLD ? -1 : Number(highWatermark)',
    about: 'An older follower is answered at once, again and again, and burns a processor.',
    killedBy: ['quorum/wire/wire'],
  },
  {
    file: SERVER,
    text: 'return { leaderId: isFound ? leaderId : -1, leaderEpoch: epoch }',
    replacement: 'return { leaderId, leaderEpoch: epoch }',
    about: 'A node is told of a leader without its place, and follows nobody.',
    killedBy: ['quorum/wire/wire'],
  },
  {
    file: SERVER,
    text: 'if (at !== null && this.#believes(leaderId, epoch))',
    replacement: 'if (at !== null)',
    about: 'A leader whose epoch is over says where the leader is.',
    killedBy: ['quorum/wire/wire'],
  },
  {
    file: SERVER,
    text: '(epoch === known && (leaderId < 0 || leaderId === leader))',
    replacement: 'epoch === known',
    about: 'Whoever says that it leads has this node look for the leader in its own place.',
    killedBy: ['quorum/wire/wire'],
  },
  {
    file: 'src/quorum/wire/peers.ts',
    text: ' || epoch < this.#leaderEpoch) return',
    replacement: ') return',
    about: 'An answer that was long on its way sends this node to where the leader was before.',
    killedBy: ['quorum/wire/way'],
  },
  {
    file: 'src/quorum/wire/requests.ts',
    text: 'body, preVote ? FIRST_VERSION_WITH_PRE_VOTE : 0)',
    replacement: 'body)',
    about: 'A node that knows no pre-votes takes the question for the election.',
    killedBy: ['quorum/wire/way'],
  },
  {
    file: 'src/quorum/wire/requests.ts',
    text: "if (answer.errorCode !== 'NONE') throw new PeerRefusal(answer.errorCode)\n  const partition",
    replacement: 'const partition',
    about: 'That another cluster refuses this node is not told to anybody.',
    killedBy: ['quorum/wire/wire'],
  },
  {
    file: 'src/quorum/wire/snapshot.ts',
    text: '      (size === Infinity || told.size === size) &&\n',
    replacement: '',
    about: 'A snapshot that was replaced by another on its way is put together from both.',
    killedBy: ['quorum/wire/wire'],
  },
  {
    file: 'src/quorum/pending-answers.ts',
    text: 'if (!reads.some(({ requestId }) => requestId === ticket)) this.#tell(ticket, answer)',
    replacement: 'this.#tell(ticket, answer)',
    about: 'Every fetch of a follower costs its connection.',
    killedBy: ['quorum/quorum', 'controller/quorum-member'],
  },
  {
    file: 'src/quorum/quorum.ts',
    text: '    this.#fetches.release()\n',
    replacement: '',
    about: 'Followers of a leader that stops hear of it half a second later.',
    killedBy: [],
    equivalent:
      'They hear of it by EndQuorumEpoch, too, and the answer comes when the fetch has waited.',
  },
  {
    file: 'src/quorum/follower.ts',
    text: 'if (to === role.leaderId) weigh(state, role, why, now)',
    replacement: 'if (to === role.leaderId) return',
    about:
      'Where the leader is gone the others wait for seconds, and who has no answer asks no more.',
    killedBy: ['quorum/evidence'],
  },
  {
    file: 'src/quorum/follower.ts',
    text: "if (why !== 'refused' || !role.hasFetched) role.refusedAt = null",
    replacement: "if (why !== 'refused') role.refusedAt = null",
    about: 'A node that starts before its leader, and has never met it, stands for election.',
    killedBy: ['quorum/evidence'],
  },
  {
    file: 'src/quorum/rules.ts',
    text: '  (voter.directoryId === ZERO_UUID || voter.directoryId === replica.directoryId)',
    replacement: '  voter.directoryId.length > 0',
    about: 'A voter with a wiped disk counts for what it had.',
    killedBy: ['quorum/evidence', 'quorum/raft'],
  },
  {
    file: 'src/quorum/election-file.ts',
    text: 'staticVoters === null',
    replacement: 'staticVoters !== undefined',
    about: "Apache Kafka's node of a static quorum can't read its quorum-state.",
    killedBy: ['quorum/election-file'],
  },
  {
    file: 'src/quorum/voter-changes.ts',
    text: 'if (isThere) return null',
    replacement: 'if (change.voter.endpoints.length > 0) return null',
    about:
      'A voter that the others have no way to ends those of Apache Kafka, which read it in the log.',
    killedBy: ['quorum/voter-changes'],
  },
  {
    file: 'src/quorum/voter-changes.ts',
    text: 'if (directoryId === ZERO_UUID) return',
    replacement: 'if (directoryId === null) return',
    about: 'A voter of any directory is in the log, and votes with whatever disk it has.',
    killedBy: ['quorum/voter-changes'],
  },
  {
    file: 'src/quorum/voter-changes.ts',
    text: 'if (!view.isCaughtUp(change.voter)) {',
    replacement: 'if (view === null) {',
    about: 'A voter that nobody has started stops a quorum of two for good.',
    killedBy: ['controller/voters'],
  },
  {
    file: 'src/quorum/voter-changes.ts',
    text: 'if (known === undefined || !isKeyOf(change.voter, known)) {',
    replacement: 'if (known === undefined) {',
    about: 'A voter is removed in the place of one that had its id.',
    killedBy: ['controller/voters'],
  },
  {
    file: 'src/quorum/raft.ts',
    text: '      role.quorumDeadline = Math.max(role.quorumDeadline, now + quorumTimeoutMs(state.timeouts))\n',
    replacement: '',
    about: 'A leader that was alone resigns as soon as a second voter is there.',
    killedBy: [],
    equivalent:
      'Who becomes a voter has fetched not long before, and that has renewed the time as well.',
  },
  {
    file: 'src/quorum/quorum.ts',
    text: '        this.#step((nowMs) => this.#raft.resign(nowMs))\n    })',
    replacement: '        return\n    })',
    about: 'A leader that has removed itself leads on, and nobody else does.',
    killedBy: ['controller/voters'],
  },
]
