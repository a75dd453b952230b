import { Fetch } from '../../protocol/messages/fetch.ts'
import { BufferPool } from '../../src/host/buffer-pool.ts'
import { nodeHost } from '../../src/host/node.ts'
import { AnswerMemory } from '../../src/peer/answer-memory.ts'
import { Connection } from '../../src/peer/connection.ts'
import { IN_THE_CLEAR } from '../../src/peer/security.ts'
import { answer, fakeBroker } from './fake-broker.ts'

const host = { ...nodeHost({ log: { level: 'silent' } }), security: IN_THE_CLEAR }
const BYTES = 20_000

test('what was given back is not given back again', () => {
  const pool = new BufferPool(1 << 20)
  const memory = new AnswerMemory(pool)
  memory.take(BYTES)
  memory.give()
  memory.give()
  expect(pool.take(BYTES) === pool.take(BYTES)).toBe(false)
})

test('the memory of an answer is the next one’s once it was given back, and nobody else’s before', async () => {
  let round = 0
  const broker = await fakeBroker([
    answer(Fetch, () => ({
      errorCode: 'NONE',
      sessionId: 0,
      responses: [
        {
          topicId: 'BBBBBBBBBBBBBBBBBBBBBA',
          partitions: [
            {
              partitionIndex: 0,
              errorCode: 'NONE',
              highWatermark: 0,
              lastStableOffset: 0,
              logStartOffset: 0,
              abortedTransactions: null,
              records: Buffer.alloc(BYTES, String(round++)),
            },
          ],
        },
      ],
    })),
  ])
  const options = { clientId: 'test', connectTimeoutMs: 10_000, requestTimeoutMs: 10_000 }
  const connection = await Connection.open(host, { host: '127.0.0.1', port: broker.port }, options)
  try {
    const memory = new AnswerMemory(new BufferPool(1 << 20))
    const fetched = async (into?: AnswerMemory): Promise<Buffer> => {
      const body = { maxWaitMs: 0, minBytes: 0, topics: [], forgottenTopicsData: [] }
      const { responses } = await connection.request(Fetch, body, { memory: into })
      return responses[0]!.partitions[0]!.records!
    }
    const first = await fetched(memory)
    memory.give()
    const second = await fetched(memory)
    expect(second.buffer === first.buffer).toBe(true)
    expect(String(second)).toBe('1'.repeat(BYTES))

    const third = await fetched(memory)
    const fourth = await fetched()
    expect(third.buffer === second.buffer).toBe(false)
    expect(fourth.buffer === second.buffer || fourth.buffer === third.buffer).toBe(false)
    expect([second, third, fourth].map((bytes) => String(bytes.subarray(-1)))).toEqual([
      '1',
      '2',
      '3',
    ])
  } finally {
    connection.close()
    broker.close()
  }
})
