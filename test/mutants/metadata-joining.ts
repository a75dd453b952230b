import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/metadata/controller/remote-channel.ts',
    text: 'isElsewhere: (answered) => answered.topics.some(isElsewhere),',
    replacement: 'isElsewhere: () => false,',
    about: 'A topic that a client only named is not made while the controller changes.',
    killedBy: ['metadata/controller/remote-channel'],
  },
  {
    file: 'src/metadata/controller/remote-channel.ts',
    text: "const code = error.code === 'NOT_SENT' ? 'ERR_SHARD_LOST' : 'ERR_COMMIT_TIMEOUT'",
    replacement: "const code = error.code === 'NOT_SENT' ? 'ERR_COMMIT_TIMEOUT' : 'ERR_SHARD_LOST'",
    about: 'A client is told that there is no controller, though its change may be made.',
    killedBy: ['metadata/controller/remote-channel'],
  },
  {
    file: 'src/metadata/controller/remote-channel.ts',
    text: 'const body = { ...rest, listeners: endPoints, previousBrokerEpoch }',
    replacement: 'const body = { ...rest, listeners: endPoints.slice(1), previousBrokerEpoch }',
    about: 'A broker that joins has no address.',
    killedBy: ['metadata/controller/remote-channel'],
  },
  {
    file: 'src/metadata/controller/broker-commands.ts',
    text: "if (view.sessions.has(brokerId)) facts.push({ type: 'BrokerSession', brokerId, session: null })\n    return SUCCESS",
    replacement: 'return SUCCESS',
    about: 'A broker that is forgotten holds up the controlled shutdown of all others.',
    killedBy: ['metadata/controller/controller'],
  },
  {
    file: 'src/metadata/controller/broker-commands.ts',
    text: '    yield* addInSteps(facts, withoutBroker(view, loss))\n',
    replacement: '',
    about: 'A broker that is forgotten goes on leading what it led.',
    killedBy: ['metadata/controller/controller'],
  },
]
