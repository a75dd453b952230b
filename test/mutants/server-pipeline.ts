import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/server/pipeline.ts',
    text: 'handler.maxCostBytes)',
    replacement: 'Number.MAX_SAFE_INTEGER)',
    about: 'One request of small elements fills the heap, and ends the process.',
    killedBy: ['server/pipeline'],
  },
  {
    file: 'src/server/request-context.ts',
    text: 'if (this.costBytes <= MAX_ANSWER_COST_BYTES) return',
    replacement: 'if (this.costBytes < MAX_ANSWER_COST_BYTES) return',
    about: 'An answer that costs just what one may is refused.',
    killedBy: ['server/pipeline'],
  },
  {
    file: 'src/server/request-context.ts',
    text: 'this.costBytes += costBytes\n',
    replacement: 'this.costBytes = costBytes\n',
    about: 'What a handler spends in steps is not added up, and an answer grows without limit.',
    killedBy: ['server/pipeline'],
  },
  {
    file: 'src/server/reply.ts',
    text: 'if (outcome !== this) this.sent()',
    replacement: '',
    about: 'A large answer that is given up keeps the memory that its records are in.',
    killedBy: ['server/pipeline'],
  },
  {
    file: 'src/server/reply.ts',
    text: 'writer.setInt32(0, writer.size - 4)',
    replacement: 'writer.setInt32(0, writer.size)',
    about: 'A large answer says a wrong length, and the client waits for four bytes more.',
    killedBy: ['server/pipeline'],
  },
  {
    file: 'src/server/reply.ts',
    text: 'writer.turnEnd = writer.size + TURN_BYTES',
    replacement: 'writer.turnEnd = TURN_BYTES',
    about: 'After its first turn a large answer is encoded an element a turn.',
    killedBy: ['server/pipeline'],
  },
  {
    file: 'src/server/reply.ts',
    text: 'writer.size > MAX_ANSWER_BYTES',
    replacement: 'writer.size > 10 * MAX_ANSWER_BYTES',
    about: 'An answer may take all memory.',
    killedBy: ['server/pipeline'],
  },
  {
    file: 'src/server/outcome.ts',
    text: 'if (cause instanceof CostError) return',
    replacement: 'if (cause === null) return',
    about: 'A client that asks for too much fills the log with errors that look like bugs.',
    killedBy: ['server/pipeline'],
  },
  {
    file: 'src/server/pipeline.ts',
    text: 'connection.authentication.isPending && !handler.beforeAuthentication',
    replacement: 'connection.authentication.isPending && handler.beforeAuthentication',
    about: 'Who has yet to say who it is may do everything.',
    killedBy: ['server/pipeline'],
  },
  {
    file: 'src/server/request-context.ts',
    text: 'this.principal = connection.authentication.principal',
    replacement: "this.principal = { type: 'User', name: 'ANONYMOUS' }",
    about: 'Who has proved who it is stays anonymous.',
    killedBy: ['server/pipeline'],
  },
]
