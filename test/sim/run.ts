import { parseArgs } from 'node:util'
import type { Schedule } from './faults.ts'
import { SimulationFailure } from './failure.ts'
import type { QuorumSchedule } from './quorum/faults.ts'
import { simulateQuorum } from './quorum/simulation.ts'
import { layoutOf, REPLICATION_OPTION, replicatedWorkload } from './replication/workload.ts'
import { simulateBroker } from './simulation.ts'
import { plainLayout } from './topology.ts'
import { transactionOption, transactionWorkload } from './transactions/workload.ts'
import { plainWorkload } from './workload.ts'

/**
 * `npm run sim -- --seed N --runs M [[--transactions] [--brokers 3] [--short] | --nodes K [--controllers]]`: whole brokers on simulated machines,
 * one after the other, or three with three replicas (with transactions where the seed is odd), with transactions in place of other
 * clients, or quorums of so many voters, whole controllers or drivers alone. A seed that fails is printed with its faults and the command that repeats it; `--schedule` runs
 * such faults in place of the seed's own, and `--until` ends at the first seed whose failure has these words.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    runs: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '1' },
    controllers: { type: 'boolean', default: false },
    transactions: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    brokers: { type: 'string', default: '1' },
    schedule: { type: 'string' },
    until: { type: 'string' },
  },
})

const first = Number(values.seed)
const nodes = Number(values.nodes)
const brokers = Number(values.brokers)
const schedule =
  values.schedule === undefined
    ? undefined
    : (JSON.parse(values.schedule) as Schedule & QuorumSchedule)

async function simulate(seed: number): Promise<string> {
  if (nodes > 1) {
    const kind = values.controllers ? 'controllers' : 'drivers'
    const result = await simulateQuorum(seed, schedule ?? { nodes: kind, voters: nodes })
    const { hash, events, acknowledged, epochs, starts, voterSets } = result
    return `${events} events, ${acknowledged} records acknowledged, ${epochs} leaders, ${starts} starts, ${voterSets} sets of voters, trace ${hash}`
  }
  const isTransactional = values.transactions
  const others = brokers > 1 ? REPLICATION_OPTION : ''
  const option = isTransactional ? transactionOption(brokers) : others
  const isReplicated = !isTransactional && brokers > 1
  const byDefault = isReplicated ? layoutOf(seed) : plainLayout(brokers)
  const { layout = byDefault } = schedule ?? {}
  const plain = isReplicated ? replicatedWorkload(layout) : plainWorkload()
  const workload = isTransactional ? transactionWorkload() : plain
  const result = await simulateBroker(
    seed,
    { schedule, option, layout, isShort: values.short },
    workload,
  )
  const { hash, events, acknowledged, reads, starts } = result
  const what = isTransactional ? 'transactions committed' : 'records acknowledged'
  return `${events} events, ${acknowledged} ${what}, ${reads} read, ${starts} starts, trace ${hash}`
}

let runs = 0
let failures = 0
for (let seed = first; seed < first + Number(values.runs); seed++) {
  const startMs = performance.now()
  runs++
  try {
    const told = await simulate(seed)
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    console.log(`seed ${seed}: ${told}, ${seconds} s`)
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error
    failures++
    console.error(error.report)
    if (values.until !== undefined && error.report.includes(values.until)) break
  }
}
console.log(`simulation: ${runs} runs, ${failures} failed`)
process.exitCode = failures > 0 ? 1 : 0
