import type { Mutant } from './mutant.ts'

/** What a log holds transactions and their markers against. */
export const mutants: readonly Mutant[] = [
  {
    file: 'src/log/producers/producer-state.ts',
    text: 'if (fault !== null) return { fault }\n    }\n    if (known !== undefined) {',
    replacement: '}\n    if (known !== undefined) {',
    about:
      'Records of a transaction that is over, or that nobody knows, are left open in the log for ever.',
    killedBy: ['log/producers/transactions'],
  },
  {
    file: 'src/log/producers/producer-state.ts',
    text: 'this.#verifications.end(producerId)\n    let entry',
    replacement: 'let entry',
    about: 'A verification of one transaction counts for the next one.',
    killedBy: ['log/producers/transactions'],
  },
  {
    file: 'src/log/producers/producer-state.ts',
    text: 'this.#verifications.removeExpired(nowMs, expirationMs)',
    replacement: '',
    about: 'Verifications that nobody has answered take memory for ever.',
    killedBy: ['log/producers/transactions'],
  },
  {
    file: 'src/log/producers/verifications.ts',
    text: 'return sequence > verification.lowestSequence',
    replacement: 'return false',
    about:
      'A batch overtakes the one before it while that is verified, which then is out of order for ever.',
    killedBy: ['log/producers/transactions'],
  },
  {
    file: 'src/log/producers/verifications.ts',
    text: 'if (verification.bumpsEpoch && !isKnownProducer && sequence !== 0) return true',
    replacement: '',
    about: 'A transaction begins with its second batch.',
    killedBy: ['log/producers/transactions'],
  },
  {
    file: 'src/log/producers/transaction-rules.ts',
    text: 'if (coordinatorEpoch >= known.coordinatorEpoch) return null',
    replacement: 'if (coordinatorEpoch >= 0) return null',
    about: 'A coordinator that has lost its partition ends transactions of its successor.',
    killedBy: ['log/producers/transactions'],
  },
  {
    file: 'src/log/producers/transaction-rules.ts',
    text: 'transactionVersion >= 2 && epoch === known.epoch && known.isInTransaction',
    replacement: 'transactionVersion >= 3',
    about: 'A marker that comes late ends the next transaction.',
    killedBy: ['log/producers/transactions'],
  },
  {
    file: 'src/log/producers/transaction-rules.ts',
    text: 'known.isInTransaction && known.epoch === epoch',
    replacement: 'known.isInTransaction',
    about: 'Records of another epoch join an open transaction that nobody has verified for them.',
    killedBy: ['log/producers/transactions'],
  },
  {
    file: 'src/log/producers/transaction-rules.ts',
    text: 'const fenced = known === undefined ? null : epochFault(known, epoch)',
    replacement: 'const fenced = null as ProducerFault | null',
    about: 'A producer that was fenced by its own epoch bump fails for good.',
    killedBy: ['log/producers/transactions'],
  },
  {
    file: 'src/log/state/state.ts',
    text: 'return Math.max(unstable, this.logStartOffset)',
    replacement: 'return unstable',
    about: 'read_committed consumers are sent to an offset that retention has taken.',
    killedBy: ['log/producers/transactions'],
  },
]
