import { buildBatch } from '../../protocol/records/batch.ts'
import type { ControlRecordToWrite } from '../../protocol/state/control-records.ts'
import type { Address } from '../host/address.ts'
import type { Host, Timer } from '../host/host.ts'
import type { AppendResult } from '../log/base/results.ts'
import type { Log } from '../log/log.ts'
import { CommittedReader, type AppendDone } from './committed-reader.ts'
import {
  controlBatch,
  leaderChange,
  NOTHING_KNOWN,
  quorumRecords,
  withControlRecords,
  type QuorumFacts,
} from './control.ts'
import { describeQuorum, type QuorumDescription } from './description.ts'
import { readElection, writeElection } from './election-file.ts'
import { QuorumHistory } from './history.ts'
import { isOfNewcomer } from './newcomer.ts'
import { JobQueue, type Job } from './job-queue.ts'
import { LogSync } from './log-sync.ts'
import { OwnBatches } from './own-batches.ts'
import { packGroups } from './packing.ts'
import { ParkedFetches } from './parked-fetches.ts'
import type { Found, QuorumOptions } from './options.ts'
import { sameLeader, type KnownLeader } from './known-leader.ts'
import { NOT_BELIEVED } from './peers.ts'
import { PendingAnswers, type TellAnswer } from './pending-answers.ts'
import { Raft } from './raft.ts'
import { gapIn, logView, NotLeaderError, QuorumLogError, readForFollower } from './replica-log.ts'
import { Snapshots } from './retention.ts'
import type { LoadedSnapshot } from './snapshot.ts'
import { noting, receiveSnapshot, writeSnapshot } from './snapshot.ts'
import { readPiece } from './snapshot-pieces.ts'
import { Reconfiguration, type VotersView } from './reconfiguration.ts'
import type { VoterChange, VoterOutcome } from './voter-changes.ts'
import type { Asker } from './unsent.ts'
import { senderOf } from './types.ts'
import type { LogPosition, RaftOutput, RaftRequest, SnapshotRequest, Voter } from './types.ts'

