import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readBatches } from '../../protocol/records/batch.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { nodeHost } from '../../src/host/node.ts'
import { DEFAULT_LOG_CONFIG } from '../../src/log/base/config.ts'
import { LogManager } from '../../src/log/manager.ts'
import type { PeerListener, Peers } from '../../src/quorum/peers.ts'
import type { Quorum } from '../../src/quorum/quorum.ts'
import { openQuorum } from '../../src/quorum/open-quorum.ts'
import { readElection } from '../../src/quorum/election-file.ts'
import { listSnapshots, snapshotPath, writeSnapshot } from '../../src/quorum/snapshot.ts'
import type { LogPosition, RaftMessage } from '../../src/quorum/types.ts'

const host = nodeHost({ log: { level: 'silent' } })
const codecs = nodeCodecs()
const key = (id: number) => ({ id, directoryId: `${id}`.repeat(21) + 'Q' })
const CONFIG = { ...DEFAULT_LOG_CONFIG, segmentBytes: 500 }
const voters = [1, 2, 3].map((id) => ({ ...key(id), endpoints: [] }))

interface Member {
  readonly id: number
  readonly quorum: Quorum
  readonly records: string[]
  readonly failures: Error[]
  close(): Promise<void>
}

/** Three drivers on real files, and a network of function calls between them. */
class Cluster {
  readonly root = mkdtempSync(join(tmpdir(), 'ottla-quorum-'))
  readonly members = new Map<number, Member>()
  readonly forgotten: string[] = []
  votes = 0
  readonly resigned: number[] = []
  readonly distrusted: number[] = []
  /** So many transfers of snapshots come to nothing. */
  failingTransfers = 0
  transfers = 0
  /** What becomes of the records that are sent. */
  spoil: (records: Buffer) => Buffer = (records) => records
  readonly #listeners = new Map<number, PeerListener>()

  directory(id: number): string {
    return `${this.root}/${id}/__cluster_metadata-0`
  }

  async start(id: number): Promise<Member> {
    const records: string[] = []
    const failures: Error[] = []
    const manager = LogManager.open({
      host,
      codecs,
      directories: [`${this.root}/${id}`],
      onDirectoryFailed: (_directory, error) => void failures.push(error),
    })
    const directory = this.directory(id)
    host.disk.makeDirectory(directory)
    const start = listSnapshots(host, directory)[0]?.offset ?? 0
    const quorum = await openQuorum({
      host,
      codecs,
      directory,
      openLog: () => manager.openMetadataLog(manager.directories[0]!, CONFIG, start),
      self: key(id),
      initialVoters: voters,
      peers: this.#peers(id),
      timeouts: {
        // A machine that stands still for a moment, or whose disk does, makes no leader resign.
        electionTimeoutMs: 300,
        fetchTimeoutMs: 3000,
        electionBackoffMaxMs: 100,
        requestTimeoutMs: 1000,
        retryBackoffMs: 5,
      },
      retention: { maxBytes: 1, maxMs: -1 },
      listener: {
        loadSnapshot: (_id, snapshot) => {
          records.splice(0, records.length, ...snapshot.records.map(String))
        },
        committed: (batch) => void records.push(...batch.records.map(String)),
        caughtUp: () => undefined,
        leading: () => undefined,
        resigned: () => void this.resigned.push(id),
        beforeVoters: () => undefined,
        leaderChanged: () => undefined,
        failed: (error) => void failures.push(error),
      },
    }).catch(async (error: unknown) => {
      await manager.close()
      throw error
    })
    const member: Member = {
      id,
      quorum,
      records,
      failures,
      close: async () => {
        this.#listeners.delete(id)
        this.members.delete(id)
        await quorum.close()
        await manager.close()
      },
    }
    this.members.set(id, member)
    return member
  }

  #peers(self: number): Peers {
    return {
      discovers: false,
      listenerName: null,
      endpointOf: (_id, voter) => voter?.endpoints[0] ?? null,
      attach: (listener) => void this.#listeners.set(self, listener),
      send: (to, _voter, request) => {
        this.#checkRemembered(self, request)
        host.clock.endOfTurn(() =>
          this.members.get(to)?.quorum.request(request, (reply) => {
            if (reply === null) return
            this.#checkRemembered(to, reply)
            const sent =
              reply.type === 'fetchReply' && reply.records !== null
                ? { ...reply, records: this.spoil(reply.records) }
                : reply
            host.clock.endOfTurn(() => this.#listeners.get(self)?.replied(to, sent))
          }),
        )
      },
      kraftVersionsOf: () => Promise.resolve({ min: 0, max: 1 }),
      disconnect: (id) => void this.distrusted.push(id),
      fetchSnapshot: (from, _voter, id) => this.#snapshot(from, id),
    }
  }

