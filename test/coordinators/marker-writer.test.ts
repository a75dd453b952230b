import { CoordinatorError } from '../../src/coordinators/runtime/errors.ts'
import { LocalMarkerWriter } from '../../src/coordinators/marker-writer.ts'
import type { Partition } from '../../src/replication/partition/partition.ts'
import type { TransactionEnd } from '../../src/replication/transactions.ts'

const END: Omit<TransactionEnd, 'partitions'> = {
  producerId: 4000,
  producerEpoch: 5,
  coordinatorEpoch: 3,
  transactionVersion: 2,
  result: 'COMMIT',
}
const OFFSETS = { topic: '__consumer_offsets', partition: 0 }

/** Of topics by their names: `bug` fails as nothing should. */
function writerWith(groups: () => Promise<unknown>, logged: string[] = []): LocalMarkerWriter {
  return new LocalMarkerWriter({
    clock: { endOfTurn: (callback) => void setImmediate(callback) },
    log: { error: (_fields, message) => void logged.push(message) },
    replicas: {
      find: (topic) => {
        if (topic === 'elsewhere') return 'NOT_LEADER_OR_FOLLOWER'
        const appendMarker: Partition['appendMarker'] = (_marker, _timeoutMs, done) => {
          if (topic === 'bug') throw new Error('a bug')
          done('NONE')
        }
        return { appendMarker } as Partition
      },
    },
    groups: { askPartition: groups as never },
    timeoutMs: () => 1000,
  })
}

const at = (...topics: string[]) => topics.map((topic) => ({ topic, partition: 0 }))

describe('markers of the partitions that a broker leads', () => {
  test('are told of one by one: what one comes to by a bug is no other’s error, and the log has it', async () => {
    const logged: string[] = []
    const writer = writerWith(() => Promise.reject(new Error('a bug of the groups')), logged)
    const partitions = [...at('t', 'bug', 'elsewhere'), OFFSETS]
    expect(await writer.write({ ...END, partitions })).toEqual([
      'NONE',
      'UNKNOWN_SERVER_ERROR',
      'NOT_LEADER_OR_FOLLOWER',
      'UNKNOWN_SERVER_ERROR',
    ])
    const line = 'The marker of a transaction could not be written'
    expect(logged).toEqual([line, line])
  })

  test.each([
    ['NOT_COORDINATOR', 'NOT_LEADER_OR_FOLLOWER'],
    ['COORDINATOR_LOAD_IN_PROGRESS', 'NOT_LEADER_OR_FOLLOWER'],
    ['INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_EPOCH'],
  ] as const)('for offsets that groups refuse with %s come to %s', async (code, told) => {
    const writer = writerWith(() => Promise.reject(new CoordinatorError(code)))
    expect(await writer.write({ ...END, partitions: [OFFSETS] })).toEqual([told])
  })

  test('for offsets are written by the groups’ coordinator', async () => {
    const writer = writerWith(() => Promise.resolve(null))
    expect(await writer.write({ ...END, partitions: [OFFSETS] })).toEqual(['NONE'])
  })

  test('of many partitions are all written', async () => {
    const writer = writerWith(() => Promise.resolve(null))
    const partitions = Array.from({ length: 350 }, (_, partition) => ({ topic: 't', partition }))
    const errors = await writer.write({ ...END, partitions })
    expect(errors).toHaveLength(350)
    expect(new Set(errors)).toEqual(new Set(['NONE']))
  })
})
