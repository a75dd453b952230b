import { batchNextOffset, buildBatch, setBatchBaseOffset } from '../../protocol/records/batch.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { controlBatch, leaderChange, quorumRecords } from '../../src/quorum/control.ts'
import { QuorumHistory } from '../../src/quorum/history.ts'
import type { Voter } from '../../src/quorum/types.ts'

const codecs = nodeCodecs()
const voters = (...ids: number[]): Voter[] =>
  ids.map((id) => ({ id, directoryId: `${id}`.repeat(21) + 'Q', endpoints: [] }))

/** Batches one behind the other, from an offset on. */
function log(offset: number, ...batches: Buffer[]): Buffer {
  let next = offset
  for (const batch of batches) {
    setBatchBaseOffset(batch, 0, next)
    next = batchNextOffset(batch, 0)
  }
  return Buffer.concat(batches)
}
const saying = (...ids: number[]): Buffer =>
  controlBatch(quorumRecords(1, voters(...ids)), 5, codecs)
const data = (): Buffer =>
  buildBatch({ records: [{ timestamp: 5, key: null, value: Buffer.from('data') }] }, codecs)
const idsOf = ({ voters: all }: { voters: readonly Voter[] | null }): number[] | undefined =>
  all?.map(({ id }) => id)

describe('what a log says of its quorum', () => {
  const started = (): QuorumHistory => {
    const history = new QuorumHistory({ kraftVersion: 1, voters: voters(1) }, 10)
    const election = controlBatch([leaderChange(1, voters(1), [1])], 5, codecs)
    // A set of voters, with the version before it, stands at 13 and 14; another one at 16 and 17.
    history.add(history.read(log(10, data(), election, data(), saying(1, 2), data()), codecs))
    history.add(history.read(log(16, saying(1, 2, 3)), codecs))
    return history
  }

  test('holds from its record on, until the next one', () => {
    const history = started()
    expect(idsOf(history.latest)).toEqual([1, 2, 3])
    expect([10, 13, 14, 16, 17].map((offset) => idsOf(history.before(offset)))).toEqual([
      [1],
      [1],
      [1, 2],
      [1, 2],
      [1, 2, 3],
    ])
  })

  test('of what is before the snapshot it knows what the snapshot says', () => {
    expect(idsOf(started().before(3))).toEqual([1])
  })

  test('is forgotten with the records that are cut', () => {
    const history = started()
    history.truncateTo(17)
    expect(idsOf(history.latest)).toEqual([1, 2, 3])
    history.truncateTo(16)
    expect(idsOf(history.latest)).toEqual([1, 2])
    history.truncateTo(11)
    expect(idsOf(history.latest)).toEqual([1])
    history.truncateTo(0)
    expect(idsOf(history.latest)).toEqual([1])
  })

  test('is no more than was said: other records, and what was only read, leave it as it is', () => {
    const history = started()
    expect(history.read(log(18, data(), data()), codecs)).toEqual([])
    expect(history.read(log(18, saying(4)), codecs)).toHaveLength(1)
    expect(idsOf(history.latest)).toEqual([1, 2, 3])
  })

  test('adds up over records and batches', () => {
    const history = new QuorumHistory({ kraftVersion: 0, voters: null }, 0)
    const [version, named] = quorumRecords(1, voters(7))
    history.add(history.read(log(0, controlBatch([version!], 5, codecs)), codecs))
    history.add(history.read(log(1, controlBatch([named!], 5, codecs)), codecs))
    expect([history.latest.kraftVersion, idsOf(history.latest)]).toEqual([1, [7]])
  })
})
