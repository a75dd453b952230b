import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { CreateAcls } from '../../../protocol/messages/create-acls.ts'
import { DescribeCluster } from '../../../protocol/messages/describe-cluster.ts'
import { InitProducerId } from '../../../protocol/messages/init-producer-id.ts'
import { Metadata } from '../../../protocol/messages/metadata.ts'
import { Produce } from '../../../protocol/messages/produce.ts'
import { buildBatch } from '../../../protocol/records/batch.ts'
import { until } from '../../clients/wait.ts'
import { scale, seed, soaking } from '../../soak.ts'
import { killAll, startProcess, type BrokerProcess } from '../../support/broker-process.ts'
import type { Known } from '../../support/dearest-request.ts'
import { freePorts } from '../../support/ports.ts'
import type { RawClient } from '../../support/raw-client.ts'
import { temporaryDirectories } from '../../support/temporary.ts'
import { codecs, createTopicBy } from '../../system/load.ts'
import { acl } from '../acls.ts'
import { Attacker } from './attacker.ts'
import { attackedListeners, clientOf, settingsOf, type AttackedListener } from './listeners.ts'

const FRAMES = scale(500, 100_000)
/** Connections that an attacker has at once. */
const AT_ONCE = 10

const directories = temporaryDirectories()
let listeners: AttackedListener[]
let broker: BrokerProcess
let known: Known

beforeAll(async () => {
  listeners = attackedListeners(await freePorts(5))
  const settings = { ...settingsOf(listeners), 'log.dirs': directories.make() }
  broker = await startProcess(settings)
  known = await prepare(listeners[2]!)
})
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

/** What there is to be attacked, and rights that let requests come as far as possible. */
async function prepare(at: AttackedListener): Promise<Known> {
  const admin = await clientOf(at)
  const topic = 'known'
  await createTopicBy(admin, topic, 1)
  const rules = [
    'ALLOW User:* ALL TOPIC:known',
    'ALLOW User:* ALL GROUP:*',
    'ALLOW User:* ALL TRANSACTIONAL_ID:*',
    'ALLOW User:* ALL DELEGATION_TOKEN:*',
    'ALLOW User:* IDEMPOTENT_WRITE CLUSTER:kafka-cluster',
    'ALLOW User:* DESCRIBE CLUSTER:kafka-cluster',
    'ALLOW User:* DESCRIBE_CONFIGS CLUSTER:kafka-cluster',
    'ALLOW User:node CLUSTER_ACTION CLUSTER:kafka-cluster',
    // Of what every attacker would have undone sooner or later.
    'DENY User:* DELETE TOPIC:known',
    'DENY User:* ALTER_CONFIGS TOPIC:known',
    'DENY User:* ALTER TOPIC:known',
  ]
  const creations = rules.map((rule) => {
    const { patternType, ...rest } = acl(rule)
    return { ...rest, resourcePatternType: patternType }
  })
  const { results } = await admin.request(CreateAcls, 3, { creations })
  expect(results.map(({ errorCode }) => errorCode)).toEqual(rules.map(() => 'NONE'))
  const { topics } = await admin.request(Metadata, 12, { topics: [{ name: topic }] })
  const { errorCode } = await admin.request(InitProducerId, 4, {
    transactionalId: null,
    transactionTimeoutMs: 1000,
  })
  expect(errorCode).toBe('NONE')
  admin.destroy()
  return { topic, topicId: topics[0]!.topicId, group: 'group' }
}

/** Is served as if nobody else were there. */
async function honest({ kind }: AttackedListener, client: RawClient): Promise<void> {
  if (kind === 'controller') {
    const { errorCode } = await client.request(DescribeCluster, 2, {
      includeClusterAuthorizedOperations: false,
      endpointType: 2,
    })
    expect(errorCode).toBe('NONE')
    return
  }
  const record = { timestamp: Date.now(), key: null, value: Buffer.from('honest') }
  const records = buildBatch({ records: [record] }, codecs)
  const { responses } = await client.request(Produce, 9, {
    acks: -1,
    timeoutMs: 60_000,
    topicData: [{ name: known.topic, partitionData: [{ index: 0, records }] }],
  })
  expect(responses[0]!.partitionResponses[0]!.errorCode).toBe('NONE')
}

const isLinux = process.platform === 'linux'

/** Connections that the broker holds, listening ones among them. */
function heldSockets(): number {
  if (!isLinux) return 0
  const folder = `/proc/${broker.pid}/fd`
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`).startsWith('socket:')
    } catch {
      return false
    }
  }).length
}

function residentMb(): number {
  if (!isLinux) return 0
  const status = readFileSync(`/proc/${broker.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) / 1000
}

/** What the broker has said that it says only where something of its own is wrong. */
function faults(): string[] {
  // The last one may not have come whole.
  const lines = broker.stderr.split('\n').slice(0, -1)
  return lines.filter((line) => {
    // Node tells of what it will take out of itself.
    if (!line.startsWith('{')) return line !== '' && !/^\(node:\d+\) |^\(Use `/.test(line)
    const { level } = JSON.parse(line) as { level: string }
    return level === 'error' || level === 'fatal' || line.includes('"stack"')
  })
}

test(`${FRAMES} frames of random bytes on each kind of listener (soak, OTTLA_SEED=${seed} repeats it)`, async () => {
  const before = heldSockets()
  let residentHalfway = 0
  const attackers = listeners.map((at, index) => new Attacker(at, known, seed + index))
  const sent = (): number => attackers.reduce((sum, { frames }) => sum + frames, 0)
  await Promise.all(
    listeners.map(async (at, index) => {
      const attacker = attackers[index]!
      const client = await clientOf(at)
      while (attacker.frames < FRAMES / listeners.length) {
        const sockets = await Promise.all(
          Array.from({ length: AT_ONCE }, () => attacker.attack().catch((error: Error) => error)),
        )
        // By then the broker has looked at what came before.
        await honest(at, client)
        for (const socket of sockets) if (!(socket instanceof Error)) socket.destroy()
        if (residentHalfway === 0 && sent() > FRAMES / 2) residentHalfway = residentMb()
      }
      client.destroy()
    }),
  )
  for (const at of listeners) {
    const client = await clientOf(at)
    await honest(at, client)
    client.destroy()
  }
  expect(faults()).toEqual([])
  await until(
    () => heldSockets() <= before,
    () => `${heldSockets() - before} connections to go`,
  )
  // Groups and transactional ids that attackers have made are there for good reason; frames that ended half-way are none.
  if (!soaking) return
  expect(residentMb() - residentHalfway).toBeLessThan(150)
  console.log(`${sent()} frames; ${residentHalfway} MB, then ${residentMb()} MB`)
}, 3_600_000)
