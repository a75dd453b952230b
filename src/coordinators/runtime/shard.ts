import type { Codecs } from '../../../protocol/records/codecs.ts'
import type { Host } from '../../host/host.ts'
import { Runtime, ShardError } from '../../machine/runtime.ts'
import type { Partition } from '../../replication/partition/partition.ts'
import { AppendError, CoordinatorError, errorToTell } from './errors.ts'
import type {
  CoordinatorKind,
  MachineOf,
  OperationCommand,
  OperationReply,
  OperationsOf,
  ShardSettings,
} from './kind.ts'
import { loadMachine } from './loading.ts'
import { PartitionLog } from './partition-log.ts'

/** Where and when a shard has decided something. */
export interface ShardPlace {
  /** Of its partition. */
  readonly index: number
  readonly leaderEpoch: number
  /** How often it was loaded in this epoch: what was under way before begins anew with each time. */
  readonly loads: number
}

export interface ShardOptions<
  Operations extends OperationsOf<Operations>,
  Fact,
  Settings extends ShardSettings,
  Effect,
> {
  readonly kind: CoordinatorKind<Operations, Fact, Settings, Effect>
  readonly settings: Settings
  readonly runEffect: (effect: Effect, place: ShardPlace) => void
  readonly host: Pick<Host, 'clock' | 'log'>
  readonly codecs: Codecs
  readonly partition: Partition
}

type ShardRuntime<Operations extends OperationsOf<Operations>, Fact, Settings, Effect> = Runtime<
  OperationCommand<Operations>,
  Fact,
  OperationReply<Operations>,
  Effect,
  Settings
>

/** A coordinator's state in one partition that this broker leads, from election to resignation. */
export class Shard<
  Operations extends OperationsOf<Operations>,
  Fact,
  Settings extends ShardSettings,
  Effect = never,
> {
  readonly leaderEpoch: number
  readonly partition: Partition
  readonly #options: ShardOptions<Operations, Fact, Settings, Effect>
  /** Null while it loads, and when it can't. */
  #runtime: ShardRuntime<Operations, Fact, Settings, Effect> | null = null
  #partitionLog: PartitionLog<Fact> | null = null
  #loads = 0
  #isLoading = false
  #isClosed = false

  constructor(options: ShardOptions<Operations, Fact, Settings, Effect>) {
    this.partition = options.partition
    this.leaderEpoch = options.partition.leaderEpoch
    this.#options = options
    this.#load()
  }

  /**
   * The reply once it is committed.
   * @throws CoordinatorError
   */
  async ask<Type extends keyof Operations>(
    command: OperationCommand<Operations, Type>,
  ): Promise<OperationReply<Operations, Type>> {
    if (!this.#isLeading) throw new CoordinatorError('NOT_COORDINATOR')
    if (this.#isLoading) throw new CoordinatorError('COORDINATOR_LOAD_IN_PROGRESS')
    if (this.#runtime === null) throw new CoordinatorError('NOT_COORDINATOR')
    try {
      return await this.#runtime.submit(command)
    } catch (error) {
      throw new CoordinatorError(this.#isClosed ? 'NOT_COORDINATOR' : errorToTell(error), error)
    }
  }

  /** Of what it decides now. */
  get place(): ShardPlace {
    return { index: this.partition.index, leaderEpoch: this.leaderEpoch, loads: this.#loads }
  }

  /** Leadership has gone elsewhere, or the broker stops. Whoever waits has to look for the new coordinator. */
  close(): void {
    this.#isClosed = true
    this.#isLoading = false
    this.#runtime?.close()
    this.#runtime = null
    this.#partitionLog?.close()
  }

  /** What is in memory here was decided in this epoch, and counts in no other one. */
  get #isLeading(): boolean {
    return !this.#isClosed && this.partition.checkLeader(this.leaderEpoch) === 'NONE'
  }

  #load(): void {
    this.#loads++
    this.#isLoading = true
    this.#runtime = null
    void this.#rebuild().catch((error: unknown) => {
      this.#isLoading = false
      this.#log.error({ err: error }, 'The state of a coordinator could not be loaded')
    })
  }

  get #log(): Host['log'] {
    const { topic, index } = this.partition
    return this.#options.host.log.child({ topic, partition: index })
  }

  async #rebuild(): Promise<void> {
    const { kind, host, codecs, settings } = this.#options
    const machine = kind.machine()
    const loadedTo = await loadMachine(this.partition, {
      clock: host.clock,
      log: this.#log,
      codecs,
      maxBytes: settings.loadBufferBytes,
      machine,
      decode: (record) => kind.decode(record),
      isWanted: () => this.#isLeading,
    })
    this.#isLoading = false
    if (loadedTo === null || this.#isClosed) return
    this.#runtime = this.#start(machine, loadedTo)
    const loaded = { type: 'Loaded' } as OperationCommand<Operations>
    await this.#runtime.submit(loaded).catch((error: unknown) => {
      // A shard that is lost loads again by itself.
      if (!(error instanceof ShardError)) throw error
    })
  }

  #start(
    machine: MachineOf<Operations, Fact, Settings, Effect>,
    nextOffset: number,
  ): ShardRuntime<Operations, Fact, Settings, Effect> {
    const { kind, host, codecs, settings } = this.#options
    const log = new PartitionLog<Fact>({
      partition: this.partition,
      leaderEpoch: this.leaderEpoch,
      nextOffset,
      clock: host.clock,
      codecs,
      encode: (fact) => kind.encode(fact),
      settings,
    })
    this.#partitionLog = log
    const { place } = this
    return new Runtime({
      clock: host.clock,
      machine,
      log,
      settings: () => settings,
      commitTimeoutMs: settings.commitTimeoutMs,
      runEffect: (effect) => this.#options.runEffect(effect, place),
      onRefused: (command, error) => this.#noteRefusal(kind.subject(command), error),
      onLost: (error) => this.#lose(error),
    })
  }

  /** Only a limit is news: leadership that has gone, or too few replicas in sync, is told of elsewhere. */
  #noteRefusal(subject: object, error: Error): void {
    const isLimit = !(error instanceof AppendError) || error.code === 'MESSAGE_TOO_LARGE'
    const message = 'A change of the state of a coordinator was refused by its log'
    this.#log[isLimit ? 'warn' : 'debug']({ err: error, ...subject }, message)
  }

  #lose(error: ShardError): void {
    this.#partitionLog?.close()
    this.#runtime = null
    // Who leads in another epoch has a shard of its own.
    if (!this.#isLeading) return
    this.#log.warn({ err: error }, 'The state of a coordinator is loaded again')
    this.#load()
  }
}
