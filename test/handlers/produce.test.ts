import { Produce } from '../../protocol/messages/produce.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { CLOSED, NODE_ID, SILENCE, TestNode, batch } from './test-node.ts'

interface Asked {
  name?: string
  topicId?: string
  index?: number
  acks?: number
  transactionalId?: string | null
  clientId?: string
}

const body = (records: readonly (Buffer | null)[], asked: Asked = {}) => ({
  transactionalId: asked.transactionalId ?? null,
  acks: asked.acks ?? -1,
  timeoutMs: 1000,
  topicData: [
    {
      name: asked.name ?? 'a',
      topicId: asked.topicId ?? ZERO_UUID,
      partitionData: records.map((one, index) => ({ index: asked.index ?? index, records: one })),
    },
  ],
})

async function produced(
  node: TestNode,
  records: readonly (Buffer | null)[],
  asked: Asked & { version?: number } = {},
) {
  const { version = 9, clientId } = asked
  const { responses } = await node.ask(Produce, version, body(records, asked), clientId)
  return responses.flatMap(({ partitionResponses }) => partitionResponses)
}

async function node(partitions = 1): Promise<TestNode> {
  const made = new TestNode()
  await made.addTopic('a', { partitions: Array.from({ length: partitions }, () => ({})) })
  return made
}

const changed = (change: (bytes: Buffer) => void): Buffer => {
  const bytes = batch(['x'])
  change(bytes)
  return bytes
}

const transactional = () =>
  batch(['x'], { isTransactional: true, producerId: 7, producerEpoch: 0, baseSequence: 0 })

