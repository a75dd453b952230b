import { readFileSync } from 'node:fs'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { killAll, startProcess } from '../support/broker-process.ts'
import type { BrokerProcess } from '../support/broker-process.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { createTopic } from './load.ts'

const directories = temporaryDirectories()
afterAll(async () => {
  await killAll()
  directories.removeAll()
})

const TICKS_PER_SECOND = 100

interface Started {
  readonly broker: BrokerProcess
  readonly partitions: number
  /** From the start of the process to the first Metadata answer. */
  readonly tookMs: number
  /** Processor time until then, which says the same on a busy machine; null where the system doesn't tell. */
  readonly processorMs: number | null
}

async function start(directory: string): Promise<Started> {
  const startMs = performance.now()
  const broker = await startProcess({ 'log.dirs': directory })
  const client = await RawClient.connect(broker)
  const { topics } = await client.request(Metadata, 12, { topics: null })
  const tookMs = performance.now() - startMs
  client.destroy()
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions.length, 0)
  return { broker, partitions, tookMs, processorMs: processorMsOf(broker.pid) }
}

function processorMsOf(pid: number): number | null {
  if (process.platform !== 'linux') return null
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')
  return ((Number(fields[13]) + Number(fields[14])) * 1000) / TICKS_PER_SECOND
}

function residentMegabytesOf(pid: number): number | null {
  if (process.platform !== 'linux') return null
  const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Math.round((Number(kibibytes) * 1024) / 1e6)
}

const said = ({ tookMs, processorMs }: Started): string =>
  `${Math.round(tookMs)} ms (${processorMs} ms of processor time)`

test('says how long it takes to serve, and how much memory it needs', async () => {
  const directory = directories.make()
  const empty = await start(directory)
  const idle = residentMegabytesOf(empty.broker.pid)
  empty.broker.kill('SIGKILL')
  await empty.broker.ended()

  const killed = await start(directory)
  await createTopic(killed.broker, 'thousand', 1000)
  killed.broker.kill('SIGTERM')
  expect(await killed.broker.ended()).toMatchObject({ code: 0 })

  const full = await start(directory)
  expect(full.partitions).toBe(1000)
  const withPartitions = residentMegabytesOf(full.broker.pid)
  full.broker.kill('SIGKILL')
  await full.broker.ended()

  const recovered = await start(directory)
  expect(recovered.partitions).toBe(1000)
  recovered.broker.kill('SIGTERM')
  await recovered.broker.ended()

  console.log(
    [
      'from the start of the process to the first Metadata answer:',
      `  empty directory: ${said(empty)}; after kill -9: ${said(killed)}`,
      `  1,000 partitions: ${said(full)}; after kill -9: ${said(recovered)}`,
      `resident: ${idle} MB when empty, ${withPartitions} MB with 1,000 partitions`,
    ].join('\n'),
  )
})
