import { Kafka, logLevel } from 'kafkajs'
import { Produce } from '../../protocol/messages/produce.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { batch } from '../handlers/test-node.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ottla } from './command.ts'

const directories = temporaryDirectories()
let broker: RunningBroker
let kafka: Kafka
beforeAll(async () => {
  // So that somebody may leave a record in a transaction that no coordinator knows of.
  const settings = {
    'transaction.state.log.num.partitions': 2,
    'transaction.partition.verification.enable': false,
  }
  broker = await startBroker({ directory: directories.make(), settings })
  const retry = { initialRetryTime: 20, maxRetryTime: 200, retries: 50 }
  kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, retry })
})
afterAll(async () => {
  await broker.close()
  directories.removeAll()
})

const run = (args: string) => ottla(args.split(' '), { bootstrap: broker.bootstrap })
const json = async (args: string): Promise<unknown> => {
  const { code, stdout, stderr } = await run(`${args} --json`)
  if (code !== 0) throw new Error(`${args}: ${stderr}`)
  return JSON.parse(stdout) as unknown
}

/** Leaves a record of a transaction whose coordinator knows nothing of it, as Kafka's clients of old could. */
async function hang(topic: string, producerId: number): Promise<void> {
  const identity = { producerId, producerEpoch: 0, baseSequence: 0 }
  const records = batch(['x'], { ...identity, isTransactional: true })
  const client = await RawClient.connect(broker)
  const { responses } = await client.request(Produce, 11, {
    transactionalId: 'gone',
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
  })
  client.destroy()
  expect(responses[0]!.partitionResponses[0]!.errorCode).toBe('NONE')
}

/** Opens a transaction with one record in the topic's only partition. */
async function open(transactionalId: string, topic: string) {
  const options = { transactionalId, idempotent: true, maxInFlightRequests: 1 }
  const producer = kafka.producer(options)
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: [{ value: 'x' }] })
  return { transaction, producer }
}

describe('transactions', () => {
  test('are listed and described, by state and by pattern', async () => {
    expect((await run('transactions list')).stdout).toBe('There are no transactional ids.\n')
    const { transaction, producer } = await open('payments', 'orders')
    const [listed] = (await json('transactions list --state Ongoing')) as { producerId: number }[]
    expect(listed).toMatchObject({ transactionalId: 'payments', state: 'Ongoing', coordinator: 1 })
    expect(await json('transactions list --pattern x.*')).toEqual([])
    expect(await json('transactions list --open-for 1h')).toEqual([])
    expect(await json('transactions describe payments')).toMatchObject([
      {
        transactionalId: 'payments',
        state: 'Ongoing',
        producerId: listed!.producerId,
        producerEpoch: 0,
        timeoutMs: 60_000,
        topics: [{ topic: 'orders', partitions: [0] }],
      },
    ])
    await transaction.commit()
    await producer.disconnect()
    const { stdout } = await run('transactions describe payments')
    expect(stdout).toMatch(/^Open since: +-$/m)
    const unknown = await run('transactions describe nobody')
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringContaining('TRANSACTIONAL_ID_NOT_FOUND'),
    ])
  })

  test('that hang are those that no coordinator knows of, and can be ended', async () => {
    const { transaction, producer } = await open('alive', 'held')
    const find = 'transactions find-hanging -t held --open-for 0s'
    // As long as its coordinator will end it, it doesn't hang.
    expect(await json(find)).toEqual([])
    await hang('held', 5000)
    const [hanging] = (await json(find)) as { startOffset: number; producerId: number }[]
    expect(hanging).toMatchObject({ topic: 'held', partition: 0, producerId: 5000 })
    const at = `--start-offset ${hanging!.startOffset}`
    expect((await run(find)).stdout).toContain(`ottla transactions abort held 0 ${at}`)
    const wrong = await run('transactions abort held 0 --start-offset 99')
    expect([wrong.code, wrong.stderr.includes('begins at offset 99')]).toEqual([1, true])
    expect((await run(`transactions abort held 0 ${at}`)).stdout).toContain('Aborted')
    expect(await json(find)).toEqual([])
    await transaction.abort()
    await producer.disconnect()
  })

  test('that hold read_committed consumers up are told of, with who holds them and how to free them', async () => {
    const find = 'transactions find-hanging -t slow --all'
    const { transaction, producer } = await open('slow-one', 'slow')
    const [holder] = (await json(find)) as { since: number }[]
    expect(holder).toMatchObject({ topic: 'slow', startOffset: 0, transactionalId: 'slow-one' })
    expect(Date.now() - holder!.since).toBeLessThan(60_000)
    const { stdout } = await run(find)
    expect(stdout).toContain('slow-one')
    expect(stdout).toContain('ottla transactions abort --transactional-id slow-one')
    expect(await json('transactions find-hanging -t slow')).toEqual([])
    await hang('slow', 6000)
    const both = (await json(find)) as { transactionalId: string | null }[]
    expect(both.map(({ transactionalId }) => transactionalId)).toEqual(['slow-one', null])

    const abort = 'transactions abort --transactional-id slow-one'
    expect((await run(abort)).stdout).toContain('Aborted the transaction of slow-one')
    await expect(transaction.commit()).rejects.toThrow()
    await producer.disconnect()
    const again = await run(abort)
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('its state is')])
    const unknown = await run('transactions abort --transactional-id nobody')
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringContaining('TRANSACTIONAL_ID_NOT_FOUND'),
    ])
    const half = await run('transactions abort slow 0')
    expect([half.code, half.stderr]).toEqual([1, expect.stringContaining('--start-offset')])
  })
})
