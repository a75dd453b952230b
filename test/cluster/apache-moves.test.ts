import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAddresses } from '../../bin/client/address.ts'
import { connectToAny, type Client } from '../../bin/client/client.ts'
import { ClientError } from '../../bin/client/errors.ts'
import { Producer } from '../../bin/client/producer.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { PeerError } from '../../src/peer/errors.ts'
import { startDriver, type Driver } from '../clients/driver.ts'
import { java, javaMissing } from '../clients/toolchains.ts'
import { until } from '../clients/wait.ts'
import { describeWithApache, NEWEST } from '../interchange/apache.ts'
import { killAll } from '../support/broker-process.ts'
import { quickJava } from '../support/quick-java.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { CombinedNodes, IDS } from './combined.ts'
import { answers } from './nodes.ts'

const directories = temporaryDirectories()
/** More than a follower is given at once. */
const FIRST_RECORDS = 30
const RECORD_BYTES = 100_000
/** Of partition 0 of `moved`, whose replicas are 1 and 2, so that 3 has to copy it. */
const AWAY = [{ topic: 'moved', partition: 0, replicas: [3, 2], log_dirs: ['any', 'any'] }]

describeWithApache('Apache’s tools, while a client produces with acks=all', () => {
  let nodes: CombinedNodes
  let driver: Driver
  let client: Client
  let load: Promise<void>
  let acknowledged = 0
  let isOver = false
  let plan = ''

  beforeAll(async () => {
    const missing = await javaMissing()
    if (missing !== null) throw new Error(missing)
    nodes = await CombinedNodes.make(directories.make(), {
      'auto.leader.rebalance.enable': 'false',
      'offsets.topic.replication.factor': 3,
    })
    driver = startDriver('tools', [...java(), 'Driver'], nodes.bootstrap)
    plan = join(directories.make(), 'plan.json')
    writeFileSync(plan, JSON.stringify({ version: 1, partitions: AWAY }))
    await nodes.start(...IDS)
    client = await connectToAny(parseAddresses(nodes.bootstrap), { requestTimeoutMs: 60_000 })
    await tool('TopicCommand', '--create', '--topic', 'moved', '--replica-assignment', '1:2')
    await tool('TopicCommand', '--create', '--topic', 'alone', '--replica-assignment', '3')
    const anew = (): Producer => new Producer(client, { topic: 'moved', codecs: nodeCodecs() })
    let producer = anew()
    const send = async (sizeBytes: number): Promise<void> => {
      await producer.send([{ timestamp: 1, key: null, value: Buffer.alloc(sizeBytes) }], 0)
      acknowledged++
    }
    for (let count = 0; count < FIRST_RECORDS; count++) await send(RECORD_BYTES)
    load = (async () => {
      while (!isOver) {
        try {
          await send(100)
        } catch (error) {
          // Its leader is gone, and another one is to be found.
          if (!(error instanceof PeerError || error instanceof ClientError)) throw error
          producer = anew()
          await client.sleep(50)
        }
      }
    })()
    // Told at the end.
    load.catch(() => undefined)
  }, 120_000)
  afterAll(async () => {
    isOver = true
    const failure = await load.then(
      () => null,
      (error: unknown) => error,
    )
    await client.close()
    await driver.close()
    await killAll()
    directories.removeAll()
    expect(failure).toBeNull()
  }, 120_000)

  const run = async (name: string, ...args: string[]) => {
    const all = ['--bootstrap-server', nodes.bootstrap, ...args]
    const asked = { class: `org.apache.kafka.tools.${name}`, args: all }
    const { status, output, errors } = await driver.call('tool', asked)
    return { status, text: `${output}${errors}`.replace(/[ \t]+/g, ' ') }
  }
  const tool = async (name: string, ...args: string[]): Promise<string> => {
    const { status, text } = await run(name, ...args)
    if (status !== 0) throw new Error(`${name} ${args.join(' ')} ended with ${status}: ${text}`)
    return text
  }
  const reassign = (action: string, ...args: string[]) => {
    const file = action === '--list' ? [] : ['--reassignment-json-file', plan]
    return tool('reassign.ReassignPartitionsCommand', action, ...file, ...args)
  }
  const says = (what: string, ask: () => Promise<string>) =>
    answers(what, ask, (text) => text.includes(what))
  const throttles = async (): Promise<string> => {
    const topic = ['--entity-type', 'topics', '--entity-name', 'moved']
    const broker = ['--entity-type', 'brokers', '--entity-name', '3']
    const described = [
      await tool('ConfigCommand', '--describe', ...topic),
      await tool('ConfigCommand', '--describe', ...broker),
    ]
    return (
      described
        .join('')
        .match(/\S*replication\.throttled\.\w+=\S+/g)
        ?.join(' ') ?? ''
    )
  }
  /** Who produces is not held up by what moves. */
  const getsOn = async (): Promise<void> => {
    const before = acknowledged
    await until(
      () => acknowledged > before + 3,
      () => 'another acknowledgement',
    )
  }

  test('kafka-reassign-partitions throttles a move, cancels it, and takes the throttle back', async () => {
    await reassign('--execute', '--throttle', '1')
    expect(await reassign('--list')).toContain('moved-0: replicas: 3,2,1. adding: 3. removing: 1.')
    expect(await reassign('--verify')).toContain(
      'Reassignment of partition moved-0 is still in progress.',
    )
    for (const set of [
      'leader.replication.throttled.replicas=0:1,0:2',
      'follower.replication.throttled.replicas=0:3',
      'leader.replication.throttled.rate=1',
      'follower.replication.throttled.rate=1',
    ]) {
      await says(set, throttles)
    }
    await getsOn()
    // One that is being added is not missed.
    const under = () => tool('TopicCommand', '--describe', '--under-replicated-partitions')
    await answers('none to lack a replica', under, (text) => !text.includes('Topic: moved'))
    expect(await reassign('--cancel')).toContain(
      'Successfully cancelled partition reassignment for: moved-0',
    )
    await answers('no throttle', throttles, (text) => text === '')
    expect(await reassign('--list')).toContain('No partition reassignments found.')
    await getsOn()
  }, 120_000)

  test('kafka-reassign-partitions lets a throttled move go on at another rate, and --verify ends its throttle', async () => {
    await reassign('--execute', '--throttle', '1')
    await says('still in progress', () => reassign('--verify'))
    await reassign('--execute', '--additional', '--throttle', '1000000000')
    await says('Reassignment of partition moved-0 is completed.', () => reassign('--verify'))
    await answers('no throttle', throttles, (text) => text === '')
    await getsOn()
    const one = ['--topic', 'moved', '--partition', '0', '--election-type', 'preferred']
    await answers(
      'the lead at 3',
      () => run('LeaderElectionCommand', ...one).then(({ text }) => text),
      (text) => /Successfully completed|Valid replica already elected/.test(text),
    )
    const sizes = await tool('LogDirsCommand', '--describe', '--topic-list', 'moved')
    expect(sizes.match(/"partition":"moved-0"/g)).toHaveLength(2)
    expect(sizes).toContain('"isFuture":false')
    await getsOn()
  }, 120_000)

  test('kafka-replica-verification finds all replicas alike', async () => {
    const args = ['--topics-include', 'moved', '--report-interval-ms', '500']
    const all = [...quickJava(NEWEST.jars), 'org.apache.kafka.tools.ReplicaVerificationTool']
    const child = spawn('java', [...all, '--broker-list', nodes.bootstrap, ...args])
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes: Buffer) => (said += bytes.toString()))
    }
    await until(
      () => /max lag is \d+ for partition moved-0/.test(said),
      () => `a report in: ${said}`,
    )
    // It reports until somebody ends it.
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(said).not.toContain("doesn't match")
  }, 120_000)

  test('kafka-topics and kafka-consumer-groups tell of a broker that has died, and of its return', async () => {
    // It waits five seconds for an answer, unless it is told otherwise.
    const group = ['--group', 'readers', '--timeout', '120000']
    const topic = ['--topic', 'moved:0']
    const reset = ['--reset-offsets', '--to-offset', '7', '--execute']
    await tool('consumer.group.ConsumerGroupCommand', ...group, ...topic, ...reset)
    const described = () => tool('consumer.group.ConsumerGroupCommand', '--describe', ...group)
    const offset = /^readers moved 0 7 \d+ \d+ /m
    expect(await described()).toMatch(offset)
    const set = [
      '--add-config',
      'min.insync.replicas=1',
      '--entity-type',
      'topics',
      '--entity-name',
      'moved',
    ]
    await tool('ConfigCommand', '--alter', ...set)
    const shows = (flag: string, pattern: RegExp) =>
      answers(
        flag,
        () => tool('TopicCommand', '--describe', flag),
        (text) => pattern.test(text),
      )
    await nodes.kill9(3)
    await shows('--under-replicated-partitions', /Topic: moved Partition: 0 /)
    await shows('--unavailable-partitions', /Topic: alone Partition: 0 Leader: none/)
    await shows('--at-min-isr-partitions', /Topic: moved Partition: 0 Leader: 2 /)
    await getsOn()
    await answers(
      'the group',
      () => run('consumer.group.ConsumerGroupCommand', '--describe', ...group),
      ({ text }) => offset.test(text),
    )
    await tool('ConfigCommand', '--alter', ...set.with(1, 'min.insync.replicas=2'))
    await shows('--under-min-isr-partitions', /Topic: moved Partition: 0 /)
    await nodes.start(3)
    const gone = (flag: string) =>
      answers(
        `none ${flag}`,
        () => tool('TopicCommand', '--describe', flag),
        (text) => !text.includes('Topic: '),
      )
    await gone('--under-replicated-partitions')
    await gone('--unavailable-partitions')
    await gone('--under-min-isr-partitions')
    await getsOn()
  }, 120_000)
})
