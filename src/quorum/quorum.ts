import type { Codecs } from '../../protocol/records/codecs.ts'
import { batchNextOffset, buildBatch } from '../../protocol/records/batch.ts'
import type { Address } from '../host/address.ts'
import type { Host, Timer } from '../host/host.ts'
import type { AppendResult } from '../log/base/results.ts'
import type { Log } from '../log/log.ts'
import type { AppendDone, CommittedBatch } from './committed-reader.ts'
import { CommittedReader } from './committed-reader.ts'
import {
  controlBatch,
  leaderChange,
  NOTHING_KNOWN,
  quorumRecords,
  votersRecord,
  withControlRecords,
} from './control.ts'
import { describeQuorum, type QuorumDescription } from './description.ts'
import { readElection, writeElection } from './election-file.ts'
import { QuorumHistory } from './history.ts'
import { JobQueue, type Job } from './job-queue.ts'
import { packGroups } from './packing.ts'
import { ParkedFetches } from './parked-fetches.ts'
import type { Peers } from './peers.ts'
import { sameLeader, type KnownLeader } from './known-leader.ts'
import { PendingAnswers, type TellAnswer } from './pending-answers.ts'
import { Raft } from './raft.ts'
import { gapIn, logView, NotLeaderError, QuorumLogError, readForFollower } from './replica-log.ts'
import type { Retention } from './retention.ts'
import { Snapshots } from './retention.ts'
import type { LoadedSnapshot } from './snapshot.ts'
import { noting, receiveSnapshot, writeSnapshot } from './snapshot.ts'
import { readPiece } from './snapshot-pieces.ts'
import { changedVoters, DONE, type VoterChange, type VoterOutcome } from './voter-changes.ts'
import { senderOf } from './types.ts'
import type {
  LogPosition,
  RaftOutput,
  RaftRequest,
  RaftTimeouts,
  ReplicaKey,
  SnapshotRequest,
  Voter,
} from './types.ts'

export interface QuorumListener {
  /** The state up to `id.offset` (exclusive), in place of everything before. */
  loadSnapshot(id: LogPosition, snapshot: LoadedSnapshot): void
  /** In order, without gaps, before the `done` of its append. */
  committed(batch: CommittedBatch): void
  /** All that this node knows to be committed was told; said after each step that ends so. */
  caughtUp(): void
  /** This node leads, and what was before its epoch is committed and was told. */
  leading(epoch: number): void
  /** It leads no longer; it may lead again. */
  resigned(): void
  /**
   * This node, which leads, is about to append a change of the voters. Where the listener counts on offsets from `nextOffset`
   * on, it appends what is to have them before this returns.
   */
  beforeVoters(): void
  /** `Quorum.leader` is another one, or where it is has changed. */
  leaderChanged(): void
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

/** What was on disk. */
export interface Found {
  readonly history: QuorumHistory
  readonly snapshot: LogPosition | null
}

const NOT_LEADING: VoterOutcome = {
  errorCode: 'NOT_LEADER_OR_FOLLOWER',
  errorMessage: 'This node does not lead the quorum',
}

/** A batch of this node's own that isn't in its log yet. */
interface Unwritten {
  readonly batch: Buffer
  readonly baseOffset: number
}

/**
 * The driver of the Raft core on a log. It is a queue: what the core asks for in one step (persist, truncate or restore,
 * append, send, commit) is done before the core is told of anything else. Only fsyncs and transfers of snapshots go on
 * beside the queue; that they ended is another entry in it.
 */
export class Quorum {
  readonly #options: QuorumOptions
  readonly #host: Host
  readonly #log: Log
  readonly #raft: Raft
  readonly #queue: JobQueue
  readonly #answers = new PendingAnswers()
  readonly #fetches: ParkedFetches
  readonly #reader: CommittedReader
  /** What this node's snapshot and log say of the quorum. */
  #history: QuorumHistory
  readonly #snapshots: Snapshots
  /** The last one received. */
  #received: LoadedSnapshot | null = null
  #unwritten: Unwritten[] = []
  #nextOffset: number
  #flushing: Promise<void> | null = null
  /** How often the log was cut: what was synced before says nothing of what was written after. */
  #cuts = 0
  /** The one that the listener was told of last. */
  #knownLeader: KnownLeader | null = null
  /** In which this node won and wrote; -1 while it doesn't lead. */
  #wonEpoch = -1
  /** In which it takes what others want appended. */
  #ledEpoch = -1
  /** Waits at the start for what is committed to be delivered. */
  #onLeading: AppendDone | null = null
  #timer: Timer | null = null
  #failure: Error | null = null
  #isClosed = false

