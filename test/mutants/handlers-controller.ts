import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/handlers/alter-partition.ts',
    text: 'const hasEpochs = context.version >= FIRST_VERSION_WITH_BROKER_EPOCHS',
    replacement: 'const hasEpochs = true',
    about: 'A leader of v2 empties its ISR.',
    killedBy: ['handlers/alter-partition'],
  },
  {
    file: 'src/handlers/envelope.ts',
    text: 'return { ...connection, host, authentication: { principal, isPending: false }, sasl: null }',
    replacement: 'return { ...connection, host, sasl: null }',
    about:
      'What a client forwards through a broker is done in the name of the broker, which may do everything.',
    killedBy: ['handlers/envelope'],
  },
  {
    file: 'src/handlers/envelope.ts',
    text: 'return { ...connection, host, authentication: { principal, isPending: false }, sasl: null }',
    replacement:
      'return { ...connection, authentication: { principal, isPending: false }, sasl: null }',
    about: "ACLs for a client's address are held against the broker's.",
    killedBy: ['handlers/envelope'],
  },
  {
    file: 'src/handlers/envelope.ts',
    text: "if (!services.controller.isController) return refused('NOT_CONTROLLER')",
    replacement: '',
    about: 'A controller that is none refuses what another one would do.',
    killedBy: ['handlers/envelope'],
  },
  {
    file: 'src/handlers/envelope.ts',
    text: "return tells(answer, notHere) ? refused('NOT_CONTROLLER') : { errorCode: 'NONE', responseData }",
    replacement: "return { errorCode: 'NONE', responseData }",
    about: 'A client is told that a broker is no controller, and asks the same one again.',
    killedBy: ['handlers/envelope'],
  },
  {
    file: 'src/handlers/envelope.ts',
    text: "const notHere = isQuorum ? 'NOT_LEADER_OR_FOLLOWER' : 'NOT_CONTROLLER'",
    replacement: "const notHere = 'NOT_CONTROLLER'",
    about: 'The quorum is described by nobody while its leader changes.',
    killedBy: ['handlers/envelope'],
  },
  {
    file: 'src/handlers/produce.ts',
    text: "if (response.errorCode === 'NOT_LEADER_OR_FOLLOWER') this.#isMisled = true",
    replacement: '',
    about: 'A producer has to ask for the leader that the broker knows.',
    killedBy: ['handlers/produce'],
  },
  {
    file: 'src/handlers/fetch.ts',
    text: 'leaders === null ? NO_ENDPOINTS : endpointsOf(leaders, context)',
    replacement: 'NO_ENDPOINTS',
    about: 'A consumer is told who leads, and not where that is.',
    killedBy: ['handlers/fetch'],
  },
  {
    file: 'src/handlers/current-leader.ts',
    text: 'leaders.has(id) ?',
    replacement: '!leaders.has(id) ?',
    about: 'A client is sent to everybody but the leader.',
    killedBy: ['handlers/fetch', 'handlers/produce'],
  },
]
