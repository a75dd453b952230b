import type { Clock } from '../../host/host.ts'
import { Runtime, ShardError } from '../../machine/runtime.ts'
import { NotLeaderError } from '../../quorum/replica-log.ts'
import type { MetadataFact } from '../facts.ts'
import type { MetadataImage } from '../image.ts'
import type { ControllerChannel } from './channel.ts'
import type { ControllerCommand, ReplyTo } from './commands.ts'
import type { Command, Reply } from './controller.ts'
import { Controller } from './controller.ts'
import type { QuorumLog } from './quorum-log.ts'
import type { ControllerFact } from './sessions.ts'
import type { ControllerSettings } from './view.ts'

type ControllerRuntime = Runtime<Command, ControllerFact, Reply, never, ControllerSettings>

/** How long a reply waits for its commit before its client is told that nobody knows. */
const COMMIT_TIMEOUT_MS = 30_000

/** Who hands the office over waits no longer than this for what it has decided. */
const HAND_OVER_LIMIT_MS = 1000
/** A piece of a request is decided at the latest so many turns after the one before was told. */
const TURNS_BETWEEN = 2

/** What the controller begins with. */
export interface TakingOffice {
  /** As they are at each command. */
  readonly settings: () => ControllerSettings
  /** With everything that is committed; nothing else is in the log. */
  readonly image: MetadataImage
  /** The log ends within a metadata transaction. */
  readonly openTransaction: boolean
  readonly log: QuorumLog
  /** The first records of a cluster. */
  readonly bootstrap: () => readonly MetadataFact[]
}

/**
 * The office of the controller, which this node has while it leads the quorum: taken and left any number of times, each time
 * with a controller that is made from the image. What is under way when it is lost fails; it may be committed all the same.
 */
export class ControllerOffice implements ControllerChannel {
  readonly #clock: Clock
  readonly #failed: (error: Error) => void
  #runtime: ControllerRuntime | null = null
  #activated: Promise<unknown> = Promise.resolve()
  #isHandingOver = false

  /** @param failed the controller can't go on, and not because this node leads no longer */
  constructor(clock: Clock, failed: (error: Error) => void) {
    this.#clock = clock
    this.#failed = failed
  }

  /** Not while it is handed over: then only what was asked before is decided. */
  get isHeld(): boolean {
    return this.#runtime !== null && !this.#isHandingOver
  }

  take({ settings, image, openTransaction, log, bootstrap }: TakingOffice): void {
    this.leave()
    const runtime: ControllerRuntime = new Runtime({
      clock: this.#clock,
      machine: new Controller(image, log.nextOffset),
      log,
      settings,
      commitTimeoutMs: COMMIT_TIMEOUT_MS,
      onLost: (error) => this.#lost(runtime, error),
    })
    this.#runtime = runtime
    const first = image.features.size === 0 ? bootstrap() : []
    this.#activated = runtime.submit({ type: 'activate', bootstrap: first, openTransaction })
    this.#activated.catch((error: unknown) => {
      // With the office its loss was told, too.
      if (!(error instanceof ShardError)) this.#failed(error as Error)
    })
  }

  /** Resolves when what the controller does first is committed; rejects where the office was lost before. */
  async whenActive(): Promise<void> {
    await this.#activated
  }

  /**
   * Has all that was asked before answered while this node leads: who isn't told asks the next controller for what is done.
   * Resolves when all is committed and nothing more is decided, or after a while.
   */
  async handOver(): Promise<void> {
    const runtime = this.#runtime
    if (runtime === null) return
    this.#isHandingOver = true
    let isOver = false
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(HAND_OVER_LIMIT_MS, () => ((isOver = true), resolve()))
      void this.#settled(runtime, () => isOver).then(() => (timer.cancel(), resolve()))
    })
  }

  /** A request that asks for much is decided in pieces, a turn of the event loop between them. */
  async #settled(runtime: ControllerRuntime, isOver: () => boolean): Promise<void> {
    let decided: number
    do {
      decided = runtime.nextOffset
      await runtime.settled()
      for (let turn = 0; turn < TURNS_BETWEEN; turn++) await this.#turn()
    } while (runtime.nextOffset !== decided && !isOver())
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#clock.endOfTurn(resolve))
  }

  /** Whoever waits for a reply gets ERR_SHARD_LOST. */
  leave(): void {
    const runtime = this.#runtime
    this.#runtime = null
    runtime?.close()
  }

  /** Appends what was decided in this turn, before the quorum appends what is its own. */
  flush(): void {
    this.#runtime?.flush()
  }

  submit<C extends ControllerCommand>(command: C): Promise<ReplyTo<C>> {
    const runtime = this.#runtime
    if (runtime === null) {
      return Promise.reject(new ShardError('ERR_SHARD_LOST', 'This node is not the controller'))
    }
    return runtime.submit(command) as Promise<ReplyTo<C>>
  }

  #lost(runtime: ControllerRuntime, error: ShardError): void {
    if (this.#runtime !== runtime) return
    this.leave()
    const { cause } = error
    if (cause instanceof NotLeaderError) return
    this.#failed(cause instanceof Error ? cause : error)
  }
}
