import { SimulationError } from '../../src/host/sim/scheduler.ts'
import {
  readAll,
  runAdministrator,
  runCommitter,
  runProducer,
  runReader,
  TOPIC,
  type ClientParts,
} from './clients.ts'
import { History } from './history.ts'

/** What the clients of a simulation do, and what must be so at its end. */
export interface Workload {
  /** Of the broker. */
  readonly settings: Readonly<Record<string, string>>
  /** How many of several brokers have each partition; the seed has its way where this doesn't say. */
  readonly replicas?: number
  /** By name, each on a machine of its own; they end when they are told to. */
  readonly clients: readonly (readonly [name: string, run: (parts: ClientParts) => Promise<void>])[]
  /** How much they were told is done: it grows as long as they get on. */
  readonly acknowledged: number
  readonly reads: number
  /**
   * Looks at what there is once all faults and all clients have ended; what it gives says whether that may be so.
   * @throws SimulationError from what it gives
   */
  check(parts: ClientParts): Promise<() => void>
}

/** Producers, readers, committers of offsets and an administrator. */
export function plainWorkload(): Workload {
  const history = new History()
  const clients = {
    p: [runProducer, 3],
    r: [runReader, 2],
    c: [runCommitter, 2],
    a: [runAdministrator, 1],
  } as const
  return {
    settings: {},
    clients: Object.entries(clients).flatMap(([name, [run, count]]) =>
      Array.from(
        { length: count },
        (_, index) => [`${name}${index}`, (parts: ClientParts) => run(parts, history)] as const,
      ),
    ),
    get acknowledged() {
      return history.acknowledgedCount
    },
    get reads() {
      return history.readCount
    },
    async check(parts) {
      const { logs, topics } = await readAll(parts)
      return () => {
        history.checkLogs(logs)
        history.checkTopics(topics)
        if (!topics.has(TOPIC)) throw new SimulationError(`Topic ${TOPIC} was lost`)
      }
    },
  }
}
