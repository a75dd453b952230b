import type { Codecs } from '../../protocol/records/codecs.ts'
import {
  batchAttributes,
  batchBaseOffset,
  batchLeaderEpoch,
  batchMaxTimestamp,
  batchNextOffset,
  batchSizeBytes,
  buildBatch,
  isControl,
  readBatches,
  readRecords,
} from '../../protocol/records/batch.ts'
import type { Host, Timer } from '../host/host.ts'
import type { Log } from '../log/log.ts'
import type { QuorumFacts } from './control.ts'
import {
  controlBatch,
  leaderChange,
  quorumRecords,
  readControlRecords,
  withControlRecords,
} from './control.ts'
import { describeQuorum, type QuorumDescription } from './description.ts'
import { readElection, writeElection } from './election-file.ts'
import { packGroups } from './packing.ts'
import { ParkedFetches } from './parked-fetches.ts'
import type { Peers } from './peers.ts'
import { Raft } from './raft.ts'
import { logView, QuorumLogError, readFrom, scanForControlRecords } from './replica-log.ts'
import type { Retention } from './retention.ts'
import { cleanSnapshots } from './retention.ts'
import type { LoadedSnapshot } from './snapshot.ts'
import {
  listSnapshots,
  readSnapshot,
  receiveSnapshot,
  removeUnfinishedSnapshots,
  snapshotPath,
  writeSnapshot,
} from './snapshot.ts'
import type { LogPosition, RaftOutput, RaftTimeouts, ReplicaKey, Voter } from './types.ts'

/** A batch that a majority has. */
export interface CommittedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly epoch: number
  /** When the leader appended it, ms since 1970. */
  readonly timestampMs: number
  readonly sizeBytes: number
  /** The values as they were appended; none in a control batch. */
  readonly records: readonly Buffer[]
}

export interface QuorumListener {
  /** The state up to `id.offset` (exclusive), in place of everything before. */
  loadSnapshot(id: LogPosition, snapshot: LoadedSnapshot): void
  /** In order, without gaps, before the `done` of its append. */
  committed(batch: CommittedBatch): void
  /** This node leads, and what was before its epoch is committed and was told. */
  leading(epoch: number): void
  /** It leads no longer. */
  resigned(): void
  /** The log failed: nothing is appended or told any more. */
  failed(error: Error): void
}

export interface QuorumOptions {
  readonly host: Host
  readonly codecs: Codecs
  /** `__cluster_metadata-0`: snapshots and quorum-state are here, beside the log. */
  readonly directory: string
  /** Opens and recovers the log in that directory. */
  readonly openLog: () => Log
  readonly self: ReplicaKey
  /** The voters where neither log nor snapshot names any: those of a static quorum (kraft.version 0). */
  readonly initialVoters: readonly Voter[]
  readonly peers: Peers
  readonly timeouts: RaftTimeouts
  readonly retention: Retention
  readonly listener: QuorumListener
}

type AppendDone = (failure: Error | null) => void

/** An append that isn't committed yet. */
interface Pending {
  readonly batch: Buffer
  readonly baseOffset: number
  readonly nextOffset: number
  readonly done: AppendDone | null
}

/** What was on disk. */
interface Found {
  readonly snapshotFacts: QuorumFacts
  readonly facts: QuorumFacts
  readonly snapshot: LogPosition | null
}

/** Opens the node's replica of the metadata log. When this resolves a sole voter leads and its log is told. */
export async function openQuorum(options: QuorumOptions): Promise<Quorum> {
  const { host, codecs, directory } = options
  const log = options.openLog()
  removeUnfinishedSnapshots(host, directory)
  let snapshotFacts: QuorumFacts = { kraftVersion: 0, voters: null }
  const latest = listSnapshots(host, directory).at(-1)
  if (latest !== undefined) {
    const snapshot = readSnapshot(host, snapshotPath(directory, latest), codecs)
    snapshotFacts = withControlRecords(snapshotFacts, snapshot.control)
    // A snapshot that was fetched, and a crash before the log was cut.
    if (latest.offset > log.logEndOffset) await log.truncateFullyAndStartAt(latest.offset)
    options.listener.loadSnapshot(latest, snapshot)
  }
  const facts = await scanForControlRecords(log, snapshotFacts, codecs)
  const quorum = new Quorum(options, log, { snapshotFacts, facts, snapshot: latest ?? null })
  await quorum.start()
  return quorum
}

