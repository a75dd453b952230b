import { CreatePartitions } from '../../protocol/messages/create-partitions.ts'
import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { Fetch } from '../../protocol/messages/fetch.ts'
import type { FetchResponse } from '../../protocol/messages/fetch.ts'
import { Heartbeat } from '../../protocol/messages/heartbeat.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import type { ControllerCommand } from '../../src/metadata/controller/commands.ts'
import { batch, SILENCE, TestNode } from '../handlers/test-node.ts'

const BYTES = 100_000
/** So much a second, a Produce of a tenth of that many bytes may take ten times in a moment. */
const RATE = 10_000

let node: TestNode
let topicId: string

beforeEach(async () => {
  node = new TestNode()
  topicId = await node.addTopic('t')
})

const records = (bytes = BYTES): Buffer => batch(['x'.repeat(bytes)])

function produce(clientId = 'c', { acks = 1, bytes = BYTES } = {}) {
  const partitionData = [{ index: 0, records: records(bytes) }]
  const request = { transactionalId: null, acks, timeoutMs: 1000 }
  const topicData = [{ name: 't', topicId, partitionData }]
  return node.answer(Produce, 12, { ...request, topicData }, clientId)
}

async function throttledFor(clientId?: string, options?: object): Promise<number> {
  const answer = await produce(clientId, options)
  return (answer as { throttleTimeMs: number }).throttleTimeMs
}

interface FetchOptions {
  readonly clientId?: string
  readonly offset?: number
  readonly sessionId?: number
  readonly sessionEpoch?: number
  readonly replicaId?: number
  readonly maxBytes?: number
  readonly isNamed?: boolean
}

function fetch({
  clientId = 'c',
  offset = 0,
  sessionId = 0,
  sessionEpoch = -1,
  replicaId = -1,
  maxBytes = 1 << 20,
  isNamed = true,
}: FetchOptions = {}): Promise<FetchResponse> {
  const partitions = [{ partition: 0, fetchOffset: BigInt(offset), partitionMaxBytes: 1 << 20 }]
  return node.ask(
    Fetch,
    13,
    {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes,
      isolationLevel: 0,
      sessionId,
      sessionEpoch,
      topics: isNamed ? [{ topicId, partitions }] : [],
      forgottenTopicsData: [],
      rackId: '',
      replicaId,
    } as never,
    clientId,
  ) as Promise<unknown> as Promise<FetchResponse>
}

const hasRecords = ({ responses }: FetchResponse): boolean =>
  responses.some(({ partitions }) =>
    partitions.some(({ records }) => ((records as Buffer | null)?.length ?? 0) > 0),
  )

