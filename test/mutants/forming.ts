import type { Mutant } from './mutant.ts'

/** Of quorums that form themselves, and of voters that have lost their disks. */
const mutants: readonly Mutant[] = [
  {
    file: 'src/quorum/election.ts',
    text: "  if (state.newcomer !== null) return reply('NONE', newcomerGrants(state, request))\n",
    replacement: '',
    about:
      'A voter whose disk was replaced elects one that lacks what both had committed, and it is lost.',
    killedBy: ['quorum/newcomer', 'sim/quorum/forming-replay'],
  },
  {
    file: 'src/quorum/newcomer.ts',
    text: '  if (!others.every(({ id }) => newcomer.isEmpty.has(id))) return\n',
    replacement: '',
    about: 'A voter with an empty disk votes though the one who knows of its vote is not there.',
    killedBy: ['quorum/newcomer'],
  },
  {
    file: 'src/quorum/newcomer.ts',
    text: 'const epoch = state.epoch === 0 ? 0 : state.epoch + 1',
    replacement: 'const epoch = state.epoch',
    about: 'A voter with an empty disk votes a second time in an epoch, and two lead.',
    killedBy: ['quorum/newcomer'],
  },
  {
    file: 'src/quorum/newcomer.ts',
    text: 'if (newcomer.caughtUpIn === state.epoch) state.endNewcomer()',
    replacement: 'state.endNewcomer()',
    about: 'A voter with a part of the log votes for one that has no more.',
    killedBy: ['quorum/newcomer'],
  },
  {
    file: 'src/quorum/newcomer.ts',
    text: 'others.filter(({ id }) => isEmpty.get(id) !== true)',
    replacement: 'others.filter(({ id }) => !isEmpty.has(id))',
    about: 'Voters whose disks are all replaced never form a quorum.',
    killedBy: ['quorum/newcomer'],
  },
  {
    file: 'src/quorum/follower.ts',
    text: '{ id: newcomer === null ? id : NOBODY, directoryId }',
    replacement: '{ id, directoryId }',
    about:
      'A leader that was deposed commits by the acknowledgements of a voter that has forgotten that.',
    killedBy: ['quorum/newcomer'],
  },
  {
    file: 'src/quorum/follower.ts',
    text: 'replica: readerOf(state) }',
    replacement: 'replica: state.self }',
    about: 'A leader takes a voter that has forgotten everything for one that follows it.',
    killedBy: ['quorum/newcomer'],
  },
  {
    file: 'src/quorum/raft-state.ts',
    text: 'const isKept = this.#newcomer === null || this.hasVote || this.votedFor !== null',
    replacement: 'const isKept = true',
    about: 'A voter that restarts with a part of the log takes it for all of it, and votes.',
    killedBy: ['quorum/newcomer'],
  },
  {
    file: 'src/quorum/raft-state.ts',
    text: 'this.hasVote || this.votedFor !== null',
    replacement: 'this.hasVote',
    about: 'A new node that does not know yet that it is a voter votes twice in an epoch.',
    killedBy: ['quorum/newcomer'],
  },
  {
    file: 'src/quorum/follower.ts',
    text: ' && hasAllOf(state, reply)',
    replacement: '',
    about:
      'A leader without memory makes a voter with an empty disk vote, and what both had is lost.',
    killedBy: ['quorum/newcomer'],
  },
  {
    file: 'src/quorum/follower.ts',
    text: 'if (state.hasVote) state.becomeProspective(',
    replacement: 'if (state.isVoter) state.becomeProspective(',
    about: 'A voter with an empty disk stands when it misses its leader.',
    killedBy: ['quorum/newcomer'],
  },
  {
    file: 'src/controller/own-vote.ts',
    text: ' || quorum.isNewcomer) return null',
    replacement: ') return null',
    about: 'A quorum with a voter that had an empty disk never names its voters in its log.',
    killedBy: ['controller/kraft-version'],
  },
  {
    file: 'src/controller/quorum-member.ts',
    text: 'await this.#role?.listen()\n    if (this.#isClosed) return\n',
    replacement: 'await this.#role?.listen()\n',
    about: 'A start that is given up takes part in the quorum after its directory was given back.',
    killedBy: ['node'],
  },
  {
    file: 'src/metadata/node.ts',
    text: 'await this.#opening?.catch(() => null)',
    replacement: 'await Promise.resolve(this.#quorum)',
    about: 'A start that is given up leaves a quorum running.',
    killedBy: ['metadata/node'],
  },
  {
    file: 'src/controller/cluster-search.ts',
    text: 'await unlessAborted(round, signal)',
    replacement: 'await round',
    about: 'A node that is stopped while it looks for its cluster waits for those who are silent.',
    killedBy: ['controller/cluster-search'],
  },
  {
    file: 'src/metadata/node.ts',
    text: 'isFormatted: hasBootstrap(host, directory.path)',
    replacement: 'isFormatted: true',
    about: 'A node of a static quorum whose disk was replaced votes with an empty log.',
    killedBy: ['controller/forming'],
  },
  {
    file: 'src/controller/cluster-search.ts',
    text: "const isNew = asked.every(({ word }) => word === 'none')",
    replacement: "const isNew = asked.some(({ word }) => word === 'none')",
    about: 'A cluster is begun while a voter that belongs to another one is away.',
    killedBy: ['controller/forming'],
  },
  {
    file: 'src/controller/cluster-search.ts',
    text: "if (isNew && kind === 'static' && isLowest(nodeId, voters)) {",
    replacement: "if (isNew && kind === 'static') {",
    about: 'Each voter makes a cluster of its own.',
    killedBy: ['controller/forming'],
  },
  {
    file: 'src/handlers/describe-cluster.ts',
    text: "  if (clusterId === '') {\n",
    replacement: "  if (clusterId === 'none') {\n",
    about: 'Tools print an empty cluster id, and no quorum forms.',
    killedBy: ['controller/forming'],
  },
  {
    file: 'src/quorum/told-voters.ts',
    text: 'if (epoch !== this.#epoch) this.#told.clear()',
    replacement: '',
    about: 'A directory that a voter had when this node led before is named in the log.',
    killedBy: ['quorum/told-voters'],
  },
  {
    file: 'src/quorum/told-voters.ts',
    text: '...silent.map(',
    replacement: '...silent.slice(1).map(',
    about: 'The controller fails on a voter that has not told its directory.',
    killedBy: ['quorum/told-voters'],
  },
  {
    file: 'src/quorum/told-voters.ts',
    text: 'level >= min && level <= max',
    replacement: 'level >= min',
    about: 'A voter that does not know the level is in a quorum that it can not follow.',
    killedBy: ['quorum/told-voters'],
  },
  {
    file: 'src/controller/own-vote.ts',
    text: 'return isLeader && !isToldByLog && this.#options.raises ? this.#raise() : null',
    replacement: 'return isLeader && !isToldByLog ? this.#raise() : null',
    about: 'A quorum that an operator has formatted is raised to a level that nobody asked for.',
    killedBy: ['controller/kraft-version'],
  },
  {
    file: 'src/metadata/node.ts',
    text: 'await this.#quorum!.raiseKraftVersion(level, command.validateOnly)',
    replacement: 'await this.#quorum!.raiseKraftVersion(level, false)',
    about: 'Who only asks whether kraft.version could be raised has it raised.',
    killedBy: ['controller/kraft-version'],
  },
]

const within = (folder: string): readonly Mutant[] =>
  mutants.filter(({ file }) => file.startsWith(`src/${folder}/`))

export const ofQuorum = within('quorum')
export const ofMetadata = within('metadata')
export const ofHandlers = within('handlers')
export const ofController = within('controller')
