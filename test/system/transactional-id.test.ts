import { Kafka, logLevel } from 'kafkajs'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker } from '../../src/index.ts'
import { temporaryDirectories } from '../support/temporary.ts'

const directories = temporaryDirectories()
afterAll(() => directories.removeAll())

test('a transactional producer is refused at its first request of an id, with a line in the log', async () => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const host = nodeHost({ log: { level: 'warn', destination } })
  const broker = await startBroker({ directory: directories.make(), host })
  const kafka = new Kafka({
    brokers: [broker.bootstrap],
    logLevel: logLevel.NOTHING,
    retry: { retries: 1_000_000 },
  })
  const producer = kafka.producer({ transactionalId: 'payments', idempotent: true })
  await producer.connect()
  await expect(producer.transaction()).rejects.toMatchObject({
    type: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  })
  await producer.disconnect()
  await broker.close()
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0]!)).toMatchObject({
    transactionalId: 'payments',
    msg: expect.stringContaining('no transactions yet'),
  })
})