describe('producer_byte_rate', () => {
  test('throttles who exceeds it for as long as it takes to come down to it', async () => {
    node.setQuota({ 'client-id': 'c' }, 'producer_byte_rate', RATE)
    // Ten samples' worth goes at once; a request is more than its records.
    expect(await throttledFor()).toBeLessThan(50)
    expect(await throttledFor()).toBeGreaterThan(1_000)
    expect(node.muted.at(-1)).toBeGreaterThan(1_000)
    expect(await throttledFor('another')).toBe(0)
    node.clock.skip(22_000)
    expect(await throttledFor('c', { bytes: 1 })).toBe(0)
  })

  test.each([NaN, Infinity, -Infinity, 0, -1])(
    'limits nobody by %d, which Kafka has taken before 4.4',
    async (limit) => {
      node.setQuota({ user: null }, 'producer_byte_rate', RATE)
      expect(await throttledFor('c')).toBeGreaterThan(0)
      node.setQuota({ user: null, 'client-id': 'c' }, 'producer_byte_rate', limit)
      expect(await throttledFor('c')).toBe(0)
    },
  )

  test('throttles those who want no answer, too: they are not looked at for a while', async () => {
    node.setQuota({ user: null }, 'producer_byte_rate', RATE)
    expect(await produce('c', { acks: 0 })).toBe(SILENCE)
    expect(await produce('c', { acks: 0 })).toBe(SILENCE)
    expect(node.muted.at(-1)).toBeGreaterThan(1_000)
  })

  test('has requests of a connection wait for each other, so that none overtakes the throttling', () => {
    const frame = Buffer.alloc(8)
    expect(node.isPipelined(frame)).toBe(true)
    node.setQuota({ user: null }, 'consumer_byte_rate', 1)
    expect(node.isPipelined(frame)).toBe(true)
    node.setQuota({ user: 'somebody' }, 'producer_byte_rate', RATE)
    expect(node.isPipelined(frame)).toBe(false)
    node.setQuota({ user: 'somebody' }, 'producer_byte_rate', null)
    expect(node.isPipelined(frame)).toBe(true)
    node.setQuota({ user: 'somebody' }, 'request_percentage', 1)
    expect(node.isPipelined(frame)).toBe(false)
  })

  test('leaves a group’s heartbeats alone', async () => {
    await node.addGroups()
    node.setQuota({ user: null }, 'producer_byte_rate', 1)
    await produce()
    const heartbeat = { groupId: 'g', generationId: 1, memberId: 'm' }
    const answer = await node.ask(Heartbeat, 4, heartbeat, 'c')
    expect(answer).toEqual({ throttleTimeMs: 0, errorCode: 'UNKNOWN_MEMBER_ID' })
    expect(node.muted).toHaveLength(1)
  })

  test('holds nobody back any more when it is gone', async () => {
    node.setQuota({ user: null }, 'producer_byte_rate', 1)
    await produce()
    node.setQuota({ user: null }, 'producer_byte_rate', null)
    expect([await throttledFor(), node.quotas.isActive]).toEqual([0, false])
  })
})

describe('consumer_byte_rate', () => {
  beforeEach(async () => {
    await produce()
    await produce()
    node.setQuota({ 'client-id': 'c' }, 'consumer_byte_rate', RATE)
  })

  test('has who exceeds it wait, with an empty answer that is not counted', async () => {
    const first = await fetch()
    expect(hasRecords(first)).toBe(true)
    const second = await fetch({ offset: 1 })
    expect([second.responses, second.errorCode]).toEqual([[], 'NONE'])
    expect(second.throttleTimeMs).toBeGreaterThan(1_000)
    expect(node.muted.at(-1)).toBe(second.throttleTimeMs)
    const again = await fetch({ offset: 1 })
    expect(again.throttleTimeMs).toBeLessThanOrEqual(second.throttleTimeMs!)
    expect(hasRecords(await fetch({ offset: 1, clientId: 'another' }))).toBe(true)
    node.clock.skip(11_000)
    expect(hasRecords(await fetch({ offset: 1 }))).toBe(true)
  })

  test('gives a batch that is more than it allows at once to who has taken nothing else', async () => {
    node.setQuota({ 'client-id': 'c' }, 'consumer_byte_rate', 100)
    const first = await fetch()
    expect(hasRecords(first)).toBe(true)
    expect(first.throttleTimeMs).toBeGreaterThan(100_000)
    expect(hasRecords(await fetch({ offset: 1 }))).toBe(false)
  })

  test('has no more read than would be answered', async () => {
    // Two batches would be more than ten samples' worth.
    const { responses } = await fetch({ maxBytes: 1 << 20 })
    const { records } = responses[0]!.partitions[0]!
    expect((records as unknown as Buffer).length).toBeLessThan(1.5 * BYTES)
  })

  test('begins no session with an empty answer, and goes on with one that there is', async () => {
    const { sessionId } = await fetch({ sessionEpoch: 0 })
    expect(sessionId).toBeGreaterThan(0)
    const next = { offset: 1, sessionId: sessionId!, isNamed: true }
    const throttled = await fetch({ ...next, sessionEpoch: 1 })
    expect(throttled).toMatchObject({ responses: [], sessionId, errorCode: 'NONE' })
    const other = await fetch({ sessionEpoch: 0, offset: 1 })
    expect(other).toMatchObject({ responses: [], sessionId: 0 })
    node.clock.skip(30_000)
    // Nothing was told, so all of it is news still.
    const late = await fetch({ sessionId: sessionId!, sessionEpoch: 2, isNamed: false })
    expect([late.sessionId, hasRecords(late)]).toEqual([sessionId, true])
  })

  test('lets followers fetch what there is', async () => {
    node.setQuota({ user: null }, 'consumer_byte_rate', 1)
    node.setQuota({ user: null }, 'request_percentage', 1e-9)
    const answer = await fetch({ replicaId: 2, clientId: 'c' })
    expect(answer.throttleTimeMs).toBe(0)
    expect(node.muted).toEqual([])
  })
})