const NEWCOMER =
  'This voter has an empty disk, and does not know whether it has voted before: until all other voters have answered and nobody has records, or it has all that the leader has, it has no vote. Where the disks of more than half of the voters are lost for good, format theirs with ottla storage format'

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
  readonly #own: OwnBatches
  readonly #sync: LogSync
  /** The one that the listener was told of last. */
  #knownLeader: KnownLeader | null = null
  /** In which this node won and wrote; -1 while it doesn't lead. */
  #wonEpoch = -1
  /** In which it takes what others want appended. */
  #ledEpoch = -1
  /** Waits at the start for what is committed to be delivered. */
  #onLeading: AppendDone | null = null
  readonly #reconfiguration: Reconfiguration
  #timer: Timer | null = null
  #failure: Error | null = null
  #isNewcomer = false
  #isClosed = false

  constructor(options: QuorumOptions, log: Log, { history, snapshot }: Found) {
    const { host, codecs } = options
    this.#options = options
    this.#host = host
    this.#log = log
    this.#history = history
    this.#snapshots = new Snapshots(host, options.directory, log, options.retention)
    const failed = (error: Error): void => this.#fail(error)
    const highWatermark = (): number => this.#raft.highWatermark
    this.#queue = new JobQueue(failed)
    this.#reader = new CommittedReader({
      clock: host.clock,
      log,
      codecs,
      from: Math.max(log.logStartOffset, snapshot?.offset ?? 0),
      highWatermark,
      deliver: (batch) => options.listener.committed(batch),
      caughtUp: () => this.#caughtUp(),
      failed,
    })
    this.#own = new OwnBatches(log, (batch) => this.#reader.expect(batch))
    const flushed = (upTo: number): void => this.#step((nowMs) => this.#raft.flushed(upTo, nowMs))
    this.#sync = new LogSync(log, flushed, failed)
    this.#fetches = new ParkedFetches(host.clock, {
      highWatermark,
      logEnd: () => log.logEndOffset,
      leads: (epoch) => this.#raft.role.name === 'leader' && this.#raft.epoch === epoch,
      read: (offset) => readForFollower(log, offset),
      askerOf: (fetch) => this.#answers.askerOf(fetch),
      reply: (fetch, records) =>
        this.#answers.fetched(fetch, this.#raft.fetchReplyFor(fetch, records)),
      failed,
    })
    const election = readElection(host, options.directory)
    this.#raft = new Raft({
      self: options.self,
      voters: history.latest.voters ?? options.initialVoters,
      votersChange: history.latestChange,
      election,
      remembersNothing: election === null && options.isFormatted !== true,
      log: logView(log, this.#snapshots),
      random: host.random,
      timeouts: options.timeouts,
      discovers: options.peers.discovers,
    })
    this.#reconfiguration = new Reconfiguration(
      {
        view: () => this.#view(),
        isCaughtUp: (key) => this.#raft.isCaughtUp(key, this.#now()),
        inTurn: (run, dropped) => this.#inTurnOfLeader(run, dropped),
        append: (facts, records, done) => this.#appendVoters(facts, records, done),
      },
      options.peers,
    )
  }

  /** The offset of the next record, those under way counted. */
  get nextOffset(): number {
    return this.#own.nextOffset
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

  /**
   * Who leads, and where it is as far as that is known; null while nobody is known to, this node has resigned, or it asks for
   * votes: its leader has left, or is missed.
   */
  get leader(): KnownLeader | null {
    const { leaderId, role } = this.#raft
    if (leaderId < 0 || role.name === 'resigned' || role.name === 'prospective') return null
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

  /** Who votes, as far as this node knows. */
  get voters(): readonly Voter[] {
    return this.#raft.voters
  }

  describe(): QuorumDescription {
    const { clock } = this.#host
    return describeQuorum(this.#raft, this.#options.self.id, this.#log.logEndOffset, clock)
  }

  /**
   * Whether this node is a voter without a vote yet: it doesn't remember how it has voted, and asks the others about that. Each
   * question has the leader forget what it was told of this node's disk.
   */
  get isNewcomer(): boolean {
    return this.#raft.isNewcomer
  }

  async start(): Promise<void> {
    this.#options.peers.attach({
      replied: (from, reply) => this.#step((nowMs) => this.#raft.receive(from, reply, nowMs)),
      unanswered: (to, request) => this.#step((nowMs) => this.#raft.unanswered(to, request, nowMs)),
      gone: (leaderId) => this.#step((nowMs) => this.#raft.gone(leaderId, nowMs)),
    })
    this.#isNewcomer = this.#raft.isNewcomer
    if (this.#isNewcomer) this.#host.log.info({ id: this.#options.self.id }, NEWCOMER)
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
      this.#own.add(batch, index === parts.length - 1 ? done : null)
    })
    this.#put(() => this.#writeOwn())
  }

  /**
   * Another node asks.
   * @param answer called once, now or later
   * @param asker holds what was read for it until it has it; null: as long as `answer` takes
   */
  request(request: RaftRequest, answer: TellAnswer, asker: Asker | null = null): void {
    if (this.#isClosed || this.#failure !== null) return answer(null)
    if (isOfNewcomer(request)) this.#reconfiguration.forget(request.candidate.id)
    const { ticket, request: numbered } = this.#answers.add(request, answer, asker)
    this.#put(() => {
      const output = this.#raft.receive(senderOf(request), numbered, this.#now())
      const tell = (): void => this.#answers.stepped(ticket, output)
      const done = this.#do(output)
      return done === undefined ? tell() : done.then(tell)
    })
  }

  /**
   * [KIP-853] Changes who votes, or where a voter is; one change at a time.
   * @returns when it is committed, or, where the change says so, written; or what is against it
   */
  changeVoters(change: VoterChange): Promise<VoterOutcome> {
    return this.#reconfiguration.change(change)
  }

  /**
   * [KIP-853] Raises kraft.version: from 1 on the log names the voters, with their disks, as each has told the leader.
   * @returns when it is committed, or what is against it
   */
  raiseKraftVersion(level: number, validateOnly: boolean): Promise<VoterOutcome> {
    return this.#reconfiguration.raise(level, validateOnly)
  }

  #view(): VotersView {
    const { isLeader, epoch, kraftVersion, voters } = this
    const isChanging = this.#history.latestOffset >= this.#raft.highWatermark
    return { isLeader, epoch, kraftVersion, voters, isChanging }
  }

  /** Does what only a leader can, when its turn has come. */
  #inTurnOfLeader(run: () => Promise<void>, dropped: () => void): void {
    if (!this.isLeader || this.#isClosed || this.#failure !== null) return dropped()
    this.#queue.put(() => (this.isLeader ? run() : dropped()), dropped)
  }

  /** Voters hold from where they are written on. */
  async #appendVoters(
    facts: QuorumFacts & { readonly voters: readonly Voter[] },
    records: readonly ControlRecordToWrite[],
    done: AppendDone,
  ): Promise<void> {
    const { codecs, listener } = this.#options
    const batch = controlBatch(records, this.#host.clock.now(), codecs)
    listener.beforeVoters()
    const offset = this.#own.nextOffset
    this.#own.add(batch, done)
    await this.#writeOwn()
    const change = { offset, before: this.#raft.voters }
    this.#history.add([{ offset, facts }])
    this.#step((nowMs) => this.#raft.changeVoters(facts.voters, change, nowMs))
  }

  /** Another node wants to read a snapshot of this node, which leads. */
  async readSnapshot(request: SnapshotRequest, asker: Asker | null = null) {
    const problem = this.#raft.snapshotProblem(request, this.#now())
    if (problem !== null) return { errorCode: problem }
    const memory = this.#fetches.memory.for(request.replica, this.#raft.voters)
    return readPiece(this.#host, this.#options.directory, request, { memory, asker })
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
    await this.#sync.whenEnded()
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
    // Whoever has removed itself leads until that is committed, and told.
    if (this.#raft.leadsOthers) return this.#step((nowMs) => this.#raft.resign(nowMs))
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
    if (this.#isNewcomer && !this.#raft.isNewcomer) this.#hasVote()
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

  #hasVote(): void {
    this.#isNewcomer = false
    this.#host.log.info({ epoch: this.epoch }, 'This voter votes from now on')
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
    this.#host.log.error({ err: error, from }, NOT_BELIEVED)
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
    this.#own.goOnAtLogEnd()
    this.#own.add(controlBatch(records, this.#host.clock.now(), this.#options.codecs), null)
    await this.#writeOwn()
  }

  async #writeOwn(): Promise<void> {
    if (await this.#own.write(this.#raft.epoch)) this.#written()
  }

  /** The lead is lost: what isn't committed may never be, and what isn't written never is. */
  #checkLead(): void {
    const { role, epoch } = this.#raft
    if (this.#wonEpoch < 0 || (role.name === 'leader' && epoch === this.#wonEpoch)) return
    const wasLeading = this.#ledEpoch >= 0
    this.#wonEpoch = this.#ledEpoch = -1
    this.#own.goOnAtLogEnd()
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
    if (deliveredTo <= role.epochStart || deliveredTo < this.nextOffset) return
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
    this.#own.goOnAtLogEnd()
    this.#written()
  }

  #refuse(from: number, error: Error): void {
    this.#distrust(from, error)
    this.#step((nowMs) => this.#raft.refused(nowMs))
  }

  /** Voters that stood only in what is dropped are forgotten with it. */
  async #truncate(offset: number): Promise<void> {
    this.#sync.cut()
    await this.#log.truncateTo(offset)
    this.#raft.truncated()
    this.#history.truncateTo(this.#log.logEndOffset)
    this.#takeVoters()
    this.#own.goOnAtLogEnd()
    await this.#log.flush()
    const end = this.#log.logEndOffset
    this.#step((nowMs) => this.#raft.flushed(end, nowMs))
  }

  #takeVoters(): void {
    const { latest, latestChange } = this.#history
    this.#raft.setVoters(latest.voters ?? this.#options.initialVoters, latestChange)
  }

  /** Fetches what is missing here and only in a snapshot of the leader's, beside everything else. */
  #transfer({ from, snapshot: id, replica }: NonNullable<RaftOutput['fetchSnapshot']>): void {
    const { codecs, directory, peers } = this.#options
    const pieces = peers.fetchSnapshot(from, this.#voter(from), id, this.#raft.epoch, replica)
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
    this.#sync.cut()
    await this.#log.truncateFullyAndStartAt(id.offset)
    this.#snapshots.beginWith(id)
    const facts = withControlRecords(NOTHING_KNOWN, snapshot.control)
    this.#history = new QuorumHistory(facts, id.offset)
    this.#takeVoters()
    this.#own.goOnAtLogEnd()
    this.#reader.continueAt(id.offset)
    await this.#options.listener.loadSnapshot(id, snapshot)
    this.#step((nowMs) => this.#raft.restored(id, nowMs))
  }

  // The log.

  #written(): void {
    this.#fetches.wake()
    this.#sync.begin()
  }

  #fail(error: Error): void {
    if (this.#failure !== null || this.#isClosed) return
    this.#failure = error
    this.#queue.stop()
    this.#sync.stop()
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
