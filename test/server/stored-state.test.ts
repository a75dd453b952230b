import { JoinGroup } from '../../protocol/messages/join-group.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { handlers } from '../../src/handlers/index.ts'
import type { Handler } from '../../src/handlers/handler.ts'
import { ResourceType, resourceKey } from '../../src/metadata/image.ts'
import type { TopicImage } from '../../src/metadata/image.ts'
import type { Table } from '../../src/metadata/table.ts'
import { MAX_ANSWER_BYTES, Reply, TURN_BYTES } from '../../src/server/reply.ts'
import { Context } from '../../src/server/request-context.ts'
import { batch, TestNode } from '../handlers/test-node.ts'
import { CallCounter } from '../support/calls.ts'
import { costOf, requestsForAll } from '../support/dearest-request.ts'
import type { DearRequest, Known } from '../support/dearest-request.ts'

/** So many topics and settings are stored; of groups fewer, and of logs, which take longer. */
const STORED = 40_000
const STORED_GROUPS = 10_000
const AT_ONCE = 500
const STORED_LOGS = 5000
/** Of each member, offset or producer of one thing, of which a request may name several. */
const STORED_OF_ONE = 1000
/** So many elements of a request ask for all of something. */
const NAMED = 60
/** What a request may call before other work has its turn: at 20 ns each that is some 2 ms. */
const MOST_CALLS = 100_000
/** An answer may have so many bytes for one byte of memory that it and its request cost. */
const MOST_ANSWERED = 3
/** More than is encoded in a turn is written in pieces. */
const LARGEST_PIECE = 10 * TURN_BYTES

let node: TestNode
let known: Known
let counter: CallCounter
let spent = 0

beforeAll(async () => {
  node = new TestNode({ 'group.initial.rebalance.delay.ms': '3600000' })
  const many = Array.from({ length: STORED_OF_ONE }, () => ({}))
  const topicId = await node.addTopic('known', { partitions: many })
  await node.addTopic('kept', { partitions: numbers(STORED_LOGS).map(() => ({})) })
  await node.addGroups()
  await storeGroups()
  await storeProducers()
  storeTopics()
  storeSettings()
  node.controller = () => {
    throw Object.assign(new Error('not now'), { code: 'ERR_TOO_LARGE' })
  }
  known = { topic: 'known', topicId, group: 'group' }
  counter = new CallCounter(node.clock)
  counter.start()
  const { spend } = Context.prototype
  jest.spyOn(Context.prototype, 'spend').mockImplementation(function (this: Context, bytes) {
    spent += bytes
    spend.call(this, bytes)
  })
})

afterAll(() => {
  counter.stop()
  jest.restoreAllMocks()
})

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

/** Many with one offset each, and one with many members and offsets. */
async function storeGroups(): Promise<void> {
  const partition = { committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: '' }
  const commit = (groupId: string, indexes: readonly number[]) =>
    node.groups.ask<'CommitOffsets'>(groupId, {
      type: 'CommitOffsets',
      version: 9,
      groupId,
      generation: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [
        {
          name: 'known',
          topicId: ZERO_UUID,
          partitions: indexes.map((partitionIndex) => ({ ...partition, partitionIndex })),
        },
      ],
    })
  await commit('group', numbers(STORED_OF_ONE))
  // Each has its time limit, within which a busy machine doesn't do them all.
  for (let from = 0; from < STORED_GROUPS; from += AT_ONCE) {
    await Promise.all(numbers(AT_ONCE).map((index) => commit(`group-${from + index}`, [0])))
  }
  for (const index of numbers(STORED_OF_ONE)) {
    void node.ask(
      JoinGroup,
      3,
      {
        groupId: 'group',
        sessionTimeoutMs: 60_000,
        rebalanceTimeoutMs: 600_000,
        memberId: '',
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.alloc(50) }],
      },
      `client-${index}`,
    )
  }
}

async function storeProducers(): Promise<void> {
  const partition = node.replicas.find('known', 0)
  if (typeof partition === 'string') throw new Error(partition)
  await Promise.all(
    numbers(STORED_OF_ONE).map(
      (producerId) =>
        new Promise((resolve) => {
          const records = batch(['a'], { producerId, producerEpoch: 0, baseSequence: 0 })
          partition.append(records, 1, 'client', 1000, resolve)
        }),
    ),
  )
}

/** Of other brokers. */
function storeTopics(): void {
  const { byName, byId } = node.image.topics as {
    byName: Table<TopicImage>
    byId: Table<TopicImage>
  }
  const { partitions } = byName.get('known')!
  const others = numbers(STORED).map((index): TopicImage => ({
    name: `other-${index}`,
    id: Buffer.alloc(16, 0x70).fill(index.toString().padStart(8)).toString('base64url'),
    partitions: [{ ...partitions[0]!, replicas: [2, 3], isr: [2], leader: 2, addingReplicas: [3] }],
  }))
  node.image = {
    ...node.image,
    topics: {
      byName: byName.with(new Map(others.map((topic) => [topic.name, topic]))),
      byId: byId.with(new Map(others.map((topic) => [topic.id, topic]))),
    },
  }
}

function storeSettings(): void {
  const configs = node.image.configs as Table<ReadonlyMap<string, string>>
  const change = new Map<string, ReadonlyMap<string, string>>()
  for (const index of numbers(STORED)) {
    const key = resourceKey(ResourceType.GROUP, `group-${index}`)
    change.set(key, new Map([['consumer.session.timeout.ms', '46000']]))
  }
  node.image = { ...node.image, configs: configs.with(change) }
}

/** The sizes of the pieces of the answer; none where there is no answer. */
async function piecesOf({ frame }: DearRequest): Promise<number[]> {
  const outcome = await node.start(frame)
  if (!(outcome instanceof Reply)) {
    // Refused with a line in the log; anything that was thrown would be a bug.
    expect(outcome?.cause).toBeUndefined()
    return []
  }
  const writer = new Writer()
  expect(outcome.writeTo(writer)).toBeNull()
  outcome.sent()
  return writer.chunks().map(({ length }) => length)
}

async function check(request: DearRequest): Promise<void> {
  const { api, version, about, frame } = request
  spent = 0
  let pieces: number[] = []
  const calls = await counter.mostOf(async () => {
    pieces = await piecesOf(request)
  })
  const bytes = pieces.reduce((sum, size) => sum + size, 0)
  const most = Math.min(
    MAX_ANSWER_BYTES,
    1000 + MOST_ANSWERED * (costOf(api, version, frame) + spent),
  )
  expect({
    about,
    isUnspent: bytes > most,
    isBusy: calls > MOST_CALLS,
    isWhole: Math.max(0, ...pieces) > LARGEST_PIECE,
  }).toEqual({ about, isUnspent: false, isBusy: false, isWhole: false })
}

/** An answer that is waited for until something happens. */
const WAIT: ReadonlySet<string> = new Set(['JoinGroup', 'SyncGroup'])
const all = handlers
  .filter(({ api }) => !WAIT.has(api.name))
  .map((handler) => [handler.api.name, handler] as const)

describe('an answer that grows with what is stored is spent and made in turns', () => {
  test.each(all)('%s', async (_name, { api, versions: [, last] }: Handler) => {
    for (const request of requestsForAll(api, last, known, NAMED)) await check(request)
  })
})
