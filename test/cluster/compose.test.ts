import type { Driver } from '../clients/driver.ts'
import { checkReadBack, checkStream, sentRecord } from '../clients/records.ts'
import { until } from '../clients/wait.ts'
import { killAll } from '../support/broker-process.ts'
import { hostsMissing } from '../support/hosts.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { ComposedCluster } from './composed.ts'

const directories = temporaryDirectories()
let cluster: ComposedCluster | null = null
afterEach(async () => {
  await cluster?.close()
  await killAll()
  directories.removeAll()
})

const missing = hostsMissing()
/** Far above what it takes, for a machine that is busy. */
const LIMIT_MS = 300_000
const withHosts = (name: string, body: () => Promise<void>): void =>
  missing === null
    ? test(name, body, LIMIT_MS)
    : test.skip(`${name} (needs ${missing})`, body, LIMIT_MS)

/** Besides what the files say: readers don't wait for others to join their group. */
const AT_ONCE = { KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0' }
const RECORDS = Array.from({ length: 500 }, (_, index) => sentRecord(index, {}))

/** One client writes, the other one reads what it wrote. */
async function exchange(topic: string, writer: Driver, reader: Driver): Promise<void> {
  await writer.call('create', { topic, partitions: 3 })
  await writer.call('produce', { topic, codec: 'none', records: RECORDS })
  const { records } = await reader.call('consume', { topic, count: RECORDS.length })
  checkReadBack(RECORDS, records)
}

withHosts(
  'docker/compose.single.yaml: a client of the machine writes and reads, and again after the container was replaced',
  async () => {
    cluster = new ComposedCluster('docker/compose.single.yaml', directories.make(), AT_ONCE)
    const [name] = cluster.names as [string]
    await cluster.start(name)
    await cluster.isHealthy(name)
    const client = cluster.outsideClient()
    await exchange('orders', client, client)
    const [ended] = await cluster.stop(name)
    expect(ended).toMatchObject({ code: 0, signal: null })
    await cluster.start(name)
    const { records } = await client.call('consume', { topic: 'orders', count: RECORDS.length })
    checkReadBack(RECORDS, records)
  },
)

withHosts(
  'docker/compose.yaml: clients of the machine and clients among the services use it, also while one container is gone',
  async () => {
    const { names } = (cluster = new ComposedCluster(
      'docker/compose.yaml',
      directories.make(),
      AT_ONCE,
    ))
    await cluster.start(...names)
    await Promise.all(names.map((name) => cluster!.isHealthy(name)))
    const [outside, inside] = [cluster.outsideClient(), cluster.insideClient()]
    await Promise.all([
      exchange('from-outside', outside, inside),
      exchange('from-inside', inside, outside),
    ])
    const streams = [
      { driver: outside, topic: 'outside' },
      { driver: inside, topic: 'inside' },
    ]
    const results = Promise.all(
      streams.map(async ({ driver, topic }) => {
        await driver.call('create', { topic, partitions: 1 })
        return driver.call('stream', { stream: topic, topic, idempotent: true }, LIMIT_MS)
      }),
    )
    // One that fails is told of below, if nothing else fails before.
    results.catch(() => undefined)
    const acked = (): number[] => streams.map(({ driver, topic }) => driver.acked.get(topic) ?? 0)
    const more = (): Promise<void> => {
      const wanted = acked().map((count) => count + 1000)
      return until(
        () => acked().every((count, index) => count >= wanted[index]!),
        () => `${wanted.join()} records to be acknowledged: ${acked().join()}`,
        LIMIT_MS,
      )
    }
    await more()
    const gone = await cluster.leaderOf('outside')
    await cluster.remove(gone)
    await more()
    for (const { driver, topic } of streams) await driver.call('stop', { stream: topic })
    await results
    await cluster.add(gone)
    await cluster.isHealthy(gone)
    for (const [index, result] of (await results).entries()) {
      const { topic } = streams[index]!
      const { driver } = streams[1 - index]!
      await cluster.inSync(topic)
      await driver.call('produce', { topic, codec: 'none', records: [['end', 'end', []]] })
      const { records } = await driver.call('consume', { topic, until: 'end' }, LIMIT_MS)
      checkStream(result, records.slice(0, -1), { once: true, inOrder: true })
    }
    for (const ended of await cluster.stop(...names)) expect(ended).toMatchObject({ code: 0 })
  },
)
