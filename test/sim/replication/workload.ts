import { votersOf, type Layout } from '../topology.ts'
import { runMover, untilMoved } from './moves.ts'
import { VoterChanges } from './voters.ts'
import { plainWorkload, type Workload } from '../workload.ts'

const REPLICAS = 3

/** Of `npm run sim`. */
export const REPLICATION_OPTION = ` --brokers ${REPLICAS}`

const LAYOUTS: readonly Layout[] = [
  { combined: 0, brokers: 3, controllers: 1 },
  { combined: 3, brokers: 0, controllers: 0 },
  { combined: 2, brokers: 1, controllers: 1 },
  { combined: 3, brokers: 2, controllers: 0 },
  { combined: 1, brokers: 2, controllers: 2 },
]

/** Three to five nodes: each seed has its roles. */
export function layoutOf(seed: number): Layout {
  return LAYOUTS[seed % LAYOUTS.length]!
}

/** The clients of one broker, on three and more with three replicas of everything, some of which are moved. */
export function replicatedWorkload(layout: Layout): Workload {
  const plain = plainWorkload()
  const voters = new VoterChanges(votersOf(layout))
  return {
    settings: { 'replica.lag.time.max.ms': '3000' },
    replicas: REPLICAS,
    clients: [
      ...plain.clients,
      ['m', (parts) => runMover(parts, REPLICAS)],
      ['v', (parts) => voters.run(parts)],
    ],
    get acknowledged() {
      return plain.acknowledged
    },
    get reads() {
      return plain.reads
    },
    async check(parts) {
      await voters.untilAll(parts)
      await untilMoved(parts)
      return plain.check(parts)
    },
  }
}
