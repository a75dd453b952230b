import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { DeleteTopics } from '../../protocol/messages/delete-topics.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { scale, soaking } from '../soak.ts'
import { killAll } from '../support/broker-process.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { CombinedNodes, IDS } from './combined.ts'
import { StoredMetadata } from './images.ts'
import { answers, ask } from './nodes.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

const KILLS = scale(3, 20)
/** Of the soak, where the machine has little else to do. */
const FAIL_OVER_LIMIT_MS = 2500
const PAUSE_MS = scale(50, 150)
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** A client may send a request again that ended so: it was not done, or nobody knows. */
const RETRIABLE = [
  'NOT_CONTROLLER',
  'REQUEST_TIMED_OUT',
  'BROKER_NOT_AVAILABLE',
  // No broker has been heard of for as long as a session lasts, as after a machine that stood still.
  'INVALID_REPLICATION_FACTOR',
]
/** The broker has asked a second time, since the controller had died, or leads no more, before its first answer. */
const DONE_BEFORE = ['TOPIC_ALREADY_EXISTS', 'UNKNOWN_TOPIC_OR_PARTITION']

/** Makes topics through one broker and deletes some, one after the other, for as long as it is told to. */
class Admin {
  readonly made = new Set<string>()
  readonly deleted = new Set<string>()
  /** What should not have been answered. */
  readonly surprises: string[] = []
  answered = 0
  readonly #nodes: CombinedNodes
  readonly #id: number
  #isOver = false
  readonly #running: Promise<void>

  constructor(nodes: CombinedNodes, id: number) {
    this.#nodes = nodes
    this.#id = id
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async #run(): Promise<void> {
    for (let index = 0; !this.#isOver; index++) {
      const name = `by-${this.#id}-${index}`
      if ((await this.#does(name, () => this.#create(name))) === 'done') {
        this.made.add(name)
        if (index % 3 === 0) {
          const outcome = await this.#does(name, () => this.#delete(name))
          this.made.delete(name)
          if (outcome === 'done') this.deleted.add(name)
        }
      }
      await pause(PAUSE_MS)
    }
  }

  async #does(name: string, request: () => Promise<string>) {
    const wasThere = this.#nodes.running.includes(this.#id)
    try {
      const errorCode = await request()
      this.answered++
      if (errorCode === 'NONE' || DONE_BEFORE.includes(errorCode)) return 'done'
      if (!RETRIABLE.includes(errorCode)) this.surprises.push(`${name}: ${errorCode}`)
      // Of such a topic nobody knows whether it is there.
    } catch (error) {
      const isThere = this.#nodes.running.includes(this.#id)
      if (wasThere && isThere) this.surprises.push(`${name}: ${String(error)}`)
    }
    return 'unknown'
  }

  async #create(name: string): Promise<string> {
    const { topics } = await ask(this.#nodes.broker(this.#id), CreateTopics, {
      topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 10_000,
    })
    return topics[0]!.errorCode
  }

  async #delete(name: string): Promise<string> {
    const { responses } = await ask(this.#nodes.broker(this.#id), DeleteTopics, {
      topics: [{ name, topicId: 'A'.repeat(22) }],
      topicNames: [],
      timeoutMs: 10_000,
    })
    return responses[0]!.errorCode
  }
}

async function topicsAt(nodes: CombinedNodes, id: number): Promise<Map<string, string>> {
  const { topics } = await ask(nodes.broker(id), Metadata, {
    topics: null,
    allowAutoTopicCreation: false,
  })
  return new Map(topics.map(({ name, topicId }) => [name!, topicId]))
}

test(`soak: the active controller of three nodes is killed ${KILLS} times: another one leads soon, and nothing committed is lost`, async () => {
  const nodes = await CombinedNodes.make(directories.make(), {
    'metadata.log.max.snapshot.interval.ms': 1000,
  })
  await nodes.start(...IDS)
  const admins = IDS.map((id) => new Admin(nodes, id))
  const times: number[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    const before = await nodes.leader()
    const answered = admins.map((admin) => admin.answered)
    const killedAt = performance.now()
    await nodes.kill9(before)
    expect(await nodes.leader()).not.toBe(before)
    times.push(Math.round(performance.now() - killedAt))
    await nodes.start(before)
    // Changes are made through each of them again.
    await answers(
      'an answer by each broker',
      () => Promise.resolve(admins.map((admin) => admin.answered)),
      (now) => now.every((count, index) => count > answered[index]!),
    )
  }
  for (const admin of admins) await admin.stop()
  process.stdout.write(`another active controller after ${times.join(', ')} ms\n`)
  expect(admins.flatMap(({ surprises }) => surprises)).toEqual([])
  if (soaking) expect(times.filter((ms) => ms > FAIL_OVER_LIMIT_MS)).toEqual([])
  await nodes.caughtUp()
  const seen = await Promise.all(
    IDS.map((id) =>
      answers(
        `all topics on broker ${id}`,
        () => topicsAt(nodes, id),
        (topics) => admins.every(({ made }) => Array.from(made).every((name) => topics.has(name))),
      ),
    ),
  )
  for (const topics of seen) {
    expect(topics).toEqual(seen[0])
    for (const { deleted } of admins)
      for (const name of deleted) expect(topics.has(name)).toBe(false)
  }
  // Those that stop at once hand over first, and wait for nothing that nobody can answer any more: some seconds, were it so.
  for (const { code, stderr } of await nodes.stop(...IDS)) {
    expect([code, stderr]).toEqual([0, expect.any(String)])
    if (soaking) expect(stderr).not.toContain('The broker stops, though')
  }
  expectEqualImages(nodes)
}, 600_000)

/** As the logs have them, and the snapshots, which were written at other times on each node. */
function expectEqualImages(nodes: CombinedNodes): void {
  const all = IDS.map((id) => new StoredMetadata(nodes.directoryOf(id)))
  const end = Math.min(...all.map((stored) => stored.end))
  expect(end).toBeGreaterThan(50)
  // Who was sent a snapshot has no more of the log than what came later.
  const [whole] = [...all].sort((one, other) => one.start - other.start || other.end - one.end)
  for (const stored of all) {
    const isSame = stored.between(0, end).equals(whole!.between(stored.start, end))
    expect(isSame).toBe(true)
    expect(stored.imageAt(end)).toEqual(whole!.imageAt(end))
  }
  const snapshots = all.flatMap((stored) => stored.snapshots())
  expect(snapshots.length).toBeGreaterThan(0)
  for (const snapshot of snapshots) {
    if (snapshot.end <= whole!.start || snapshot.end > whole!.end) continue
    expect(snapshot.records).toEqual(whole!.imageAt(snapshot.end))
  }
}
