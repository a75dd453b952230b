import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { connect, type Client } from '../../bin/client/index.ts'
import { JoinGroup } from '../../protocol/messages/join-group.ts'
import { SyncGroup } from '../../protocol/messages/sync-group.ts'
import { encodeAssignment, encodeSubscription } from '../../protocol/state/consumer-protocol.ts'
import { ottla, type Ended } from './command.ts'
import { eventually } from '../clients/wait.ts'

/** A broker that the commands are tried on. */
export interface ScenarioBroker {
  readonly bootstrap: string
  readonly dataDirectory: string
}

export type Run = (args: string, input?: string) => Promise<Ended>

/** What every broker that speaks Kafka's protocol must let the commands do; Ottla and Apache Kafka alike. */
export function commandScenario(broker: () => ScenarioBroker): void {
  const run: Run = (args, input = '') =>
    ottla(args.split(' '), { bootstrap: broker().bootstrap, input })
  const json = async (args: string): Promise<unknown> => {
    const { code, stdout, stderr } = await run(`${args} --json`)
    if (code !== 0) throw new Error(`${args}: ${stderr}`)
    return JSON.parse(stdout) as unknown
  }
  const lines = async (args: string): Promise<string[]> =>
    (await run(args)).stdout.split('\n').slice(0, -1)

  /** A broker may answer before it has applied what the controller has committed. */
  const shown = (args: string, line: RegExp): Promise<void> => {
    const ask = async (): Promise<boolean> => (await lines(args)).some((one) => line.test(one))
    return eventually(ask, `${args} to show ${line}`)
  }

  test('a topic is created, shown, made larger, and deleted', async () => {
    expect(await run('topics create made -p 3 -c retention.ms=5000000')).toMatchObject({
      code: 0,
      stdout: 'Created topic made (partitions: 3, replicas: 1).\n',
    })
    const again = await run('topics create made')
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('(TOPIC_ALREADY_EXISTS)\n  Choose another name')
    expect((await run('topics create made --if-not-exists')).code).toBe(0)
    expect((await run('topics alter made -p 5')).code).toBe(0)
    await shown('topics list', /^made +5 +1 +no$/)
    expect((await run('topics alter made -p 2')).stderr).toContain('(INVALID_PARTITIONS)')
    expect(await json('topics describe made --offsets')).toMatchObject([
      {
        name: 'made',
        configs: { 'retention.ms': '5000000' },
        partitions: Array.from({ length: 5 }, (_, partition) => ({
          partition,
          leader: 1,
          replicas: [1],
          inSyncReplicas: [1],
          earliest: 0,
          latest: 0,
        })),
      },
    ])
    expect((await run('topics describe maed')).stderr).toContain('Did you mean made?')
    expect((await run('topics delete made')).stdout).toBe('Deleted topic made.\n')
    const gone = await run('topics delete made')
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('Say --if-exists') })
    expect(gone.stderr).not.toContain('topics create')
    expect((await run('topics delete made --if-exists')).code).toBe(0)
  }, 60_000)

  test('settings are shown and altered', async () => {
    await run('topics create settled')
    expect(
      (
        await run(
          'configs alter topic settled --set retention.ms=7000000 --append cleanup.policy=compact',
        )
      ).code,
    ).toBe(0)
    const own = async (): Promise<Record<string, string>> => {
      const [{ configs }] = (await json('configs describe topic settled')) as [
        { configs: { name: string; value: string; source: string }[] },
      ]
      const ofTopic = configs.filter(({ source }) => source === 'topic')
      return Object.fromEntries(ofTopic.map(({ name, value }) => [name, value]))
    }
    const ownAre = async (expected: Record<string, string>): Promise<void> => {
      let found: Record<string, string> = {}
      const areSo = async (): Promise<boolean> => isDeepStrictEqual((found = await own()), expected)
      await eventually(areSo, () => `${JSON.stringify(expected)}: ${JSON.stringify(found)}`)
    }
    await ownAre({ 'retention.ms': '7000000', 'cleanup.policy': 'delete,compact' })
    await run(
      'configs alter topics settled --delete retention.ms --subtract cleanup.policy=compact',
    )
    await ownAre({ 'cleanup.policy': 'delete' })
    const wrong = await run('configs alter topic settled --set retntion.ms=1')
    expect(wrong).toMatchObject({ code: 1, stdout: '' })
    expect(wrong.stderr).toContain('retntion.ms (INVALID_CONFIG)')
    expect((await run('configs alter broker --default --set log.cleaner.threads=2')).code).toBe(0)
    await shown('configs describe broker --default', /^log.cleaner.threads +2 +all brokers$/)
    await run('configs alter broker --default --delete log.cleaner.threads')
    await run('configs alter group settlers --set consumer.session.timeout.ms=50000')
    await shown('configs describe groups', /^consumer.session.timeout.ms +50000 +group$/)
    await shown('configs describe broker 1', /^log.dirs +\S+ +static$/)
    expect((await run('configs describe broker 77')).stderr).toContain('There is no broker 77')
  }, 60_000)

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
    'records compressed with %s come back as they were written',
    async (codec) => {
      const topic = `codec-${codec}`
      await run(`topics create ${topic} -p 2`)
      const input = Array.from({ length: 500 }, (_, index) => `k${index % 7}:value ${index}`)
      const produced = await run(
        `produce ${topic} -K : -H h=1 -z ${codec} --json`,
        input.join('\n'),
      )
      expect(JSON.parse(produced.stdout)).toMatchObject({ topic, records: 500 })
      const { stdout } = await run(`consume ${topic} --json`)
      const records = stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { key: string; value: string; headers: unknown })
      expect(records).toHaveLength(500)
      for (let key = 0; key < 7; key++) {
        const ofKey = records.filter((record) => record.key === `k${key}`)
        expect(ofKey.map((record) => `${record.key}:${record.value}`)).toEqual(
          input.filter((line) => line.startsWith(`k${key}:`)),
        )
      }
      expect(records[0]!.headers).toEqual([{ key: 'h', value: '1' }])
    },
    60_000,
  )

  test('reading begins where it is told to, and follows', async () => {
    await run('topics create places -p 2')
    await run('produce places -p 0 --timestamp 2026-01-01T00:00:00Z', 'a\nb\nc\n')
    await run('produce places -p 0 --timestamp 2026-02-01T00:00:00Z --format msgpack', '{"d":1}\n')
    await run('produce places -p 1 -a 0', 'e\n')
    expect(await lines('consume places -p 0 -n 3')).toEqual(['a', 'b', 'c'])
    expect(await lines('consume places -p 0 -o 1 -n 2 -O')).toEqual([
      'places-0@1\tb',
      'places-0@2\tc',
    ])
    expect(await lines('consume places -o -1 -f msgpack -p 0')).toEqual(['{"d":1}'])
    expect(await lines('consume places -p 0 -f hex --from-time 2026-01-15T00:00:00Z -T')).toEqual([
      '2026-02-01T00:00:00.000Z\t81a16401',
    ])
    expect(await lines('consume places -o end')).toEqual([])
    const beyond = await run('consume places -p 0 -o 99 --follow')
    expect(beyond).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('(OFFSET_OUT_OF_RANGE)'),
    })
    const following = await ottla(['consume', 'places', '-p', '1', '-F'], {
      bootstrap: broker().bootstrap,
      stopWhen: (stdout) => stdout.includes('e\n'),
    })
    expect(following).toMatchObject({ code: 0, stdout: 'e\n' })
    expect((await run('produce places -p 7 -v x')).stderr).toContain('There is no partition 7')
    const missing = await run('consume palces')
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Did you mean places?'),
    })
  }, 60_000)

  test('a group commits, is shown with its lag, reset and deleted', async () => {
    await run('topics create work')
    await run('produce work', 'a\nb\nc\n')
    expect(await lines('consume work -g workers --commit -n 2')).toEqual(['a', 'b'])
    expect(await lines('consume work -g workers')).toEqual(['c'])
    expect(await json('groups describe workers')).toMatchObject([
      {
        groupId: 'workers',
        type: 'classic',
        state: 'Empty',
        offsets: [{ topic: 'work', partition: 0, committed: 2, end: 3, lag: 1 }],
        members: [],
      },
    ])
    const plan = 'groups reset-offsets workers -t work --shift-by -1'
    expect((await lines(plan)).at(-1)).toMatch(/^work +0 +2 +1$/)
    expect(await lines('consume work -g workers')).toEqual(['c'])
    expect((await run(`${plan} --execute`)).code).toBe(0)
    expect(await lines('consume work -g workers')).toEqual(['b', 'c'])
    await run('groups reset-offsets workers --all-topics --to-earliest --execute')
    expect(await lines('consume work -g workers -n 1')).toEqual(['a'])
    expect(await lines('groups list')).toContainEqual(
      expect.stringMatching(/^workers +classic +Empty/),
    )
    expect((await run('groups describe workres')).stderr).toContain('Did you mean workers?')
    expect((await run('groups delete workers')).stdout).toBe('Deleted group workers.\n')
    expect((await run('groups delete workers')).code).toBe(1)
  }, 60_000)

  test('a group with members is shown, but neither reset nor deleted', async () => {
    await run('topics create busy')
    const [host, port] = broker().bootstrap.split(':') as [string, string]
    const client = await connect(host, Number(port))
    try {
      const memberId = await joinAlone(client, 'busy-group', 'busy')
      expect(await json('groups describe busy-group')).toMatchObject([
        {
          state: 'Stable',
          assignor: 'mine',
          offsets: [{ topic: 'busy', partition: 0, committed: null, lag: null, memberId }],
          members: [{ memberId, clientId: 'ottla' }],
        },
      ])
      const reset = await run('groups reset-offsets busy-group -t busy --to-latest --execute')
      expect(reset).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('its state is Stable'),
      })
      expect((await run('groups delete busy-group')).stderr).toContain('(NON_EMPTY_GROUP)')
    } finally {
      await client.close()
    }
  }, 60_000)

  test('the cluster is described', async () => {
    expect(await json('cluster describe')).toMatchObject({
      clusterId: expect.any(String),
      brokers: [{ brokerId: 1, isFenced: false }],
      features: expect.arrayContaining([
        expect.objectContaining({ name: 'metadata.version', finalized: 33 }),
      ]),
      quorum: { leaderId: 1, currentVoters: [{ replicaId: 1 }] },
    })
  }, 60_000)

  test('the log directories are shown, and a replica that is where it should be stays there', async () => {
    await run('topics create dirs')
    const [directory] = (await json('cluster log-dirs')) as { logDir: string; errorCode: string }[]
    expect(directory).toMatchObject({ brokerId: 1, errorCode: 'NONE' })
    const { stdout } = await run('cluster log-dirs')
    expect(stdout).toMatch(/^BROKER +DIRECTORY +STATE +PARTITIONS +BYTES +FREE +VOLUME\n/)
    expect(stdout).toContain('online')
    await shown('cluster log-dirs --partitions --broker 1', / dirs +0 +0 +0 +here$/)
    const moved = await run(`cluster move-replica dirs 0 ${directory!.logDir} --broker 1`)
    expect(moved).toMatchObject({ code: 0, stdout: expect.stringContaining('is on its way') })
    const refused = await run('cluster move-replica dirs 0 /nowhere --broker 1')
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('LOG_DIR_NOT_FOUND'),
    })
    const elsewhere = await run('cluster log-dirs --broker 9')
    expect(elsewhere.stderr).toContain('Broker 9: not in the cluster')
    await run('topics delete dirs')
  }, 60_000)

  test('the files of the log directory are understood', async () => {
    await run('topics create files')
    await run('produce files -k key -v value')
    const partition = join(broker().dataDirectory, 'files-0')
    const [batch] = (await run(`log dump ${segmentsOf(partition)[0]} --json`)).stdout.split('\n')
    expect(JSON.parse(batch!)).toMatchObject({
      baseOffset: 0,
      count: 1,
      isValid: true,
      records: [{ offset: 0, key: 'key', value: 'value' }],
    })
    const quorum = segmentsOf(join(broker().dataDirectory, '__cluster_metadata-0'))
    const metadata = await run(`log dump ${quorum.join(' ')}`)
    expect(metadata).toMatchObject({ code: 0, stderr: '' })
    expect(metadata.stdout).toContain('type: TopicRecord version: 0 value: {"name":"files"')
    expect(metadata.stdout).not.toContain('problem')
  }, 60_000)
}

/** The segments of a partition's directory. */
function segmentsOf(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.log'))
  return names.sort().map((name) => join(directory, name))
}

/** Joins a group as its only member, and takes partition 0 of a topic; returns the member's id. */
async function joinAlone(client: Client, groupId: string, topic: string): Promise<string> {
  const join = (memberId: string) =>
    client.retry(() =>
      client.requestCoordinator(groupId, JoinGroup, {
        groupId,
        sessionTimeoutMs: 30_000,
        rebalanceTimeoutMs: 30_000,
        memberId,
        protocolType: 'consumer',
        protocols: [{ name: 'mine', metadata: encodeSubscription(0, { topics: [topic] }) }],
      }),
    )
  const { memberId } = await join('')
  const { generationId, errorCode } = await join(memberId)
  if (errorCode !== 'NONE') throw new Error(errorCode)
  const assignedPartitions = [{ topic, partitions: [0] }]
  await client.requestCoordinator(groupId, SyncGroup, {
    groupId,
    generationId,
    memberId,
    protocolType: 'consumer',
    protocolName: 'mine',
    assignments: [{ memberId, assignment: encodeAssignment(0, { assignedPartitions }) }],
  })
  return memberId
}
