import { setTimeout as delay } from 'node:timers/promises'
import { CommandError } from '../errors.ts'
import { NodeProcess, type Ended, type NodeProcessOptions } from './node-process.ts'

export interface SupervisorOptions {
  readonly nodes: readonly NodeProcessOptions[]
  /** A node that ends is left so. */
  readonly restarts: boolean
  /** A line for whoever looks on. */
  readonly tell: (line: string) => void
  /** The process ids of the nodes that run, by the nodes' ids, whenever they change. */
  readonly changed: (pids: Readonly<Record<string, number>>) => void
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** Who has lived this long is started again at once. */
const LONG_LIFE_MS = 30_000
const HAND_OVER_LIMIT_MS = 30_000
const STOP_LIMIT_MS = 60_000

/** Runs the processes of a cluster's nodes. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #running = new Map<number, NodeProcess>()
  readonly #stopping = new AbortController()
  #fail: (error: Error) => void = () => undefined
  /** Rejects when nothing runs any more though nobody has asked for it. */
  readonly failed: Promise<never>

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.failed = new Promise((_, reject) => (this.#fail = reject))
    this.failed.catch(() => undefined)
  }

  /**
   * Starts all nodes; from then on one that ends is started again.
   * @returns where clients find them, in the order of the nodes
   * @throws CommandError when one ends before it serves; then the others still run
   */
  async start(): Promise<string[]> {
    const started = this.#options.nodes.map((node) => ({ node, process: this.#launch(node) }))
    const addresses = await Promise.all(
      started.map(async ({ node, process }) => {
        const address = await process.ready
        if (address === null) throw notStarted(node, await process.ended)
        return address
      }),
    )
    for (const { node, process } of started) void this.#watch(node, process)
    return addresses
  }

  /** Stops all nodes in order: none leaves the quorum before each has handed over, for which more than half must be there. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const serving = [...this.#running].filter(([, { isReady }]) => isReady)
    const handingOver = serving.map(([, process]) => process.handOver())
    await Promise.race([Promise.all(handingOver), delay(HAND_OVER_LIMIT_MS, '', { ref: false })])
    await Promise.all([...this.#running.keys()].map((id) => this.#stopOne(id)))
  }

  /** Ends all at once. */
  kill(): void {
    this.#stopping.abort()
    for (const process of this.#running.values()) process.signal('SIGKILL')
  }

  async #stopOne(id: number): Promise<void> {
    const process = this.#running.get(id)
    if (process === undefined) return
    process.signal('SIGTERM')
    const isLate = new AbortController()
    const limit = delay(STOP_LIMIT_MS, 'late', { signal: isLate.signal, ref: false }).catch(
      () => '',
    )
    if ((await Promise.race([process.ended, limit])) === 'late') {
      this.#options.tell(
        `node ${id} has not stopped within ${STOP_LIMIT_MS / 1000} s, and is killed`,
      )
      process.signal('SIGKILL')
    }
    isLate.abort()
    await process.ended
  }

  #launch(node: NodeProcessOptions): NodeProcess {
    const process = new NodeProcess(node)
    this.#running.set(node.id, process)
    this.#tellPids()
    void process.ended.then(() => {
      this.#running.delete(node.id)
      this.#tellPids()
    })
    return process
  }

  #tellPids(): void {
    const pids = [...this.#running].flatMap(([id, { pid }]) => (pid === null ? [] : [[id, pid]]))
    this.#options.changed(Object.fromEntries(pids) as Record<string, number>)
  }

  /** Starts a node again whenever it ends, after pauses that grow while its lives are short. */
  async #watch(node: NodeProcessOptions, first: NodeProcess): Promise<void> {
    const { restarts, tell } = this.#options
    const { signal } = this.#stopping
    let pauseMs = FIRST_PAUSE_MS
    for (let process = first; ; process = this.#launch(node)) {
      const { how, lastWords } = await process.ended
      if (signal.aborted) return
      if (!restarts) {
        tell(`node ${node.id} has ended (${how})\n${lastWords}`)
        if (this.#running.size === 0) this.#fail(noneRuns())
        return
      }
      const livedMs = performance.now() - process.startedAtMs
      if (livedMs >= LONG_LIFE_MS) pauseMs = FIRST_PAUSE_MS
      tell(`node ${node.id} has ended (${how}), and starts again in ${pauseMs / 1000} s`)
      try {
        await delay(pauseMs, undefined, { signal })
      } catch {
        // It is to be stopped.
        return
      }
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    }
  }
}

function notStarted({ id, logFile }: NodeProcessOptions, { how, lastWords }: Ended): CommandError {
  return new CommandError(
    'NODE_NOT_STARTED',
    `Node ${id} has not started (${how}):\n${lastWords}`,
    `${logFile} has all that it said.`,
  )
}

function noneRuns(): CommandError {
  return new CommandError('NO_NODE_RUNS', 'No node of the cluster runs any more')
}
