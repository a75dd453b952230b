import { readFileSync } from 'node:fs'
import {
  batchAttributes,
  batchBaseOffset,
  isControl,
  readBatches,
  readRecords,
} from '../../protocol/records/batch.ts'
import { decodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { TestNode } from './support.ts'
import { BROKER, removeDirectory, startNode } from './support.ts'

const started: TestNode[] = []
async function start(): Promise<TestNode> {
  const node = await startNode()
  started.push(node)
  return node
}

afterEach(async () => {
  for (const node of started.splice(0)) {
    await node.close()
    removeDirectory(node.path)
  }
})

/** The only voter says that it listens elsewhere: that is a record of the quorum's own. */
const moveVoter = ({ node, identity }: TestNode, port: number) =>
  node.submit({
    type: 'changeVoters',
    change: {
      kind: 'update',
      kraftVersions: { min: 0, max: 1 },
      voter: {
        id: 1,
        directoryId: identity.directoryId,
        endpoints: [{ name: 'CONTROLLER', host: 'localhost', port }],
      },
    },
  })

const register = ({ node }: TestNode, brokerId: number) =>
  node.submit({
    type: 'registerBroker',
    ...BROKER,
    brokerId,
    logDirs: [`${brokerId}`.repeat(21) + 'Q'],
  })

/** What brokers' registrations in the log say that their epochs are, and where they stand. */
function registrations({ path }: TestNode): { epoch: number; offset: number }[] {
  const found: { epoch: number; offset: number }[] = []
  const log = readFileSync(`${path}/__cluster_metadata-0/${'0'.repeat(20)}.log`)
  for (const batch of readBatches(log)) {
    if (isControl(batchAttributes(batch, 0))) continue
    let offset = batchBaseOffset(batch, 0)
    for (const { value } of readRecords(batch, nodeCodecs())) {
      const record = decodeMetadataRecord(value!)
      if (record.type === 'RegisterBrokerRecord') {
        found.push({ epoch: record.value.brokerEpoch, offset })
      }
      offset++
    }
  }
  return found
}

describe('a change of the voters', () => {
  test('before a broker registers leaves its epoch the offset of its record', async () => {
    const node = await start()
    const before = node.node.quorum!.nextOffset
    expect(await moveVoter(node, 9093)).toMatchObject({ errorCode: 'NONE' })
    const reply = await register(node, 1)
    expect(reply).toEqual({ errorCode: 'NONE', errorMessage: null, brokerEpoch: before + 1 })
    expect(node.failures).toEqual([])
    expect(registrations(node)).toEqual([{ epoch: before + 1, offset: before + 1 }])
  })

  test('in the turn in which brokers register stands where it was asked for', async () => {
    const node = await start()
    const before = node.node.quorum!.nextOffset
    const first = register(node, 1)
    const moved = moveVoter(node, 9093)
    const second = register(node, 2)
    const third = register(node, 3)
    expect(await moved).toMatchObject({ errorCode: 'NONE' })
    const replies = await Promise.all([first, second, third])
    const epochs = replies.map(({ brokerEpoch }) => brokerEpoch)
    expect(epochs).toEqual([before, before + 2, before + 3])
    expect(registrations(node)).toEqual(epochs.map((epoch) => ({ epoch, offset: epoch })))
    expect(node.node.quorum!.highWatermark).toBe(before + 4)
    expect(node.failures).toEqual([])
  })
})