/** The driver of the Raft core on a log: persists before it sends, syncs before it commits. */
export class Quorum {
  readonly #options: QuorumOptions
  readonly #host: Host
  readonly #log: Log
  readonly #raft: Raft
  readonly #fetches: ParkedFetches
  /** What the snapshot alone says of the quorum. */
  #snapshotFacts: QuorumFacts
  #facts: QuorumFacts
  #snapshot: LogPosition | null
  /** Appended as leader and not told yet, in order. */
  #pending: Pending[] = []
  #nextOffset: number
  #appendedTo: number
  #flushing: Promise<void> | null = null
  /** Everything below was told. */
  #toldTo: number
  #telling: Promise<void> | null = null
  #ledEpoch = -1
  /** Waits at the start for what is committed to be told. */
  #onLeading: AppendDone | null = null
  #timer: Timer | null = null
  #failure: Error | null = null
  #closed = false

  constructor(options: QuorumOptions, log: Log, { snapshotFacts, facts, snapshot }: Found) {
    this.#options = options
    this.#host = options.host
    this.#log = log
    this.#snapshotFacts = snapshotFacts
    this.#facts = facts
    this.#snapshot = snapshot
    this.#nextOffset = this.#appendedTo = log.logEndOffset
    this.#toldTo = Math.max(log.logStartOffset, snapshot?.offset ?? 0)
    this.#fetches = new ParkedFetches(options.host.clock, {
      highWatermark: () => this.#raft.highWatermark,
      read: (offset) => readFrom(log, offset),
      reply: (to, records) => this.#send(to, this.#raft.fetchReplyFor(records)),
      failed: (error) => this.#fail(error),
    })
    this.#raft = new Raft({
      self: options.self,
      voters: facts.voters ?? options.initialVoters,
      election: readElection(options.host, options.directory),
      log: logView(log, () =>
        this.#snapshot !== null && this.#snapshot.offset > 0 ? this.#snapshot : null,
      ),
      random: options.host.random,
      timeouts: options.timeouts,
    })
  }

  /** The offset of the next record, those under way counted. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  get highWatermark(): number {
    return this.#raft.highWatermark
  }

  get epoch(): number {
    return this.#raft.epoch
  }

  /** -1: unknown. */
  get leaderId(): number {
    return this.#raft.leaderId
  }

  /** Whether this node leads and has told everything before its epoch. */
  get isLeader(): boolean {
    return this.#ledEpoch === this.#raft.epoch && this.#raft.role.name === 'leader'
  }

  async start(): Promise<void> {
    this.#options.peers.attach((from, message) => {
      if (!this.#closed) this.#do(this.#raft.receive(from, message, this.#now()))
    })
    this.#do(this.#raft.start(this.#now()))
    if (this.#failure !== null) throw this.#failure
    if (this.#raft.role.name !== 'leader') return
    await new Promise<void>((resolve, reject) => {
      this.#onLeading = (failure) => (failure === null ? resolve() : reject(failure))
      this.#checkLeading()
    })
  }

  /**
   * Appends opaque values, only while this node leads. What is in one group stays in one batch.
   * @param done null when committed and told, else why not
   */
  append(groups: readonly (readonly Buffer[])[], done: AppendDone): void {
    if (!this.isLeader || this.#closed || this.#failure !== null) {
      return done(this.#failure ?? new QuorumLogError('This node does not lead the quorum'))
    }
    const timestamp = this.#host.clock.now()
    const parts = packGroups(groups)
    parts.forEach((values, index) => {
      const records = values.map((value) => ({ timestamp, key: null, value }))
      const batch = buildBatch({ records }, this.#options.codecs)
      this.#append(batch, index === parts.length - 1 ? done : null)
    })
  }

  /** Writes a snapshot of what was told up to `id.offset`, and drops what it and its predecessors make spare. */
  async writeSnapshot(id: LogPosition, timestampMs: number, records: Iterable<Buffer>) {
    const { codecs, directory } = this.#options
    const kraftVersion = this.#facts.kraftVersion
    const voters = this.#raft.voters
    const snapshot = { id, timestampMs, kraftVersion, voters, records }
    await writeSnapshot(this.#host, directory, snapshot, codecs)
    if (this.#closed) return
    this.#snapshot = id
    cleanSnapshots(this.#host, directory, this.#log, this.#options.retention)
  }

  /** The finalized kraft.version: 0 static voters, 1 voters in the log (KIP-853). */
  get kraftVersion(): number {
    return this.#facts.kraftVersion
  }

  describe(): QuorumDescription {
    const { clock } = this.#host
    return describeQuorum(this.#raft, this.#options.self.id, this.#log.logEndOffset, clock)
  }

  /** Hands the lead over, finishes what is being written, and fails what isn't committed by then. */
  async close(): Promise<void> {
    if (this.#closed) return
    if (this.#failure === null) {
      await this.#flushing
      await this.#telling
      this.#do(this.#raft.resign(this.#now()))
    }
    this.#closed = true
    this.#timer?.cancel()
    this.#fetches.close()
    this.#dropPending(new QuorumLogError('The quorum was closed'))
  }

  #now(): number {
    return this.#host.clock.monotonic()
  }

  /** Does what the core asks for, in its order. */
  #do(output: RaftOutput): void {
    if (this.#failure !== null) return
    const { directory } = this.#options
    try {
      if (output.persist !== null) writeElection(this.#host, directory, output.persist)
    } catch (error) {
      // What can't be remembered must not be said.
      return this.#fail(error as Error)
    }
    if (output.truncateTo !== null) this.#truncate(output.truncateTo)
    if (output.beginEpoch !== null) this.#beginEpoch(output.beginEpoch)
    if (output.append !== null) this.#appendAsFollower(output.append)
    if (output.fetchSnapshot !== null) this.#restore(output.fetchSnapshot)
    for (const { to, message } of output.send) this.#send(to, message)
    if (output.commit !== null) this.#log.setHighWatermark(output.commit)
    for (const fetch of output.reads) this.#fetches.answer(fetch)
    if (output.commit !== null) this.#fetches.wake()
    this.#checkLead()
    this.#tell()
    this.#armTimer()
  }

  #send(to: number, message: Parameters<Peers['send']>[2]): void {
    this.#options.peers.send(to, this.#voter(to), message)
  }

  #voter(id: number): Voter | null {
    return this.#raft.voters.find((voter) => voter.id === id) ?? null
  }

  #checkLead(): void {
    if (this.#ledEpoch < 0 || this.isLeader) return
    this.#ledEpoch = -1
    this.#dropPending(new QuorumLogError('This node leads the quorum no longer'))
    this.#options.listener.resigned()
  }

  /** What is missing here is only in a snapshot of the leader's: it takes the place of the whole log. */
  #restore({ from, snapshot: id }: NonNullable<RaftOutput['fetchSnapshot']>): void {
    const { codecs, directory, peers, listener } = this.#options
    const restore = async (): Promise<void> => {
      const voter = this.#voter(from)
      await receiveSnapshot(this.#host, directory, id, peers.fetchSnapshot(from, voter, id))
      const snapshot = readSnapshot(this.#host, snapshotPath(directory, id), codecs)
      await this.#telling
      await this.#log.truncateFullyAndStartAt(id.offset)
      this.#snapshot = id
      this.#snapshotFacts = withControlRecords({ kraftVersion: 0, voters: null }, snapshot.control)
      this.#learnVoters(this.#snapshotFacts)
      this.#nextOffset = this.#appendedTo = this.#toldTo = id.offset
      listener.loadSnapshot(id, snapshot)
      this.#do(this.#raft.restored(id.offset, this.#now()))
    }
    restore().catch((error: Error) => this.#fail(error))
  }

  #armTimer(): void {
    this.#timer?.cancel()
    this.#timer = null
    const at = this.#raft.nextTick()
    if (at === Infinity || this.#closed) return
    const delayMs = Math.max(0, at - this.#now())
    this.#timer = this.#host.clock.after(delayMs, () => this.#do(this.#raft.tick(this.#now())))
  }

  /** As Apache Kafka, the first leader of a dynamic quorum repeats the voters, which only the first checkpoint had. */
  #beginEpoch({ grantedBy }: { grantedBy: readonly number[] }): void {
    const { voters } = this.#raft
    const first = leaderChange(this.#options.self.id, voters, grantedBy)
    const records =
      this.#log.logEndOffset === 0
        ? [first, ...quorumRecords(this.#facts.kraftVersion, voters)]
        : [first]
    const batch = controlBatch(records, this.#host.clock.now(), this.#options.codecs)
    this.#append(batch, null)
  }

  #append(batch: Buffer, done: AppendDone | null): void {
    const baseOffset = this.#nextOffset
    const nextOffset = batchNextOffset(batch, 0) + baseOffset
    this.#nextOffset = nextOffset
    this.#pending.push({ batch, baseOffset, nextOffset, done })
    this.#log.append(batch, this.#raft.epoch, 'raft', (result) => {
      if (result.errorCode !== 'NONE' || result.baseOffset !== baseOffset) {
        const what = result.errorMessage ?? `at ${result.baseOffset}, not ${baseOffset}`
        return this.#fail(new QuorumLogError(`Append failed: ${result.errorCode}, ${what}`))
      }
      this.#appendedTo = nextOffset
      this.#fetches.wake()
      this.#flush()
    })
  }

  #appendAsFollower(records: Buffer): void {
    for (const batch of readBatches(records)) {
      if (!isControl(batchAttributes(batch, 0))) continue
      const control = readControlRecords(batch, this.#options.codecs)
      this.#learnVoters(withControlRecords(this.#facts, control))
    }
    this.#log.appendAsFollower(records, (result) => {
      if (result.errorCode !== 'NONE') {
        return this.#fail(new QuorumLogError(`Append failed: ${result.errorCode}`))
      }
      this.#nextOffset = this.#appendedTo = this.#log.logEndOffset
      this.#flush()
    })
  }

  #learnVoters(facts: QuorumFacts): void {
    this.#facts = facts
    if (facts.voters !== null) this.#raft.setVoters(facts.voters)
  }

  /** Voters that stood only in what is dropped are forgotten with it. */
  #truncate(offset: number): void {
    const cut = async (): Promise<void> => {
      await this.#log.truncateTo(offset)
      const facts = await scanForControlRecords(
        this.#log,
        this.#snapshotFacts,
        this.#options.codecs,
      )
      this.#learnVoters(facts)
      this.#nextOffset = this.#appendedTo = this.#log.logEndOffset
      await this.#log.flush()
      this.#do(this.#raft.flushed(this.#appendedTo, this.#now()))
    }
    cut().catch((error: Error) => this.#fail(error))
  }

  /** One sync at a time; what is appended during one waits for the next. */
  #flush(): void {
    if (this.#flushing !== null || this.#failure !== null) return
    const upTo = this.#appendedTo
    this.#flushing = this.#log.flush().then(
      () => {
        this.#flushing = null
        this.#do(this.#raft.flushed(upTo, this.#now()))
        if (this.#appendedTo > upTo) this.#flush()
      },
      (error: Error) => {
        this.#flushing = null
        this.#fail(error)
      },
    )
  }

  /** Tells the listener of what is committed: from memory what this leader appended itself, else from the log. */
  #tell(): void {
    while (this.#telling === null && this.#toldTo < this.#raft.highWatermark) {
      if (this.#failure !== null) return
      const own = this.#pending[0]
      if (own === undefined || own.baseOffset > this.#toldTo) {
        this.#telling = this.#tellFromLog().then(
          () => {
            this.#telling = null
            this.#tell()
          },
          (error: Error) => {
            this.#telling = null
            this.#fail(error)
          },
        )
        return
      }
      if (own.nextOffset > this.#raft.highWatermark) return
      try {
        this.#tellBatch(own.batch)
      } catch (error) {
        return this.#fail(error as Error)
      }
      this.#pending.shift()
      own.done?.(null)
    }
    if (this.#telling === null) this.#checkLeading()
  }

  async #tellFromLog(): Promise<void> {
    const own = this.#pending[0]
    const end = own?.baseOffset ?? Infinity
    const bytes = await readFrom(this.#log, this.#toldTo)
    if (bytes === null) return
    for (const batch of readBatches(bytes)) {
      const next = batchNextOffset(batch, 0)
      if (next <= this.#toldTo) continue
      if (next > Math.min(end, this.#raft.highWatermark)) return
      this.#tellBatch(batch)
    }
  }

  #tellBatch(batch: Buffer): void {
    const control = isControl(batchAttributes(batch, 0))
    const records: Buffer[] = []
    if (!control) {
      for (const { value } of readRecords(batch, this.#options.codecs)) {
        if (value !== null) records.push(value)
      }
    }
    const nextOffset = batchNextOffset(batch, 0)
    this.#toldTo = nextOffset
    this.#options.listener.committed({
      baseOffset: batchBaseOffset(batch, 0),
      lastOffset: nextOffset - 1,
      epoch: batchLeaderEpoch(batch, 0),
      timestampMs: Number(batchMaxTimestamp(batch, 0)),
      sizeBytes: batchSizeBytes(batch, 0),
      records,
    })
  }

  /** A leader may only write when it has seen everything before its epoch. */
  #checkLeading(): void {
    const role = this.#raft.role
    if (this.#failure !== null) return this.#startDone(this.#failure)
    if (role.name !== 'leader' || this.#ledEpoch === this.#raft.epoch) return
    if (this.#toldTo <= role.epochStart || this.#toldTo < this.#nextOffset) return
    this.#ledEpoch = this.#raft.epoch
    this.#options.listener.leading(this.#ledEpoch)
    this.#startDone(null)
  }

  #dropPending(error: Error): void {
    const pending = this.#pending
    this.#pending = []
    for (const { done } of pending) done?.(error)
  }

  #fail(error: Error): void {
    if (this.#failure !== null || this.#closed) return
    this.#failure = error
    this.#timer?.cancel()
    this.#dropPending(error)
    this.#options.listener.failed(error)
    this.#startDone(error)
  }

  #startDone(failure: Error | null): void {
    const onLeading = this.#onLeading
    this.#onLeading = null
    onLeading?.(failure)
  }
}
