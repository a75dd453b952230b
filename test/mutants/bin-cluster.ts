import type { Mutant } from './mutant.ts'

/** Of clusters on one machine: what is remembered of them, and the processes of their nodes. */
export const mutants: readonly Mutant[] = [
  {
    file: 'src/local-cluster.ts',
    text: '    for (const node of found.nodes) checkWhole(host, directory, node)\n',
    replacement: '',
    about:
      'A node whose disk was lost votes with an empty log, and what was committed may be gone.',
    killedBy: ['system/local-cluster'],
  },
  {
    file: 'src/local-cluster.ts',
    text: 'write(host, path, { ...found, isFormed: true })',
    replacement: 'void write',
    about: 'A directory that has lost a node is begun anew at each start.',
    killedBy: ['system/local-cluster'],
  },
  {
    file: 'src/local-cluster.ts',
    text: 'const voters = brokers < VOTERS ? 1 : VOTERS',
    replacement: 'const voters = 1',
    about: 'A cluster of three has one controller, and goes with it.',
    killedBy: ['system/local-cluster'],
  },
  {
    file: 'bin/cluster/supervisor.ts',
    text: 'if (signal.aborted) return',
    replacement: 'if (signal.aborted === undefined) return',
    about: 'A node that is stopped is started again.',
    killedBy: ['system/local-cluster'],
  },
  {
    file: 'bin/cluster/supervisor.ts',
    text: 'if (this.#running.size === 0) this.#fail(noneRuns())',
    replacement: 'if (this.#running.size < 0) this.#fail(noneRuns())',
    about: 'A cluster of which nothing is left looks as if it ran.',
    killedBy: ['system/local-cluster'],
  },
  {
    file: 'bin/cluster/pid-file.ts',
    text: 'return command !== null && words.every((word) => command.includes(word))',
    replacement: 'return command !== null',
    about: "A process that has a dead node's number is stopped in its place.",
    killedBy: ['system/local-cluster'],
  },
  {
    file: 'bin/commands/start.ts',
    text: 'void stopAsked.then(() => stop.abort())',
    replacement: 'void stopAsked',
    about: 'A node that waits for the other controllers can only be killed.',
    killedBy: ['system/local-cluster'],
  },
]
