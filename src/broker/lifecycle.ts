import type { ErrorName } from '../../protocol/errors.ts'
import type { Clock, Logger, Timer } from '../host/host.ts'
import type { ControllerChannel } from '../metadata/controller/channel.ts'
import type { BrokerRegistration, ErrorOutcome } from '../metadata/controller/commands.ts'
import { OfflineDirectories } from './offline-directories.ts'
import { StartError } from '../server/start-error.ts'

/** Where the controller has granted one step of a start, the next one is asked for right after. */
const NEXT_STEP_MS = 10
/** A controlled shutdown that is not done when it is asked for again at once may be soon. */
const SHUTDOWN_AGAIN_MS = 50
const FIRST_RETRY_MS = 100
/** A broker that stops waits no longer for others to lead in its place. */
const SHUTDOWN_LIMIT_MS = 30_000
/**
 * Nor without an answer of any controller: an election is over by then, and where all nodes are told to stop there may be none.
 * Kafka's waits for minutes.
 */
const SHUTDOWN_SILENCE_MS = 5000
/** Asking again would bring the same answer. */
const FINAL_REFUSALS: readonly string[] = [
  'INCONSISTENT_CLUSTER_ID',
  'INVALID_REGISTRATION',
  'UNSUPPORTED_VERSION',
]

/** As Kafka's, it goes on: clients that are connected are served, and nobody is sent to it. */
const UNREGISTERED =
  'This broker was unregistered while it runs: clients are not sent to it any more, and what it led others lead. Restart it to have it registered again, or stop it'

export interface LifecycleSettings {
  /** `broker.heartbeat.interval.ms` */
  readonly heartbeatIntervalMs: number
  /** `broker.session.timeout.ms`: half of it is what an answer may take. */
  readonly sessionTimeoutMs: number
  /** `initial.broker.registration.timeout.ms` */
  readonly registrationTimeoutMs: number
  /** `log.dir.failure.timeout.ms` */
  readonly directoryTimeoutMs: () => number
}

export interface LifecycleOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly channel: ControllerChannel
  readonly settings: LifecycleSettings
  /** Up to where this broker has followed the metadata. */
  readonly metadataOffset: () => number
  /** [KIP-1066] Ids of the directories that are to get no new replicas; null where the cluster doesn't know of such. */
  readonly cordoned: () => readonly string[] | null
  /** Whether the metadata here say that this broker serves: the controller's answer may be faster than its log. */
  readonly isUnfenced: () => boolean
  /** The epoch in which the metadata here have a broker of this id registered; -1: in none. */
  readonly registeredEpoch: () => number
  /** The broker has to stop. */
  readonly fail: (reason: Error) => void
}

/** Kafka's: caught up before `recovery`, unfenced before `running`. */
type State = 'not running' | 'starting' | 'recovery' | 'running' | 'controlled shutdown' | 'closed'

/**
 * A broker's life as the controller knows it, as Kafka's BrokerLifecycleManager has it (KIP-631): it registers, and is fenced
 * then; its heartbeats say that it is alive, how far it has followed the metadata, and when it is ready to serve; before it
 * stops others lead in its place. One request at a time; what fails is tried again, later each time.
 */
export class BrokerLifecycle {
  readonly #options: LifecycleOptions
  readonly #offline: OfflineDirectories
  #state: State = 'not running'
  #brokerId = -1
  #epoch = -1
  #wantsToServe = false
  #failures = 0
  #isAsking = false
  /** When the last heartbeat was sent that the controller has taken; monotonic milliseconds. */
  #heardOfMs = -Infinity
  /** The controller has begun to have others lead. */
  #isHandingOver = false
  /** What is asked for now can't wait for the next turn. */
  #isHurried = false
  #timer: Timer | null = null
  /** A broker that stops has no answer yet. */
  #silence: Timer | null = null
  /** Whoever waits for a state, or for the end. */
  #waiting: (() => void)[] = []

