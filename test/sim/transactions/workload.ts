import type { ClientParts } from '../clients.ts'
import type { Workload } from '../workload.ts'
import { readLedger, runCommittedReader, runProcessor } from './clients.ts'
import { TransactionHistory } from './history.ts'

/** Of `npm run sim`. */
export function transactionOption(brokers: number): string {
  return brokers === 1 ? ' --transactions' : ` --transactions --brokers ${brokers}`
}

const TRANSACTIONAL_IDS = ['t0', 't1', 't2']

/** Read-process-write loops of several processes, some of which have the same transactional id, and read_committed consumers. */
export function transactionWorkload(): Workload {
  const history = new TransactionHistory()
  return {
    settings: {
      'transaction.state.log.num.partitions': '2',
      'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000',
    },
    clients: [
      ...TRANSACTIONAL_IDS.flatMap((id) => [
        [`${id}a`, (parts: ClientParts) => runProcessor(parts, history, id)] as const,
        [`${id}b`, (parts: ClientParts) => runProcessor(parts, history, id)] as const,
      ]),
      ['r0', (parts) => runCommittedReader(parts, history)],
      ['r1', (parts) => runCommittedReader(parts, history)],
    ],
    get acknowledged() {
      return history.committedCount
    },
    get reads() {
      return history.readCount
    },
    async check(parts) {
      const { committed, stored, offsets } = await readLedger(parts, TRANSACTIONAL_IDS)
      return () => history.check(committed, stored, offsets)
    },
  }
}