describe('request_percentage', () => {
  test('empties the answers to Fetch, too', async () => {
    await produce()
    node.setQuota({ user: null }, 'request_percentage', 1e-9)
    const answer = await fetch()
    expect([answer.responses, answer.throttleTimeMs]).toEqual([[], 1000])
  })

  test('does not hold back a Produce that wants no answer', async () => {
    node.setQuota({ user: null }, 'request_percentage', 1e-9)
    await produce('c', { acks: 0 })
    expect(node.muted).toEqual([])
    expect(await throttledFor()).toBe(1000)
  })
})

describe('controller_mutation_rate', () => {
  const topic = (name: string) => ({
    name,
    numPartitions: 20,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  })
  /** As the controller decides it: twenty partitions for each. */
  const deciding = (command: ControllerCommand): unknown => {
    if (command.type !== 'createTopics' && command.type !== 'createPartitions') return []
    command.allowance?.begin()
    return command.topics.map(({ name }) => ({
      name,
      errorCode: command.allowance?.take(20) === false ? 'THROTTLING_QUOTA_EXCEEDED' : 'NONE',
      errorMessage: null,
      topicId,
      numPartitions: 20,
      replicationFactor: 1,
    }))
  }
  const create = async (version: number, names: readonly string[]) => {
    const request = { topics: names.map(topic), timeoutMs: 1000, validateOnly: false }
    const answer = await node.ask(CreateTopics, version, request)
    const { topics, throttleTimeMs } = answer
    return { throttleTimeMs, errors: topics.map(({ errorCode }) => errorCode) }
  }

  beforeEach(() => {
    node.controller = deciding
    // Eleven at once.
    node.setQuota({ user: null }, 'controller_mutation_rate', 1)
  })

  test('refuses what comes after it was exceeded, until that is made good', async () => {
    expect(await create(7, ['a'])).toMatchObject({ errors: ['NONE'], throttleTimeMs: 0 })
    const second = await create(7, ['b'])
    expect(second.errors).toEqual(['THROTTLING_QUOTA_EXCEEDED'])
    expect(second.throttleTimeMs).toBeGreaterThan(0)
    expect(second.throttleTimeMs).toBeLessThanOrEqual(9_000)
    expect(node.muted.at(-1)).toBe(second.throttleTimeMs)
    node.clock.skip(9_100)
    expect(await create(7, ['b', 'c'])).toMatchObject({
      errors: ['NONE', 'THROTTLING_QUOTA_EXCEEDED'],
    })
  })

  test('throttles clients of older versions, and refuses them nothing', async () => {
    const { errors, throttleTimeMs } = await create(5, ['a', 'b'])
    expect(errors).toEqual(['NONE', 'NONE'])
    expect(throttleTimeMs).toBeGreaterThan(9_000)
  })

  test('counts new partitions likewise', async () => {
    const topics = [{ name: 'a', count: 20, assignments: null }]
    const request = { topics, timeoutMs: 1000, validateOnly: false }
    await node.ask(CreatePartitions, 3, request)
    const { results, throttleTimeMs } = await node.ask(CreatePartitions, 3, request)
    expect(results[0]!.errorCode).toBe('THROTTLING_QUOTA_EXCEEDED')
    expect(throttleTimeMs).toBeGreaterThan(0)
  })

  test('counts what is decided anew once', async () => {
    node.controller = (command) => {
      deciding(command)
      return deciding(command)
    }
    expect((await create(7, ['a'])).errors).toEqual(['NONE'])
    const { throttleTimeMs } = await create(7, ['b'])
    expect(throttleTimeMs).toBeLessThanOrEqual(9_000)
  })
})