  constructor(options: LifecycleOptions) {
    const { clock, settings, fail } = options
    this.#options = options
    this.#offline = new OfflineDirectories({
      clock,
      timeoutMs: settings.directoryTimeoutMs,
      giveUp: fail,
    })
  }

  /** Of the registration; -1 before. */
  get epoch(): number {
    return this.#epoch
  }

  get state(): State {
    return this.#state
  }

  /** Whether the controller has heard of this broker for as long as a session lasts; else it may have others lead by now. */
  get hasSession(): boolean {
    const { clock, settings } = this.#options
    return clock.monotonic() - this.#heardOfMs < settings.sessionTimeoutMs
  }

  /**
   * Has the controller take note of this broker, which is fenced then, and of all that was before.
   * @throws StartError where it refuses this broker, or can't be reached for too long
   */
  async register(registration: BrokerRegistration): Promise<void> {
    const { clock, channel, settings, log } = this.#options
    this.#brokerId = registration.brokerId
    const deadline = clock.monotonic() + settings.registrationTimeoutMs
    for (;;) {
      const reply = await this.#answered(
        channel.submit({ type: 'registerBroker', ...registration }),
      )
      if (this.#state === 'closed') throw stoppedAtStart()
      if (!(reply instanceof Error) && reply.errorCode === 'NONE') {
        this.#epoch = reply.brokerEpoch
        break
      }
      const reason = reasonOf(reply)
      const isFinal = !(reply instanceof Error) && FINAL_REFUSALS.includes(reply.errorCode)
      if (isFinal || clock.monotonic() >= deadline) {
        throw new StartError(refusal(reply))
      }
      const delayMs = this.#nextRetryMs()
      log.warn({ reason, delayMs }, 'The broker registers again')
      await new Promise<void>((resolve) => void clock.after(delayMs, resolve))
    }
    this.#failures = 0
    this.#state = 'starting'
    this.#beatNow()
  }

  /** Resolves when this broker's metadata has its registration, and all that was before. */
  caughtUp(): Promise<void> {
    return this.#until(() => this.#state === 'recovery')
  }

  /** The broker is ready to serve. Resolves when the controller has it do so, and the metadata here say so, too. */
  async serve(): Promise<void> {
    this.#wantsToServe = true
    this.#beatNow()
    await this.#until(() => this.#state === 'running')
  }

  /**
   * Another controller may be there, which knows nothing of this broker yet: it is told at once. Kafka's broker tells it with its
   * next heartbeat.
   */
  controllerChanged(): void {
    this.#beatNow()
  }

  /** A directory can't be used any more: the controller is told at once. */
  reportOffline(directoryId: string, path: string): void {
    this.#offline.add(directoryId, path)
    this.#beatNow()
  }

  /** Other directories than before are to get no new replicas: the controller is told at once. */
  reportCordoned(): void {
    this.#beatNow()
  }

  /** Has others lead in this broker's place; resolves when that is done, or takes too long. */
  async shutDown(): Promise<void> {
    if (this.#state !== 'running') return
    this.#state = 'controlled shutdown'
    const limit = this.#stopAfter(
      SHUTDOWN_LIMIT_MS,
      'The broker stops, though not all that it leads is led by others yet',
    )
    this.#listen()
    this.#beatNow()
    await this.#until(() => this.#state === 'closed')
    limit.cancel()
  }

  /** Waits anew for an answer of a controller, as long as one may take. */
  #listen(): void {
    this.#silence?.cancel()
    this.#silence = this.#stopAfter(
      SHUTDOWN_SILENCE_MS,
      'The broker stops, though no controller answers that could have others lead in its place',
    )
  }

  #stopAfter(delayMs: number, message: string): Timer {
    const { clock, log } = this.#options
    return clock.after(delayMs, () => {
      log.warn({}, message)
      this.close()
    })
  }

  /** Says nothing more to the controller. */
  close(): void {
    this.#state = 'closed'
    this.#timer?.cancel()
    this.#silence?.cancel()
    this.#offline.close()
    this.#changed()
  }

  /** Rejects where it is closed before. */
  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (condition()) resolve()
        else if (this.#state === 'closed') reject(stoppedAtStart())
        else this.#waiting.push(look)
      }
      look()
    })
  }

  #changed(): void {
    for (const look of this.#waiting.splice(0)) look()
  }

  #beatNow(): void {
    if (this.#isAsking) this.#isHurried = true
    else this.#beatAfter(0)
  }

  #beatAfter(delayMs: number): void {
    if (this.#state === 'not running' || this.#state === 'closed') return
    this.#timer?.cancel()
    this.#timer = null
    if (delayMs === 0) void this.#beat()
    else this.#timer = this.#options.clock.after(delayMs, () => void this.#beat())
  }

  async #beat(): Promise<void> {
    const { clock, channel, metadataOffset, cordoned, log } = this.#options
    const sentMs = clock.monotonic()
    const offlineLogDirs = this.#offline.ids
    this.#isAsking = true
    this.#isHurried = false
    const reply = await this.#answered(
      channel.submit({
        type: 'brokerHeartbeat',
        brokerId: this.#brokerId,
        brokerEpoch: this.#epoch,
        currentMetadataOffset: metadataOffset(),
        wantFence: !this.#wantsToServe,
        wantShutDown: this.#state === 'controlled shutdown',
        offlineLogDirs,
        // Before it has caught up it doesn't know what was set for it.
        cordonedLogDirs: this.#state === 'starting' ? null : cordoned(),
      }),
    )
    this.#isAsking = false
    if (this.#state === 'closed') return
    if (reply instanceof Error || reply.errorCode !== 'NONE') {
      const delayMs = this.#nextRetryMs()
      const reason = reasonOf(reply)
      // The one error says both: that nobody is registered by this id, and that somebody else is.
      const isStale = !(reply instanceof Error) && reply.errorCode === 'STALE_BROKER_EPOCH'
      const epoch = isStale ? this.#options.registeredEpoch() : this.#epoch
      log.warn(
        { reason, delayMs },
        epoch < 0 ? UNREGISTERED : 'The controller did not take a heartbeat of this broker',
      )
      if (epoch > this.#epoch) this.#replaced()
      return this.#beatAfter(delayMs)
    }
    this.#failures = 0
    this.#heardOfMs = sentMs
    this.#offline.told(offlineLogDirs)
    const delayMs = this.#follow(reply)
    this.#changed()
    this.#beatAfter(this.#isHurried ? 0 : delayMs)
  }

  /** @returns how long the next heartbeat may wait */
  #follow(reply: { isCaughtUp: boolean; isFenced: boolean; shouldShutDown: boolean }): number {
    const { heartbeatIntervalMs } = this.#options.settings
    switch (this.#state) {
      case 'starting':
        if (!reply.isCaughtUp) return NEXT_STEP_MS
        this.#state = 'recovery'
        return this.#wantsToServe ? 0 : heartbeatIntervalMs
      case 'recovery':
        if (reply.isFenced) return heartbeatIntervalMs
        // Who asks this broker of the cluster has to find it there, and what it leads.
        if (!this.#options.isUnfenced()) return NEXT_STEP_MS
        this.#state = 'running'
        return heartbeatIntervalMs
      case 'controlled shutdown':
        if (reply.shouldShutDown) this.close()
        else this.#listen()
        if (this.#isHandingOver) return Math.min(SHUTDOWN_AGAIN_MS, heartbeatIntervalMs)
        this.#isHandingOver = true
        return 0
      default:
        return heartbeatIntervalMs
    }
  }

  /** Another process has this broker's id: what this one leads is led by nobody, or by that one. */
  #replaced(): void {
    const message = `Another process has registered as broker ${this.#brokerId}: stop one of them, or give it another node.id`
    this.#options.fail(new Error(message))
  }

  #nextRetryMs(): number {
    const { sessionTimeoutMs } = this.#options.settings
    return Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, sessionTimeoutMs)
  }

  /** What came back, or why nothing did in time: the controller may have been lost with the request. */
  #answered<Reply>(asked: Promise<Reply>): Promise<Reply | Error> {
    const { clock, settings } = this.#options
    const limitMs = settings.sessionTimeoutMs / 2
    return new Promise((resolve) => {
      const limit = clock.after(limitMs, () => resolve(new Error(`No answer in ${limitMs} ms`)))
      const settle = (outcome: Reply | Error): void => {
        limit.cancel()
        resolve(outcome)
      }
      asked.then(settle, (error: unknown) => settle(error as Error))
    })
  }
}