  constructor(options: QuorumOptions, log: Log, { history, snapshot }: Found) {
    const { host, codecs } = options
    this.#options = options
    this.#host = host
    this.#log = log
    this.#history = history
    this.#snapshots = new Snapshots(host, options.directory, log, options.retention)
    this.#nextOffset = log.logEndOffset
    const failed = (error: Error): void => this.#fail(error)
    const highWatermark = (): number => this.#raft.highWatermark
    this.#queue = new JobQueue(failed)
    this.#reader = new CommittedReader({
      log,
      codecs,
      from: Math.max(log.logStartOffset, snapshot?.offset ?? 0),
      highWatermark,
      deliver: (batch) => options.listener.committed(batch),
      caughtUp: () => this.#caughtUp(),
      failed,
    })
    this.#fetches = new ParkedFetches(host.clock, {
      highWatermark,
      leads: (epoch) => this.#raft.role.name === 'leader' && this.#raft.epoch === epoch,
      read: (offset) => readForFollower(log, offset),
      reply: (fetch, records) =>
        this.#answers.fetched(fetch, this.#raft.fetchReplyFor(fetch, records)),
      failed,
    })
    this.#raft = new Raft({
      self: options.self,
      voters: history.latest.voters ?? options.initialVoters,
      election: readElection(host, options.directory),
      log: logView(log, this.#snapshots),
      random: host.random,
      timeouts: options.timeouts,
      discovers: options.peers.discovers,
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

  /** Who leads, and where it is as far as that is known; null while nobody is known to, or this node has resigned. */
  get leader(): KnownLeader | null {
    const { leaderId, role } = this.#raft
    if (leaderId < 0 || role.name === 'resigned') return null
    return { id: leaderId, address: this.endpointOf(leaderId) }
  }

  /** Where a node's controller listener is, this one's too; null where nobody has said. */
  endpointOf(id: number): Address | null {
    return this.#options.peers.endpointOf(id, this.#voter(id))
  }

  /** Whether this node leads and has delivered everything before its epoch. */
  get isLeader(): boolean {
    return this.#ledEpoch === this.#raft.epoch && this.#raft.role.name === 'leader'
  }

  /** The finalized kraft.version: 0 static voters, 1 voters in the log (KIP-853). */
  get kraftVersion(): number {
    return this.#history.latest.kraftVersion
  }

  describe(): QuorumDescription {
    const { clock } = this.#host
    return describeQuorum(this.#raft, this.#options.self.id, this.#log.logEndOffset, clock)
  }

  async start(): Promise<void> {
    this.#options.peers.attach({
      replied: (from, reply) => this.#step((nowMs) => this.#raft.receive(from, reply, nowMs)),
      unanswered: (to, request, why) =>
        this.#step((nowMs) => this.#raft.unanswered(to, request, why, nowMs)),
    })
    this.#step((nowMs) => this.#raft.start(nowMs))
    if (this.#failure !== null) throw this.#failure
    if (this.#raft.role.name !== 'leader') return
    await new Promise<void>((resolve, reject) => {
      this.#onLeading = (failure) => (failure === null ? resolve() : reject(failure))
      this.#checkLeading()
    })
  }

  /**
   * Appends opaque values, only while this node leads. What is in one group stays in one batch.
   * @param done null when committed and delivered, else why not
   */
  append(groups: readonly (readonly Buffer[])[], done: AppendDone): void {
    if (!this.isLeader || this.#isClosed || this.#failure !== null) {
      return done(this.#failure ?? new NotLeaderError('This node does not lead the quorum'))
    }
    const timestamp = this.#host.clock.now()
    const parts = packGroups(groups)
    parts.forEach((values, index) => {
      const records = values.map((value) => ({ timestamp, key: null, value }))
      const batch = buildBatch({ records }, this.#options.codecs)
      this.#expect(batch, index === parts.length - 1 ? done : null)
    })
    this.#put(() => this.#writeOwn())
  }

  /**
   * Another node asks.
   * @param answer called once, now or later
   */
  request(request: RaftRequest, answer: TellAnswer): void {
    if (this.#isClosed || this.#failure !== null) return answer(null)
    const { ticket, request: numbered } = this.#answers.add(request, answer)
    this.#put(() => {
      const output = this.#raft.receive(senderOf(request), numbered, this.#now())
      const tell = (): void => this.#answers.stepped(ticket, output)
      const done = this.#do(output)
      return done === undefined ? tell() : done.then(tell)
    })
  }

  /**
   * [KIP-853] Changes who votes, or where a voter is; one change at a time.
   * @returns when it is committed, or, where the change says so, written
   */
  changeVoters(change: VoterChange): Promise<VoterOutcome> {
    return new Promise((resolve) => {
      if (!this.isLeader || this.#isClosed || this.#failure !== null) return resolve(NOT_LEADING)
      this.#queue.put(
        () => this.#changeVoters(change, resolve),
        () => resolve(NOT_LEADING),
      )
    })
  }

  async #changeVoters(change: VoterChange, tell: (outcome: VoterOutcome) => void): Promise<void> {
    if (!this.isLeader) return tell(NOT_LEADING)
    const { codecs, listener, peers } = this.#options
    const { voters } = this.#raft
    const { kraftVersion } = this
    const isChanging = this.#history.latestOffset >= this.highWatermark
    const isCaughtUp = (replica: ReplicaKey): boolean => this.#raft.isCaughtUp(replica, this.#now())
    const changed = changedVoters({ kraftVersion, voters, peers, isChanging, isCaughtUp }, change)
    if ('errorCode' in changed) return tell(changed)
    if (changed === voters) return tell(DONE)
    const batch = controlBatch([votersRecord(changed)], this.#host.clock.now(), codecs)
    listener.beforeVoters()
    const offset = this.#nextOffset
    this.#expect(batch, (failure) => {
      tell(failure === null ? DONE : NOT_LEADING)
      // Whoever has removed itself leads until that is committed.
      if (failure === null && change.kind === 'remove' && change.voter.id === this.#options.self.id)
        this.#step((nowMs) => this.#raft.resign(nowMs))
    })
    await this.#writeOwn()
    this.#history.add([{ offset, facts: { kraftVersion, voters: changed } }])
    this.#step((nowMs) => this.#raft.changeVoters(changed, nowMs))
    if (change.kind === 'add' && !change.ackWhenCommitted) tell(DONE)
  }

  /** Another node wants to read a snapshot of this node, which leads. */
  async readSnapshot({ snapshot, position, maxBytes, ...asking }: SnapshotRequest) {
    const problem = this.#raft.snapshotProblem(asking, this.#now())
    if (problem !== null) return { errorCode: problem }
    const { directory } = this.#options
    return readPiece(this.#host, directory, snapshot, position, maxBytes)
  }

  /** Writes a snapshot of what was delivered up to `id.offset`, and drops what it and its predecessors make spare. */
  async writeSnapshot(id: LogPosition, timestampMs: number, records: Iterable<Buffer>) {
    const { codecs, directory } = this.#options
    const { kraftVersion, voters } = this.#history.before(id.offset)
    const snapshot = { id, timestampMs, kraftVersion, voters, records }
    await writeSnapshot(this.#host, directory, snapshot, codecs)
    if (this.#isClosed) return
    this.#snapshots.clean()
  }

  /** Hands the lead over, finishes what is being written, and fails what isn't committed by then. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    await this.#flushing
    this.#step((nowMs) => this.#raft.resign(nowMs))
    await this.#queue.whenIdle()
    this.#isClosed = true
    this.#queue.stop()
    this.#timer?.cancel()
    this.#fetches.close()
    this.#answers.close()
    this.#reader.stop()
    await this.#reader.whenIdle()
    this.#reader.dropOwn(new QuorumLogError('The quorum was closed'))
  }

  #caughtUp(): void {
    const { committed } = this.#raft
    if (committed >= 0 && this.#reader.deliveredTo >= committed) this.#options.listener.caughtUp()
    this.#checkLeading()
  }

  // Steps.

  #put(job: Job): void {
    if (this.#failure === null && !this.#isClosed) this.#queue.put(job)
  }

  #step(take: (nowMs: number) => RaftOutput): void {
    this.#put(() => this.#do(take(this.#now())))
  }

  #now(): number {
    return this.#host.clock.monotonic()
  }

  /** Does what one step of the core asks for, in its order. */
  #do(output: RaftOutput): void | Promise<void> {
    // What can't be remembered must not be said.
    if (output.persist !== null) {
      const voters = this.kraftVersion === 0 ? this.#raft.voters : null
      writeElection(this.#host, this.#options.directory, output.persist, voters)
    }
    this.#checkLead()
    const { truncateTo, restore, beginEpoch, append } = output
    if (truncateTo === null && restore === null && beginEpoch === null && append === null) {
      return this.#tell(output)
    }
    return this.#changeLog(output).then(() => this.#tell(output))
  }

  async #changeLog({ truncateTo, restore, beginEpoch, append }: RaftOutput): Promise<void> {
    if (truncateTo !== null) await this.#truncate(truncateTo)
    if (restore !== null) await this.#restore(restore)
    if (beginEpoch !== null) await this.#beginEpoch(beginEpoch)
    if (append !== null) await this.#appendFetched(append)
  }

  /** Tells others, and the listener, what holds now. */
  #tell({ send, commit, reads, fetchSnapshot, contradiction }: RaftOutput): void {
    if (contradiction !== null) this.#distrust(contradiction.from, contradiction.error)
    for (const { to, message } of send) this.#options.peers.send(to, this.#voter(to), message)
    if (fetchSnapshot !== null) this.#transfer(fetchSnapshot)
    if (commit !== null) this.#log.setHighWatermark(commit)
    for (const fetch of reads) this.#fetches.answer(fetch)
    if (commit !== null) this.#fetches.wake()
    this.#checkLeader()
    this.#reader.advance()
    this.#armTimer()
  }

  #checkLeader(): void {
    const { leader } = this
    if (sameLeader(leader, this.#knownLeader)) return
    this.#knownLeader = leader
    this.#options.listener.leaderChanged()
  }

  #voter(id: number): Voter | null {
    return this.#raft.voters.find((voter) => voter.id === id) ?? null
  }

  /** What another node sent can't be: whatever else its connection brings is not taken. */
  #distrust(from: number, error: Error): void {
    this.#host.log.error({ err: error, from }, 'A node of the quorum is not believed')
    this.#options.peers.disconnect(from)
  }

  #armTimer(): void {
    this.#timer?.cancel()
    this.#timer = null
    const at = this.#raft.nextTick()
    if (at === Infinity || this.#isClosed || this.#failure !== null) return
    const delayMs = Math.max(0, at - this.#now())
    this.#timer = this.#host.clock.after(delayMs, () =>
      this.#step((nowMs) => this.#raft.tick(nowMs)),
    )
  }

  // Leading.

  /** As Apache Kafka, the first leader of a dynamic quorum repeats the voters, which only the first checkpoint had. */
  async #beginEpoch({ epoch, grantedBy }: NonNullable<RaftOutput['beginEpoch']>): Promise<void> {
    const { voters } = this.#raft
    const first = leaderChange(this.#options.self.id, voters, grantedBy)
    const records =
      this.#log.logEndOffset === 0 ? [first, ...quorumRecords(this.kraftVersion, voters)] : [first]
    this.#wonEpoch = epoch
    this.#nextOffset = this.#log.logEndOffset
    this.#expect(controlBatch(records, this.#host.clock.now(), this.#options.codecs), null)
    await this.#writeOwn()
  }

  /** A batch gets its offsets; it is written in its turn. */
  #expect(batch: Buffer, done: AppendDone | null): void {
    const baseOffset = this.#nextOffset
    const nextOffset = batchNextOffset(batch, 0) + baseOffset
    this.#nextOffset = nextOffset
    this.#unwritten.push({ batch, baseOffset })
    this.#reader.expect({ batch, baseOffset, nextOffset, done })
  }

  async #writeOwn(): Promise<void> {
    const unwritten = this.#unwritten
    if (unwritten.length === 0) return
    this.#unwritten = []
    const { epoch } = this.#raft
    const results = await Promise.all(
      unwritten.map(
        ({ batch }) =>
          new Promise<AppendResult>((resolve) => this.#log.append(batch, epoch, 'raft', resolve)),
      ),
    )
    results.forEach(({ errorCode, errorMessage, baseOffset }, index) => {
      const expected = unwritten[index]!.baseOffset
      if (errorCode === 'NONE' && baseOffset === expected) return
      const what = errorMessage ?? `at ${baseOffset}, not ${expected}`
      throw new QuorumLogError(`Append failed: ${errorCode}, ${what}`)
    })
    this.#written()
  }

  /** The lead is lost: what isn't committed may never be, and what isn't written never is. */
  #checkLead(): void {
    const { role, epoch } = this.#raft
    if (this.#wonEpoch < 0 || (role.name === 'leader' && epoch === this.#wonEpoch)) return
    const wasLeading = this.#ledEpoch >= 0
    this.#wonEpoch = this.#ledEpoch = -1
    this.#unwritten = []
    this.#nextOffset = this.#log.logEndOffset
    this.#reader.dropOwn(new NotLeaderError('This node leads the quorum no longer'))
    this.#fetches.release()
    if (wasLeading) this.#options.listener.resigned()
  }

  /** A leader may only write when it has seen everything before its epoch. */
  #checkLeading(): void {
    const role = this.#raft.role
    if (this.#failure !== null) return this.#startDone(this.#failure)
    if (role.name !== 'leader' || this.#ledEpoch === this.#raft.epoch) return
    const { deliveredTo } = this.#reader
    if (deliveredTo <= role.epochStart || deliveredTo < this.#nextOffset) return
    this.#ledEpoch = this.#raft.epoch
    this.#options.listener.leading(this.#ledEpoch)
    this.#startDone(null)
  }

  // Following.

  async #appendFetched({ from, records }: NonNullable<RaftOutput['append']>): Promise<void> {
    let news: ReturnType<QuorumHistory['read']>
    let fault: string | null
    try {
      fault = gapIn(records, this.#log.logEndOffset)
      news = this.#history.read(records, this.#options.codecs)
    } catch (cause) {
      return this.#refuse(from, new QuorumLogError('Its records are damaged', { cause }))
    }
    if (fault !== null) return this.#refuse(from, new QuorumLogError(`Its records: ${fault}`))
    const result = await new Promise<AppendResult>((resolve) =>
      this.#log.appendAsFollower(records, resolve),
    )
    const { errorCode, errorMessage } = result
    if (errorCode === 'KAFKA_STORAGE_ERROR') {
      throw new QuorumLogError(`Append failed: ${errorCode}, ${errorMessage}`)
    }
    if (errorCode !== 'NONE') return this.#refuse(from, new QuorumLogError(String(errorMessage)))
    this.#history.add(news)
    this.#takeVoters()
    this.#nextOffset = this.#log.logEndOffset
    this.#written()
  }

  #refuse(from: number, error: Error): void {
    this.#distrust(from, error)
    this.#step((nowMs) => this.#raft.refused(nowMs))
  }

  /** Voters that stood only in what is dropped are forgotten with it. */
  async #truncate(offset: number): Promise<void> {
    this.#cuts++
    await this.#log.truncateTo(offset)
    this.#raft.truncated()
    this.#history.truncateTo(this.#log.logEndOffset)
    this.#takeVoters()
    this.#nextOffset = this.#log.logEndOffset
    await this.#log.flush()
    const end = this.#log.logEndOffset
    this.#step((nowMs) => this.#raft.flushed(end, nowMs))
  }

  #takeVoters(): void {
    this.#raft.setVoters(this.#history.latest.voters ?? this.#options.initialVoters)
  }

  /** Fetches what is missing here and only in a snapshot of the leader's, beside everything else. */
  #transfer({ from, snapshot: id }: NonNullable<RaftOutput['fetchSnapshot']>): void {
    const { codecs, directory, peers } = this.#options
    const pieces = peers.fetchSnapshot(from, this.#voter(from), id, this.#raft.epoch)
    const noted = noting(pieces, () => this.#step((nowMs) => this.#raft.receiving(id, nowMs)))
    receiveSnapshot(this.#host, directory, id, noted, codecs).then(
      (received) => {
        this.#put(() => {
          this.#received = received
          return this.#do(this.#raft.received(id, this.#now()))
        })
      },
      (error: Error) => {
        this.#host.log.warn({ err: error, from, ...id }, 'No snapshot came; it is asked for again')
        this.#step((nowMs) => this.#raft.missed(id, nowMs))
      },
    )
  }

  /** A snapshot that was received takes the place of the whole log. */
  async #restore(id: LogPosition): Promise<void> {
    const snapshot = this.#received!
    this.#received = null
    await this.#reader.whenIdle()
    this.#cuts++
    await this.#log.truncateFullyAndStartAt(id.offset)
    this.#snapshots.beginWith(id)
    const facts = withControlRecords(NOTHING_KNOWN, snapshot.control)
    this.#history = new QuorumHistory(facts, id.offset)
    this.#takeVoters()
    this.#nextOffset = id.offset
    this.#reader.continueAt(id.offset)
    this.#options.listener.loadSnapshot(id, snapshot)
    this.#step((nowMs) => this.#raft.restored(id, nowMs))
  }

  // The log.

  #written(): void {
    this.#fetches.wake()
    this.#flush()
  }

  /** One sync at a time; what is appended during one waits for the next. */
  #flush(): void {
    if (this.#flushing !== null || this.#failure !== null) return
    const upTo = this.#log.logEndOffset
    const cuts = this.#cuts
    this.#flushing = this.#log.flush().then(
      () => {
        this.#flushing = null
        if (cuts === this.#cuts) this.#step((nowMs) => this.#raft.flushed(upTo, nowMs))
        if (cuts !== this.#cuts || this.#log.logEndOffset > upTo) this.#flush()
      },
      (error: Error) => {
        this.#flushing = null
        this.#fail(error)
      },
    )
  }

  #fail(error: Error): void {
    if (this.#failure !== null || this.#isClosed) return
    this.#failure = error
    this.#queue.stop()
    this.#timer?.cancel()
    this.#reader.stop()
    this.#reader.dropOwn(error)
    this.#answers.close()
    this.#options.listener.failed(error)
    this.#startDone(error)
  }

  #startDone(failure: Error | null): void {
    const onLeading = this.#onLeading
    this.#onLeading = null
    onLeading?.(failure)
  }
}