  /** What a node says of epochs and votes is on its disk before: after a crash it must not say otherwise. */
  #checkRemembered(self: number, message: RaftMessage): void {
    const isVote = message.type === 'voteReply' && message.granted && !message.preVote
    if (!isVote && !(message.type === 'vote' && !message.preVote)) return
    const election = readElection(host, this.directory(self))
    this.votes++
    if (election?.epoch !== message.epoch || election.votedFor === null) {
      this.forgotten.push(`${message.type} of epoch ${message.epoch} by ${self}`)
    }
  }

  async *#snapshot(from: number, id: LogPosition) {
    this.transfers++
    if (this.failingTransfers-- > 0) throw new Error('The connection was lost')
    const content = host.disk.readFile(snapshotPath(this.directory(from), id))
    for (let at = 0; at < content.length; at += 100) {
      yield await Promise.resolve(content.subarray(at, at + 100))
    }
  }

  async leader(): Promise<Member> {
    const found = (): Member | undefined =>
      [...this.members.values()].find(({ quorum }) => quorum.isLeader)
    await until(() => found() !== undefined)
    return found()!
  }

  async append(...values: string[]): Promise<void> {
    const { quorum } = await this.leader()
    await new Promise<void>((resolve, reject) => {
      const groups = [values.map((value) => Buffer.from(value))]
      quorum.append(groups, (failure) => (failure === null ? resolve() : reject(failure)))
    })
  }

  /**
   * Stops a follower and takes its disk away, appends `b`, and has the leader write a snapshot with it.
   * @returns its id
   */
  async emptyFollower(): Promise<number> {
    const leader = await this.leader()
    const behind = [...this.members.values()].find(({ id }) => id !== leader.id)!
    await behind.close()
    await this.append('b')
    const { quorum, records } = await this.leader()
    const id = { offset: quorum.highWatermark, epoch: quorum.epoch }
    await quorum.writeSnapshot(
      id,
      0,
      records.map((value) => Buffer.from(value)),
    )
    rmSync(`${this.root}/${behind.id}`, { recursive: true, force: true })
    return behind.id
  }

  async agreeOn(records: readonly string[]): Promise<void> {
    const same = (member: Member): boolean => member.records.join() === records.join()
    await until(() => [...this.members.values()].every(same))
    for (const { failures } of this.members.values()) expect(failures).toEqual([])
  }

  async close(): Promise<void> {
    for (const member of [...this.members.values()]) await member.close()
    rmSync(this.root, { recursive: true, force: true })
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = host.clock.monotonic() + 100_000
  while (!condition()) {
    if (host.clock.monotonic() > deadline) throw new Error('Nothing came of it')
    await new Promise<void>((resolve) => void host.clock.after(5, resolve))
  }
}

function damaged(records: Buffer): Buffer {
  const copy = Buffer.from(records)
  copy[copy.length - 1]! ^= 1
  return copy
}

/** The same batches with offsets that are so much greater. */
function moved(records: Buffer, by: number): Buffer {
  const copy = Buffer.from(records)
  for (const batch of readBatches(copy)) batch.writeBigInt64BE(batch.readBigInt64BE(0) + BigInt(by))
  return copy
}

