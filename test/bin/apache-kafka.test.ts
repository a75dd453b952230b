import { connect } from '../../bin/client/index.ts'
import { AddPartitionsToTxn } from '../../protocol/messages/add-partitions-to-txn.ts'
import { EndTxn } from '../../protocol/messages/end-txn.ts'
import { InitProducerId } from '../../protocol/messages/init-producer-id.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { buildBatch } from '../../protocol/records/batch.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { apacheUnderTest, type LoneBroker } from '../clients/broker.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ottla } from './command.ts'
import { compareDumps } from './compare-dumps.ts'
import { commandScenario } from './scenario.ts'

const jars = process.env['OTTLA_KAFKA_JARS']

if (jars === undefined) {
  test.skip('The commands on Apache Kafka (needs OTTLA_KAFKA_JARS, the folder of its jars, and Java)', () =>
    undefined)
} else {
  describe('The commands on Apache Kafka', () => {
    const directories = temporaryDirectories()
    let broker: LoneBroker

    beforeAll(async () => {
      broker = await apacheUnderTest(directories.make(), {
        'group.initial.rebalance.delay.ms': '0',
      })
      await broker.start()
    }, 300_000)
    afterAll(async () => {
      await broker.stop()
      directories.removeAll()
    }, 60_000)

    commandScenario(() => broker)

    test('read_committed leaves out what was aborted, read_uncommitted does not', async () => {
      await ottla(['topics', 'create', 'ledger'], { bootstrap: broker.bootstrap })
      await transaction(broker.bootstrap, 'ledger', ['kept'], true)
      await transaction(broker.bootstrap, 'ledger', ['aborted'], false)
      await transaction(broker.bootstrap, 'ledger', ['kept too'], true)
      const read = (isolation: string) =>
        ottla(['consume', 'ledger', '--isolation', isolation], { bootstrap: broker.bootstrap })
      expect((await read('read_committed')).stdout).toBe('kept\nkept too\n')
      expect((await read('read_uncommitted')).stdout).toBe('kept\naborted\nkept too\n')
    }, 60_000)

    test("log dump says of every file what Apache's DumpLogSegments says", async () => {
      // Recovery leaves files of every kind, and then nobody writes to them.
      await broker.kill9()
      await broker.start()
      await broker.kill9()
      const compared = await compareDumps(broker.dataDirectory)
      expect(Object.keys(compared).sort()).toEqual([
        'checkpoint',
        'index',
        'log',
        'snapshot',
        'timeindex',
        'txnindex',
      ])
      expect(compared['log']).toBeGreaterThan(100)
    }, 300_000)
  })
}

/** Writes values in a transaction of its own, as a client of before KIP-890 does it, and ends it. */
async function transaction(
  bootstrap: string,
  topic: string,
  values: readonly string[],
  committed: boolean,
): Promise<void> {
  const [host, port] = bootstrap.split(':') as [string, string]
  const client = await connect(host, Number(port))
  const transactionalId = `to-${topic}`
  try {
    const ask = { kind: 'transaction' } as const
    const done = (errorCode: string): void => {
      if (errorCode !== 'NONE') throw new Error(errorCode)
    }
    const producer = await client.retry(
      async () => {
        const answer = await client.requestCoordinator(
          transactionalId,
          InitProducerId,
          { transactionalId, transactionTimeoutMs: 30_000 },
          { ...ask, version: 4 },
        )
        done(answer.errorCode)
        return answer
      },
      { isRetriable: () => true },
    )
    const { producerId, producerEpoch } = producer
    const v3AndBelow = {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions: [0] }],
    }
    await client.retry(
      async () => {
        const added = await client.requestCoordinator(
          transactionalId,
          AddPartitionsToTxn,
          { ...v3AndBelow, transactions: [] },
          { ...ask, version: 3 },
        )
        done(added.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode)
      },
      { isRetriable: () => true },
    )
    const records = values.map((value) => ({
      timestamp: Date.now(),
      key: null,
      value: Buffer.from(value),
    }))
    const batch = buildBatch(
      { records, producerId, producerEpoch, baseSequence: 0, isTransactional: true },
      nodeCodecs(),
    )
    const produced = await client.request(
      Produce,
      {
        transactionalId,
        acks: -1,
        timeoutMs: 10_000,
        topicData: [
          { name: topic, topicId: ZERO_UUID, partitionData: [{ index: 0, records: batch }] },
        ],
      },
      { version: 11 },
    )
    done(produced.responses[0]!.partitionResponses[0]!.errorCode)
    const ended = await client.requestCoordinator(
      transactionalId,
      EndTxn,
      { transactionalId, producerId, producerEpoch, committed },
      { ...ask, version: 4 },
    )
    done(ended.errorCode)
  } finally {
    await client.close()
  }
}
