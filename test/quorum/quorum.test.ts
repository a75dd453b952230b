import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { nodeHost } from '../../src/host/node.ts'
import { DEFAULT_LOG_CONFIG } from '../../src/log/config.ts'
import { LogManager } from '../../src/log/manager.ts'
import type { Peers } from '../../src/quorum/peers.ts'
import type { Quorum } from '../../src/quorum/quorum.ts'
import { openQuorum } from '../../src/quorum/quorum.ts'
import { listSnapshots, snapshotPath } from '../../src/quorum/snapshot.ts'
import type { LogPosition, RaftMessage } from '../../src/quorum/types.ts'

const host = nodeHost({ log: { level: 'silent' } })
const codecs = nodeCodecs()
const key = (id: number) => ({ id, directoryId: `${id}`.repeat(21) + 'Q' })
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
  readonly #receivers = new Map<number, (from: number, message: RaftMessage) => void>()

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
      openLog: () => manager.openMetadataLog(manager.directories[0]!, DEFAULT_LOG_CONFIG, start),
      self: key(id),
      initialVoters: voters,
      peers: this.#peers(id),
      timeouts: {
        electionTimeoutMs: 60,
        fetchTimeoutMs: 300,
        electionBackoffMaxMs: 50,
        requestTimeoutMs: 100,
        retryBackoffMs: 5,
      },
      retention: { maxBytes: 1, maxMs: -1 },
      listener: {
        loadSnapshot: (_id, snapshot) => {
          records.splice(0, records.length, ...snapshot.records.map(String))
        },
        committed: (batch) => void records.push(...batch.records.map(String)),
        leading: () => undefined,
        resigned: () => undefined,
        failed: (error) => void failures.push(error),
      },
    })
    const member: Member = {
      id,
      quorum,
      records,
      failures,
      close: async () => {
        this.#receivers.delete(id)
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
      attach: (receive) => void this.#receivers.set(self, receive),
      send: (to, _voter, message) =>
        host.clock.endOfTurn(() => this.#receivers.get(to)?.(self, message)),
      fetchSnapshot: (from, _voter, id) => this.#snapshot(from, id),
    }
  }

  async *#snapshot(from: number, id: LogPosition) {
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
  const deadline = host.clock.monotonic() + 20_000
  while (!condition()) {
    if (host.clock.monotonic() > deadline) throw new Error('Nothing came of it')
    await new Promise<void>((resolve) => void host.clock.after(5, resolve))
  }
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

  test('a follower whose records are gone gets the snapshot, and the log after it', async () => {
    await cluster.append('a')
    await cluster.agreeOn(['a'])
    const leader = await cluster.leader()
    const behind = [...cluster.members.values()].find(({ id }) => id !== leader.id)!
    await behind.close()
    await cluster.append('b')
    const { quorum, records } = await cluster.leader()
    const id = { offset: quorum.highWatermark, epoch: quorum.epoch }
    await quorum.writeSnapshot(
      id,
      0,
      records.map((value) => Buffer.from(value)),
    )
    rmSync(`${cluster.root}/${behind.id}`, { recursive: true, force: true })
    await cluster.append('c')
    await cluster.start(behind.id)
    await cluster.agreeOn(['a', 'b', 'c'])
    expect(listSnapshots(host, cluster.directory(behind.id))).toEqual([id])
    await cluster.append('d')
    await cluster.agreeOn(['a', 'b', 'c', 'd'])
  })
})