describe('three drivers of the quorum', () => {
  let cluster: Cluster
  beforeEach(async () => {
    cluster = new Cluster()
    for (const { id } of voters) await cluster.start(id)
  })
  afterEach(() => cluster.close())

  test('commit what a majority has, tell it everywhere in order, and go on without one of them', async () => {
    await cluster.append('a', 'b')
    await cluster.append('c')
    await cluster.agreeOn(['a', 'b', 'c'])
    const first = await cluster.leader()
    await first.close()
    await cluster.append('d')
    await cluster.agreeOn(['a', 'b', 'c', 'd'])
    const back = await cluster.start(first.id)
    await cluster.append('e')
    await cluster.agreeOn(['a', 'b', 'c', 'd', 'e'])
    expect(back.quorum.isLeader).toBe(false)
  })

  test('say nothing of an epoch or a vote that their disk does not remember', async () => {
    const first = await cluster.leader()
    await first.close()
    await cluster.append('a')
    await cluster.agreeOn(['a'])
    expect(cluster.votes).toBeGreaterThan(1)
    expect(cluster.forgotten).toEqual([])
  })

  test('who is no leader takes nothing, and who stops to be one fails what was not committed', async () => {
    const { id, quorum } = await cluster.leader()
    const others = [...cluster.members.values()].filter((member) => member.id !== id)
    const given = (to: Quorum): Promise<Error | null> =>
      new Promise((resolve) => to.append([[Buffer.from('x')]], resolve))
    for (const other of others) {
      expect((await given(other.quorum))?.message).toMatch(/does not lead/)
    }
    for (const other of others) await other.close()
    // Alone it has no majority: it resigns, and then says so.
    const lonely = given(quorum)
    expect((await lonely)?.message).toMatch(/no longer/)
    expect([quorum.isLeader, cluster.resigned]).toEqual([false, [id]])
  })

  test.each([
    ['damaged', (records: Buffer) => damaged(records)],
    ['behind a gap', (records: Buffer) => moved(records, 7)],
    ['cut short', (records: Buffer) => records.subarray(0, records.length - 1)],
    ['of no known kind', (records: Buffer) => Buffer.alloc(records.length, 0x7f)],
  ])(
    'records that are %s are not appended: their sender is not believed, and asked again',
    async (_, spoil) => {
      await cluster.append('a')
      await cluster.agreeOn(['a'])
      const { id } = await cluster.leader()
      cluster.spoil = spoil
      const appended = cluster.append('b')
      await until(() => cluster.distrusted.length > 1)
      expect(new Set(cluster.distrusted)).toEqual(new Set([id]))
      cluster.spoil = (records) => records
      await appended
      await cluster.agreeOn(['a', 'b'])
    },
  )

  test('a transfer of a snapshot that fails is tried again', async () => {
    await cluster.append('a')
    await cluster.agreeOn(['a'])
    const behind = await cluster.emptyFollower()
    cluster.failingTransfers = 2
    await cluster.append('c')
    await cluster.start(behind)
    await cluster.agreeOn(['a', 'b', 'c'])
    expect(cluster.transfers).toBe(3)
  })

  test('a log whose deletion a power cut left half done begins after the hole, where a snapshot goes that far', async () => {
    for (let value = 0; value < 30; value++) await cluster.append(`v${value}`)
    const values = Array.from({ length: 30 }, (_, value) => `v${value}`)
    await cluster.agreeOn(values)
    const follower = [...cluster.members.values()].find(({ quorum }) => !quorum.isLeader)!
    const id = { offset: follower.quorum.highWatermark, epoch: follower.quorum.epoch }
    const state = values.map((value) => Buffer.from(value))
    await follower.close()
    const directory = cluster.directory(follower.id)
    const logs = host.disk.list(directory).filter((name) => name.endsWith('.log'))
    expect(logs.length).toBeGreaterThan(3)
    rmSync(join(directory, logs[1]!))
    // Without a snapshot that has them the records are lost, and nobody should go on without them.
    await expect(cluster.start(follower.id)).rejects.toThrow(/lacks (the )?records/)
    const content = { id, timestampMs: 0, kraftVersion: 0, voters, records: state }
    await writeSnapshot(host, directory, content, codecs)
    const back = await cluster.start(follower.id)
    await cluster.append('after')
    await cluster.agreeOn([...values, 'after'])
    expect(back.failures).toEqual([])
  })

  test('a follower whose records are gone gets the snapshot, and the log after it', async () => {
    await cluster.append('a')
    await cluster.agreeOn(['a'])
    const behind = await cluster.emptyFollower()
    await cluster.append('c')
    await cluster.start(behind)
    await cluster.agreeOn(['a', 'b', 'c'])
    const { id } = await cluster.leader()
    const snapshots = listSnapshots(host, cluster.directory(id))
    expect(snapshots.length).toBe(1)
    expect(listSnapshots(host, cluster.directory(behind))).toEqual(snapshots)
    await cluster.append('d')
    await cluster.agreeOn(['a', 'b', 'c', 'd'])
  })
})
