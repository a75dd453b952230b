import { parseArgs } from 'node:util'
import type { Schedule } from './faults.ts'
import { SimulationFailure } from './failure.ts'
import type { QuorumSchedule } from './quorum/faults.ts'
import { simulateQuorum } from './quorum/simulation.ts'
import { simulateBroker } from './simulation.ts'
import { transactionWorkload } from './transactions/workload.ts'
import { plainWorkload } from './workload.ts'

/**
 * `npm run sim -- --seed N --runs M [--transactions | --nodes K]`: whole brokers on simulated machines, one after the other, with
 * transactions in place of other clients, or quorums of so many nodes. A seed that fails is printed with its faults and the command that repeats it; `--schedule` runs
 * such faults in place of the seed's own.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    runs: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '1' },
    transactions: { type: 'boolean', default: false },
    schedule: { type: 'string' },
  },
})

const first = Number(values.seed)
const nodes = Number(values.nodes)
const schedule =
  values.schedule === undefined
    ? undefined
    : (JSON.parse(values.schedule) as Schedule & QuorumSchedule)

async function simulate(seed: number): Promise<string> {
  if (nodes > 1) {
    const result = await simulateQuorum(seed, nodes, schedule)
    const { hash, events, acknowledged, epochs, starts } = result
    return `${events} events, ${acknowledged} records acknowledged, ${epochs} leaders, ${starts} starts, trace ${hash}`
  }
  const isTransactional = values.transactions
  const option = isTransactional ? ' --transactions' : ''
  const workload = isTransactional ? transactionWorkload() : plainWorkload()
  const result = await simulateBroker(seed, { schedule, option }, workload)
  const { hash, events, acknowledged, reads, starts } = result
  const what = isTransactional ? 'transactions committed' : 'records acknowledged'
  return `${events} events, ${acknowledged} ${what}, ${reads} read, ${starts} starts, trace ${hash}`
}

let failures = 0
for (let seed = first; seed < first + Number(values.runs); seed++) {
  const startMs = performance.now()
  try {
    const told = await simulate(seed)
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    console.log(`seed ${seed}: ${told}, ${seconds} s`)
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error
    failures++
    console.error(error.report)
  }
}
console.log(`simulation: ${values.runs} runs, ${failures} failed`)
process.exitCode = failures > 0 ? 1 : 0
