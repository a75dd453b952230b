import type { ErrorName } from '../../../protocol/errors.ts'
import type { Codecs } from '../../../protocol/records/codecs.ts'
import type { Host } from '../../host/host.ts'
import { Runtime, ShardError } from '../../machine/runtime.ts'
import type { Partition } from '../../replication/partition/partition.ts'
import { AppendError, PartitionLog } from './partition-log.ts'
import { parseAlarm } from '../group/alarms.ts'
import type { GroupAlarm } from '../group/alarms.ts'
import type {
  CommandOf,
  GroupCommand,
  GroupOperation,
  GroupReply,
  ReplyTo,
} from '../group/commands.ts'
import type { GroupSettings } from '../group/commands.ts'
import type { DurableFact, GroupFact } from '../group/facts.ts'
import { GroupMachine } from '../group/machine.ts'
import { encodeFact } from '../group/records.ts'
import { GroupReplay } from '../group/replay.ts'

/** What the shards act on, besides what their machines do. */
export interface ShardSettings extends GroupSettings {
  /** offsets.commit.timeout.ms */
  readonly commitTimeoutMs: number
  /** offsets.topic.compression.codec */
  readonly compression: number
  /** offsets.load.buffer.size */
  readonly loadBufferBytes: number
}

export interface ShardOptions {
  readonly host: Pick<Host, 'clock' | 'log'>
  readonly codecs: Codecs
  readonly partition: Partition
  readonly settings: ShardSettings
}

/** A request that the coordinator can't serve, with the error to tell. */
export class CoordinatorError extends Error {
  override readonly name = 'CoordinatorError'
  readonly code: ErrorName

  constructor(code: ErrorName, cause?: unknown) {
    super(code, { cause })
    this.code = code
  }
}

type GroupRuntime = Runtime<GroupCommand, GroupFact, GroupReply, never, GroupSettings>

/** The groups of one partition that this broker leads, from election to resignation. */
export class GroupShard {
  readonly leaderEpoch: number
  readonly partition: Partition
  readonly #options: ShardOptions
  /** Null while it loads, and when it can't. */
  #runtime: GroupRuntime | null = null
  #isLoading = false
  #isClosed = false

  constructor(options: ShardOptions) {
    this.partition = options.partition
    this.leaderEpoch = options.partition.leaderEpoch
    this.#options = options
    this.#load()
  }

  /**
   * The reply once it is committed.
   * @throws CoordinatorError
   */
  async ask<Type extends GroupOperation>(command: CommandOf<Type>): Promise<ReplyTo<Type>> {
    if (this.#isLoading) throw new CoordinatorError('COORDINATOR_LOAD_IN_PROGRESS')
    if (this.#runtime === null) throw new CoordinatorError('NOT_COORDINATOR')
    try {
      return (await this.#runtime.submit(command)) as ReplyTo<Type>
    } catch (error) {
      throw new CoordinatorError(errorToTell(error, this.#isClosed), error)
    }
  }

  /** Leadership has gone elsewhere, or the broker stops. Whoever waits has to look for the new coordinator. */
  close(): void {
    this.#isClosed = true
    this.#isLoading = false
    this.#runtime?.close()
    this.#runtime = null
  }

  #load(): void {
    this.#isLoading = true
    this.#runtime = null
    void this.#rebuild().catch((error: unknown) => {
      this.#isLoading = false
      const { index } = this.partition
      const { log } = this.#options.host
      log.error({ err: error, partition: index }, 'The groups of a partition could not be loaded')
    })
  }

  async #rebuild(): Promise<void> {
    const { host, codecs, partition, settings } = this.#options
    const { clock } = host
    const machine = new GroupMachine()
    const log = host.log.child({ topic: partition.topic, partition: partition.index })
    const isComplete = await new GroupReplay(machine, log).run(
      partition,
      { clock, codecs, maxBytes: settings.loadBufferBytes },
      () => !this.#isClosed,
    )
    if (this.#isClosed) return
    this.#isLoading = false
    if (!isComplete) return
    this.#runtime = this.#start(machine)
    await this.#runtime.submit({ type: 'Loaded' }).catch((error: unknown) => {
      // A shard that is lost loads again by itself.
      if (!(error instanceof ShardError)) throw error
    })
  }

  #start(machine: GroupMachine): GroupRuntime {
    const { host, codecs, partition, settings } = this.#options
    const log = new PartitionLog<GroupFact>({
      partition,
      clock: host.clock,
      codecs,
      // The runtime appends durable facts only.
      encode: (fact) => encodeFact(fact as DurableFact),
      settings: () => ({ timeoutMs: settings.commitTimeoutMs, compression: settings.compression }),
    })
    return new Runtime({
      clock: host.clock,
      machine,
      log,
      settings: () => settings,
      commitTimeoutMs: settings.commitTimeoutMs,
      onRefused: (command, error) => {
        const { topic, index } = partition
        const about = 'alarm' in command ? parseAlarm(command.alarm) : command
        host.log.warn(
          { err: error, topic, partition: index, groupId: groupOf(about) },
          'A change of a group is larger than a batch of its partition may be, and was refused',
        )
      },
      onLost: (error) => {
        host.log.warn({ err: error, partition: partition.index }, 'Groups are loaded again')
        this.#load()
      },
    })
  }
}

/** Null where it is about more groups than one. */
function groupOf(about: GroupCommand | GroupAlarm): string | null {
  if ('request' in about) return about.request.groupId
  return 'groupId' in about ? about.groupId : null
}

/** Clients look for the coordinator again after the errors that say so, and just ask again after others. */
function errorToTell(error: unknown, isClosed: boolean): ErrorName {
  if (isClosed) return 'NOT_COORDINATOR'
  if (error instanceof ShardError) {
    if (error.code === 'ERR_COMMIT_TIMEOUT') return 'COORDINATOR_NOT_AVAILABLE'
    return error.cause instanceof AppendError ? errorToTell(error.cause, false) : 'NOT_COORDINATOR'
  }
  if (!(error instanceof AppendError)) throw error
  switch (error.code) {
    case 'UNKNOWN_TOPIC_OR_PARTITION':
    case 'NOT_ENOUGH_REPLICAS':
    case 'REQUEST_TIMED_OUT':
      return 'COORDINATOR_NOT_AVAILABLE'
    case 'NOT_LEADER_OR_FOLLOWER':
    case 'KAFKA_STORAGE_ERROR':
      return 'NOT_COORDINATOR'
    default:
      return 'UNKNOWN_SERVER_ERROR'
  }
}