/** Who has stopped it knows why. */
export function stoppedAtStart(): StartError {
  return new StartError('The broker was stopped as it started')
}

/** Where a refusal comes over the wire, it has no text. */
const REFUSALS: Readonly<Partial<Record<ErrorName, string>>> = {
  INCONSISTENT_CLUSTER_ID:
    'its log directories are of another cluster. Correct controller.quorum.bootstrap.servers, or set log.dirs to directories that are formatted for this cluster',
  INVALID_REGISTRATION:
    "a log directory has no id, or another broker's: it was copied. Remove its meta.properties where that broker goes on",
  UNSUPPORTED_VERSION:
    'the cluster has finalized a feature at a level that it does not support. Use a version that does',
  DUPLICATE_BROKER_REGISTRATION:
    'another broker with its id is alive. Stop that one, or give this one another node.id',
}

function refusal(reply: Error | ErrorOutcome): string {
  if (reply instanceof Error) {
    return `No controller has registered this broker within initial.broker.registration.timeout.ms: ${reply.message}. See that one runs where controller.quorum.bootstrap.servers or controller.quorum.voters says`
  }
  const { errorCode, errorMessage } = reply
  return `The controller refused this broker: ${errorMessage ?? REFUSALS[errorCode] ?? errorCode}`
}

function reasonOf(reply: Error | ErrorOutcome): string {
  return reply instanceof Error ? reply.message : (reply.errorMessage ?? reply.errorCode)
}
