import type { Mutant } from './mutant.ts'

const PLAN = ['bin/reassign-plan']
const FILE = ['bin/plan-file']

export const mutants: readonly Mutant[] = [
  {
    file: 'bin/reassign-plan.ts',
    text: 'const kept = replicas.filter((id) => loads.has(id)).slice(0, factor)',
    replacement: 'const kept: number[] = []',
    about: 'A plan copies everything, though most could stay where it is.',
    killedBy: PLAN,
  },
  {
    file: 'bin/reassign-plan.ts',
    text: 'this.nearness(id, replicas) < this.nearness(best, replicas) ? id : best',
    replacement: 'best',
    about: 'A plan puts all replicas of a partition into one rack.',
    killedBy: PLAN,
  },
  {
    file: 'bin/reassign-plan.ts',
    text: '(inRack ? 2 : 0) + (onMachine ? 1 : 0)',
    replacement: '(inRack ? 2 : 0)',
    about: 'A plan puts all replicas of a partition on one machine.',
    killedBy: PLAN,
  },
  {
    file: 'bin/reassign-plan.ts',
    text: '(inRack ? 2 : 0) + (onMachine ? 1 : 0)',
    replacement: 'inRack || onMachine ? 1 : 0',
    about: 'A plan for brokers behind one proxy knows nothing of their racks.',
    killedBy: PLAN,
  },
  {
    file: 'bin/reassign-plan.ts',
    text: 'other.host.toLowerCase() === host.toLowerCase()',
    replacement: 'other.host === host',
    about: 'A machine whose name is written in two ways counts as two.',
    killedBy: PLAN,
  },
  {
    file: 'bin/reassign-plan.ts',
    text: '  even(drafts, loads)\n',
    replacement: '',
    about: 'A new broker stays empty.',
    killedBy: PLAN,
  },
  {
    file: 'bin/reassign-plan.ts',
    text: 'return loads.nearness(to, others) <= loads.nearness(from, others)',
    replacement: 'return true',
    about: 'To have brokers even, a plan gives up that a rack may fail.',
    killedBy: PLAN,
  },
  {
    file: 'bin/reassign-plan.ts',
    text: '  lead(drafts, brokers)\n',
    replacement: '',
    about: 'A new broker gets replicas, and leads nothing.',
    killedBy: PLAN,
  },
  {
    file: 'bin/plan-file.ts',
    text: "if (plan.version !== 1) refuse('is not of version 1')\n",
    replacement: '',
    about: 'A plan of a form that nobody knows is carried out.',
    killedBy: FILE,
  },
  {
    file: 'bin/partition-choice.ts',
    text: 'if (choices.length === 0) return true',
    replacement: 'if (choices.length === 0) return false',
    about: 'Who names nothing sees nothing of what is on its way.',
    killedBy: FILE,
  },
  {
    file: 'bin/commands/elect.ts',
    text: 'if (named.length === 0 && options.all !== true) {',
    replacement: 'if (options.all === null) {',
    about: 'A word too few loses records of all partitions without a leader.',
    killedBy: ['bin/reassign'],
  },
  {
    file: 'bin/client/throttles.ts',
    text: '!isWhole(values) && ',
    replacement: '',
    about:
      'The throttle that an operator has set for a whole topic is taken away by a look at what moves.',
    killedBy: ['bin/reassign.test'],
  },
  {
    file: 'bin/commands/reassign.ts',
    text: 'if ((await movesUnderWay(admin)).length > 0) return false',
    replacement: '',
    about: 'A look at what is on its way takes its throttle away.',
    killedBy: ['bin/reassign.test'],
  },
]
