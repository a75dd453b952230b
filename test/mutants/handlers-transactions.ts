import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/handlers/describe-transactions.ts',
    text: "if (!context.may('DESCRIBE', 'TOPIC', topic)) continue",
    replacement: '',
    about: 'The names of topics are told to who may not know them.',
    killedBy: ['handlers/describe-transactions'],
  },
  {
    file: 'src/handlers/list-transactions.ts',
    text: "if (!context.may('DESCRIBE', 'TRANSACTIONAL_ID', transactionalId)) return null",
    replacement: '',
    about: 'Transactional ids are told to who may not know them.',
    killedBy: ['handlers/list-transactions'],
  },
  {
    file: 'src/handlers/find-coordinator.ts',
    text: 'transactions.partitionOf(key)',
    replacement: '0',
    about: 'Transactional producers find no coordinator.',
    killedBy: ['handlers/find-coordinator'],
  },
]
