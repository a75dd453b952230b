import { ZERO_UUID } from '../../../protocol/schema.ts'
import { nodeCodecs } from '../../../src/host/codecs.ts'
import { DEFAULT_LOG_CONFIG } from '../../../src/log/base/config.ts'
import { LogManager } from '../../../src/log/manager.ts'
import { openQuorum } from '../../../src/quorum/open-quorum.ts'
import type { PeerListener } from '../../../src/quorum/peers.ts'
import { listSnapshots, snapshotBytes, snapshotPath } from '../../../src/quorum/snapshot.ts'
import type { RaftTimeouts, Voter } from '../../../src/quorum/types.ts'
import { DEFAULT_TIMEOUTS } from '../../../src/quorum/types.ts'
import { Member, ROOT, type MemberParts } from './member.ts'
import type { SimulatedWays } from './ways.ts'

const CONFIG = {
  ...DEFAULT_LOG_CONFIG,
  segmentBytes: 1500,
  fileDeleteDelayMs: 100,
  syncsBeforeRoll: true,
}
/** A snapshot is worth writing after so many offsets. */
const SNAPSHOT_OFFSETS = 20

interface DriverParts extends MemberParts {
  readonly timeouts: Partial<RaftTimeouts>
  readonly ways: SimulatedWays
}

/** The quorum's driver as it ships, with a state machine that is a list of values, and messages that may come in any order. */
export class Driver extends Member {
  readonly joinsByItself = false
  listener: PeerListener | null = null
  readonly #timeouts: Partial<RaftTimeouts>
  readonly #ways: SimulatedWays
  #values: string[] = []
  #next = 0
  #epoch = 0
  #snapshotOffset = 0
  #isWritingSnapshot = false

  constructor({ timeouts, ways, ...parts }: DriverParts) {
    super(parts)
    this.#timeouts = timeouts
    this.#ways = ways
    this.format(parts.voters)
  }

  /** What is told is held against what others were told as it comes. */
  get state(): string {
    return String(this.#next)
  }

  append(value: string): void {
    const { quorum } = this
    if (quorum === null || !quorum.isLeader) return
    const { history } = this.parts
    history.sent(value)
    quorum.append([[Buffer.from(value)]], (failure) => {
      if (failure === null) history.acknowledged(value)
    })
  }

  get isJoining(): boolean {
    return false
  }

  /** It doesn't know how. */
  setJoins(): void {}

  has(values: Iterable<string>): boolean {
    const own = new Set(this.#values)
    return [...values].every((value) => own.has(value))
  }

  writeSnapshot(): void {
    const { quorum, life } = this
    if (quorum === null || this.#isWritingSnapshot) return
    if (this.#next < this.#snapshotOffset + SNAPSHOT_OFFSETS) return
    this.#isWritingSnapshot = true
    this.#snapshotOffset = this.#next
    const records = this.#values.map((value) => Buffer.from(value))
    quorum.writeSnapshot({ offset: this.#next, epoch: this.#epoch }, 0, records).then(
      () => {
        if (life === this.life) this.#isWritingSnapshot = false
      },
      (error: unknown) => life === this.life && this.parts.failed(error),
    )
  }

  protected async open(life: number, ifAlive: (error: unknown) => void) {
    const { id, machine, history, isDynamic, formsItself } = this.parts
    const voters = this.parts.voters?.map((voter) =>
      formsItself ? { ...voter, directoryId: ZERO_UUID } : voter,
    )
    const host = machine.start()
    this.#values = []
    this.#next = this.#epoch = this.#snapshotOffset = 0
    this.#isWritingSnapshot = false
    const codecs = nodeCodecs()
    const manager = LogManager.open({
      host,
      codecs,
      directories: [ROOT],
      onDirectoryFailed: (_directory, error) => ifAlive(error),
    })
    const oldest = listSnapshots(host, this.directory)[0]?.offset ?? 0
    /** What a node is told of when its life is over is nobody's. */
    const checked =
      <Args extends unknown[]>(run: (...args: Args) => void) =>
      (...args: Args): void => {
        if (life !== this.life) return
        try {
          run(...args)
        } catch (error) {
          ifAlive(error)
        }
      }
    const quorum = await openQuorum({
      host,
      codecs,
      directory: this.directory,
      openLog: () => manager.openMetadataLog(manager.directories[0]!, CONFIG, oldest),
      self: this.key,
      initialVoters: isDynamic ? [] : voters!,
      peers: this.#ways.of(this),
      timeouts: { ...DEFAULT_TIMEOUTS, ...this.#timeouts },
      retention: { maxBytes: 4000, maxMs: -1 },
      listener: {
        loadSnapshot: checked(({ offset, epoch }, snapshot) => {
          this.#values = snapshot.records.map(String)
          history.restored(id, offset, this.#values)
          this.#next = this.#snapshotOffset = offset
          this.#epoch = epoch
        }),
        committed: checked((batch) => {
          history.noteLog(this, this.log)
          this.#values.push(...history.delivered(id, this.#next, batch))
          this.#next = batch.lastOffset + 1
          this.#epoch = batch.epoch
        }),
        caughtUp: () => undefined,
        leading: checked((epoch) => history.leads({ id, life }, epoch)),
        resigned: () => undefined,
        beforeVoters: () => undefined,
        leaderChanged: () => undefined,
        failed: ifAlive,
      },
    })
    return {
      quorum,
      close: async () => {
        await quorum.close()
        await manager.close()
      },
    }
  }

  protected override end(isPowered: boolean): void {
    super.end(isPowered)
    this.listener = null
    this.#ways.ended(this, isPowered)
  }

  protected writeFormat(voters: readonly Voter[] | null): void {
    if (!this.parts.isDynamic) return
    const id = { offset: 0, epoch: 0 }
    const snapshot = { id, timestampMs: 0, kraftVersion: 1, voters, records: [] }
    const bytes = snapshotBytes(snapshot, 0, nodeCodecs())
    this.machine.disk.replaceFile(snapshotPath(this.directory, id), bytes)
  }
}
