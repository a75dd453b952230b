import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import { FindCoordinator } from '../../protocol/messages/find-coordinator.ts'
import { Heartbeat } from '../../protocol/messages/heartbeat.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { buildBatch, setBatchCrc } from '../../protocol/records/batch.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Workers } from '../../src/host/host.ts'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker, type RunningBroker } from '../../src/index.ts'
import { RawClient } from '../support/raw-client.ts'

const codecs = nodeCodecs()
const host = nodeHost({ log: { level: 'silent' } })

/** Threads that begin a job when the test lets them. */
let letBegin: () => void = () => {}
const mayBegin = new Promise<void>((resolve) => (letBegin = resolve))
let jobCount = 0
const workers: Workers = {
  run: async (job, task, options) => {
    jobCount++
    await mayBegin
    return host.workers.run(job, task, options)
  },
  close: () => host.workers.close(),
}

let broker: RunningBroker
beforeAll(async () => {
  broker = await startBroker({
    host: { ...host, workers },
    settings: { 'offsets.topic.num.partitions': 1 },
  })
})
afterAll(async () => {
  await broker.close()
  await workers.close()
})

/** 150 KB that are 150 MiB: more than the records of a batch may be. */
function bomb(): Buffer {
  const { buffer: header } = Uint8Array.from(
    buildBatch(
      { records: [{ timestamp: Date.now(), key: Buffer.from('k'), value: null }] },
      codecs,
    ),
  )
  // A gzip file may have many members, one after the other.
  const zeros = codecs.compress('gzip', Buffer.alloc(1 << 20))
  const members = Array.from({ length: 150 }, () => zeros)
  const batch = Buffer.concat([Buffer.from(header, 0, 61), ...members])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt16BE(1, 21)
  setBatchCrc(batch, 0, codecs.crc32c)
  return batch
}

async function heartbeat(client: RawClient): Promise<string> {
  const member = { groupId: 'g', generationId: 1, memberId: 'nobody' }
  return (await client.request(Heartbeat, 4, member)).errorCode
}

test('members heartbeat while a compression bomb for a compacted topic is looked at', async () => {
  const member = await RawClient.connect(broker)
  await member.request(CreateTopics, 7, {
    topics: [
      {
        name: 'compacted',
        numPartitions: 1,
        replicationFactor: 1,
        assignments: [],
        configs: [{ name: 'cleanup.policy', value: 'compact' }],
      },
    ],
  })
  await member.request(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] })
  while ((await heartbeat(member)) !== 'UNKNOWN_MEMBER_ID');

  const attacker = await RawClient.connect(broker)
  attacker.send(Produce, 9, {
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name: 'compacted', partitionData: [{ index: 0, records: bomb() }] }],
  })
  let isAnswered = false
  const answer = attacker.receive(Produce, 9).then((answered) => {
    isAnswered = true
    return answered.responses[0]!.partitionResponses[0]!
  })
  while (jobCount === 0) expect(await heartbeat(member)).toBe('UNKNOWN_MEMBER_ID')
  letBegin()
  while (!isAnswered) expect(await heartbeat(member)).toBe('UNKNOWN_MEMBER_ID')
  expect(await answer).toMatchObject({
    errorCode: 'INVALID_RECORD',
    errorMessage: expect.stringContaining('more than') as string,
  })
  expect(jobCount).toBe(1)
  member.destroy()
  attacker.destroy()
})
