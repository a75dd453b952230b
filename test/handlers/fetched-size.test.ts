import { codecOf } from '../../protocol/codec.ts'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { FetchedSize } from '../../src/handlers/fetched-size.ts'
import type { PartitionData } from '../../src/replication/fetch/partition-data.ts'

const topics = [
  { topic: 'a', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitions: 1 },
  { topic: 'b'.repeat(130), topicId: 'AAAAAAAAAAAAAAAAAAAAAg', partitions: 200 },
]
const sizes = [0, 1, 126, 127, 128, 20_000]

function data(topic: (typeof topics)[number], partition: number, at: number): PartitionData {
  const sizeBytes = sizes[at % sizes.length]!
  const aborted = Array.from({ length: at % 3 }, () => ({ producerId: 1, firstOffset: 2 }))
  return {
    target: { topic: topic.topic, topicId: topic.topicId, partition },
    errorCode: 'NONE',
    highWatermark: 1,
    lastStableOffset: 1,
    logStartOffset: 0,
    abortedTransactions: aborted.length === 0 ? null : aborted,
    chunks: [Buffer.alloc(sizeBytes)],
    sizeBytes,
  } as unknown as PartitionData
}

test.each([4, 5, 7, 10, 11, 12, 13, 18])(
  'An answer to Fetch v%d has as many bytes as are counted, and four for its length',
  (version) => {
    const size = new FetchedSize(version)
    const empty = new FetchedSize(version)
    let at = 0
    const responses = topics.map((topic) => ({
      ...topic,
      partitions: Array.from({ length: topic.partitions }, (_, index) => {
        const each = data(topic, index, at++)
        size.add(each)
        const { highWatermark, lastStableOffset, logStartOffset, abortedTransactions } = each
        return {
          partitionIndex: index,
          errorCode: 'NONE' as const,
          highWatermark,
          lastStableOffset,
          logStartOffset,
          abortedTransactions,
          records: each.chunks,
        }
      }),
    }))
    const written = (answer: (typeof Fetch)['response']['encoded']): number => {
      const writer = new Writer()
      codecOf(Fetch.response, version).write(writer, answer)
      return writer.size
    }
    expect(size.bytes).toBe(written({ responses }) + 4)
    expect(empty.bytes).toBe(written({ responses: [] }) + 4)
  },
)