describe('Produce', () => {
  test.each([3, 8, 9, 12])('v%i appends by name and tells the first offset', async (version) => {
    const served = await node()
    await produced(served, [batch(['x', 'y'])], { version })
    expect(await produced(served, [batch(['z'])], { version })).toMatchObject([
      { index: 0, errorCode: 'NONE', baseOffset: 2, logAppendTimeMs: -1 },
    ])
  })

  test('v13 appends by id', async () => {
    const served = new TestNode()
    const topicId = await served.addTopic('a')
    const asked = { version: 13, name: '', topicId }
    expect(await produced(served, [batch(['x'])], asked)).toMatchObject([
      { errorCode: 'NONE', baseOffset: 0 },
    ])
    const [unknown] = await produced(served, [batch(['x'])], {
      ...asked,
      topicId: 'BBBBBBBBBBBBBBBBBBBBBA',
    })
    expect(unknown).toMatchObject({ errorCode: 'UNKNOWN_TOPIC_ID' })
    const [beyond] = await produced(served, [batch(['x'])], { ...asked, index: 4 })
    expect(beyond).toMatchObject({ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })

  test('tells each partition its own result', async () => {
    const served = await node(2)
    expect(await produced(served, [batch(['x']), null, batch(['y'])])).toMatchObject([
      { index: 0, errorCode: 'NONE' },
      { index: 1, errorCode: 'INVALID_RECORD' },
      { index: 2, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' },
    ])
  })

  test('with acks=0 nothing is answered, and an error ends the connection', async () => {
    const served = await node()
    expect(await served.answer(Produce, 9, body([batch(['x'])], { acks: 0 }))).toBe(SILENCE)
    const unknown = body([batch(['x'])], { acks: 0, name: 'nope' })
    expect(await served.answer(Produce, 9, unknown)).toBe(CLOSED)
  })

  test.each([2, -2, 32767, -32768])('knows no acks of %i', async (acks) => {
    const served = await node()
    expect(await produced(served, [batch(['x'])], { acks })).toMatchObject([
      { errorCode: 'INVALID_REQUIRED_ACKS', baseOffset: -1 },
    ])
    expect(await produced(served, [batch(['x'])])).toMatchObject([{ baseOffset: 0 }])
  })

  test('tells which records were refused, and why', async () => {
    const served = new TestNode()
    await served.addTopic('a', { configs: { 'cleanup.policy': 'compact' } })
    const [answer] = await produced(served, [batch(['x', 'y'])])
    expect(answer).toMatchObject({
      errorCode: 'INVALID_RECORD',
      recordErrors: [{ batchIndex: 0 }, { batchIndex: 1 }],
    })
    expect(answer!.errorMessage).not.toBeNull()
    expect(answer!.recordErrors[0]!.batchIndexErrorMessage).toContain('key')
  })

  test('tells who leads instead', async () => {
    const served = new TestNode()
    served.addBroker({ id: 2 })
    await served.addTopic('a', {
      partitions: [{ replicas: [1, 2], isr: [1, 2], leader: 2, leaderEpoch: 5 }],
    })
    expect(await produced(served, [batch(['x'])], { version: 10 })).toMatchObject([
      { errorCode: 'NOT_LEADER_OR_FOLLOWER', currentLeader: { leaderId: 2, leaderEpoch: 5 } },
    ])
  })

  test('hangs up where what it leads, as far as it knows, may be led by another by now', async () => {
    const served = new TestNode()
    served.addBroker({ id: 2 })
    const led = (leader: number) => ({ replicas: [1, 2], isr: [1, 2], leader, leaderEpoch: 5 })
    await served.addTopic('a', { partitions: [led(1)] })
    await served.addTopic('b', { partitions: [led(2)] })
    const send = (topic: string) => {
      const partitionData = [{ index: 0, records: batch(['x']) }]
      const topicData = [{ name: topic, partitionData }]
      return { acks: -1, timeoutMs: 1, topicData }
    }
    const errorOf = async (topic: string): Promise<string> => {
      const { responses } = await served.ask(Produce, 10, send(topic))
      return responses[0]!.partitionResponses[0]!.errorCode
    }
    expect(await errorOf('a')).toBe('REQUEST_TIMED_OUT')
    served.hasSession = false
    expect(await errorOf('b')).toBe('NOT_LEADER_OR_FOLLOWER')
    expect([...served.inDoubt]).toEqual([])
    expect(await served.answer(Produce, 10, send('a'))).toBe(CLOSED)
    expect([...served.inDoubt]).toEqual([NODE_ID])
  })

  test('tells where the leader is of what another broker has', async () => {
    const served = new TestNode()
    served.addBroker({ id: 2, rack: 'r' })
    served.addBroker({ id: 3, fenced: true })
    const elsewhere = (leader: number) => ({
      replicas: [2, 3],
      isr: [2, 3],
      leader,
      leaderEpoch: 5,
    })
    const topicId = await served.addTopic('a', { partitions: [elsewhere(2), elsewhere(3), {}] })
    for (const [version, asked] of [
      [12, { name: 'a' }],
      [13, { topicId }],
    ] as const) {
      const partitionData = [0, 1, 2].map((index) => ({ index, records: batch(['x']) }))
      const answer = await served.ask(Produce, version, {
        acks: -1,
        timeoutMs: 1000,
        topicData: [{ name: '', topicId: ZERO_UUID, ...asked, partitionData }],
      })
      expect(answer.responses[0]!.partitionResponses).toMatchObject([
        { errorCode: 'NOT_LEADER_OR_FOLLOWER', currentLeader: { leaderId: 2, leaderEpoch: 5 } },
        { errorCode: 'NOT_LEADER_OR_FOLLOWER', currentLeader: { leaderId: 3, leaderEpoch: 5 } },
        { errorCode: 'NONE', currentLeader: { leaderId: -1, leaderEpoch: -1 } },
      ])
      // Nobody serves at the other one's place.
      expect(answer.nodeEndpoints).toEqual([{ nodeId: 2, host: 'host2', port: 9002, rack: 'r' }])
    }
    served.inDoubt.add(2)
    const unled = await served.ask(Produce, 13, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: '', topicId, partitionData: [{ index: 0, records: batch(['x']) }] }],
    })
    expect(unled.responses[0]!.partitionResponses[0]).toMatchObject({
      errorCode: 'NOT_LEADER_OR_FOLLOWER',
      currentLeader: { leaderId: -1 },
    })
    expect(unled.nodeEndpoints).toEqual([])
  })

  test('refuses acks=all where too few replicas are in sync, and takes acks=1', async () => {
    const served = new TestNode({ 'min.insync.replicas': '2' })
    await served.addTopic('a', { partitions: [{ replicas: [1, 2], isr: [1] }] })
    expect(await produced(served, [batch(['x'])])).toMatchObject([
      { errorCode: 'NOT_ENOUGH_REPLICAS' },
    ])
    expect(await produced(served, [batch(['x'])], { acks: 1 })).toMatchObject([
      { errorCode: 'NONE', baseOffset: 0 },
    ])
  })

  test('lets only Apache’s own tools write to internal topics', async () => {
    const served = new TestNode()
    await served.addTopic('__consumer_offsets')
    const asked = { name: '__consumer_offsets' }
    expect(await produced(served, [batch(['x'])], asked)).toMatchObject([
      { errorCode: 'INVALID_TOPIC_EXCEPTION' },
    ])
    const own = { ...asked, clientId: '__admin_client' }
    const [answer] = await produced(served, [batch(['x'])], own)
    expect(answer!.errorCode).not.toBe('INVALID_TOPIC_EXCEPTION')
  })

  test.each<[string, () => Buffer | null, string]>([
    ['no records', () => null, 'INVALID_RECORD'],
    ['no bytes', () => Buffer.alloc(0), 'INVALID_RECORD'],
    ['half a length', () => batch(['x']).subarray(0, 11), 'INVALID_RECORD'],
    ['nothing after the length', () => batch(['x']).subarray(0, 16), 'INVALID_RECORD'],
    ['a batch that is cut off', () => batch(['x']).subarray(0, 66), 'INVALID_RECORD'],
    ['two batches', () => Buffer.concat([batch(['x']), batch(['y'])]), 'INVALID_RECORD'],
    ['magic 1', () => changed((bytes) => (bytes[16] = 1)), 'INVALID_RECORD'],
    ['magic 3', () => changed((bytes) => (bytes[16] = 3)), 'CORRUPT_MESSAGE'],
    ['a negative magic', () => changed((bytes) => (bytes[16] = 200)), 'CORRUPT_MESSAGE'],
    ['a negative length', () => changed((bytes) => bytes.writeInt32BE(-5, 8)), 'CORRUPT_MESSAGE'],
    [
      'a batch without room for its header',
      () => changed((bytes) => bytes.writeInt32BE(20, 8)).subarray(0, 32),
      'CORRUPT_MESSAGE',
    ],
  ])('refuses %s', async (_, records, errorCode) => {
    expect(await produced(await node(), [records()])).toMatchObject([{ errorCode }])
  })

  test('tells where the log begins after records were deleted, also with an error', async () => {
    const served = await node()
    await produced(served, [batch(['x', 'y', 'z'])])
    const partition = served.replicas.find('a', 0)
    if (typeof partition === 'string') throw new Error(partition)
    expect(partition.log!.deleteRecordsBefore(2)).toBe('NONE')
    expect(await produced(served, [batch(['x'])])).toMatchObject([
      { errorCode: 'NONE', baseOffset: 3, logStartOffset: 2 },
    ])
    const wrong = changed((bytes) => (bytes[62]! ^= 1))
    expect(await produced(served, [wrong])).toMatchObject([
      { errorCode: 'CORRUPT_MESSAGE', logStartOffset: 2 },
    ])
  })

  test('refuses a batch with a wrong checksum', async () => {
    const served = await node()
    const wrong = changed((bytes) => (bytes[62]! ^= 1))
    expect(await produced(served, [wrong])).toMatchObject([{ errorCode: 'CORRUPT_MESSAGE' }])
    expect(await produced(served, [batch(['x'])])).toMatchObject([{ baseOffset: 0 }])
  })

  test('refuses zstd below v7, where consumers may not know it', async () => {
    const served = await node()
    const records = () => batch(['x'], { compression: 'zstd' })
    expect(await produced(served, [records()], { version: 6 })).toMatchObject([
      { errorCode: 'UNSUPPORTED_COMPRESSION_TYPE' },
    ])
    expect(await produced(served, [records()], { version: 7 })).toMatchObject([
      { errorCode: 'NONE' },
    ])
  })

  test('refuses a whole request with a transactional batch and no transactional id', async () => {
    const served = await node(2)
    const unauthorized = { errorCode: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' }
    expect(await produced(served, [batch(['x']), transactional()])).toMatchObject([
      unauthorized,
      unauthorized,
    ])
  })

  test('looks for noise only up to the first transactional batch, before it looks at each partition', async () => {
    const served = await node(2)
    served.verify = () => Promise.resolve(['INVALID_TXN_STATE'])
    const noise = changed((bytes) => bytes.writeInt8(9, 16))
    const asked = { transactionalId: 'mine' }
    const answers = await produced(served, [transactional(), noise], asked)
    expect(answers).toMatchObject([
      { errorCode: 'INVALID_TXN_STATE' },
      { errorCode: 'CORRUPT_MESSAGE' },
    ])
  })
})
