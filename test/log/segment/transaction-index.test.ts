import path from 'node:path'
import { OpenFiles } from '../../../src/log/base/open-files.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'
import { realHost } from '../support.ts'
import {
  ABORTED_TRANSACTION_BYTES,
  decodeAborted,
  encodeAborted,
  TransactionIndex,
} from '../../../src/log/segment/transaction-index.ts'

const temporaryDirectory = useTemporaryDirectories()
const entry = { producerId: 4, firstOffset: 100, lastOffset: 107, lastStableOffset: 108 }

describe('an aborted transaction in a .txnindex', () => {
  test('has the bytes that Apache Kafka writes', () => {
    const bytes = encodeAborted(entry)
    const words = ['0000000000000004', '0000000000000064', '000000000000006b', '000000000000006c']
    expect(bytes.toString('hex')).toBe(`0000${words.join('')}`)
    expect(bytes).toHaveLength(ABORTED_TRANSACTION_BYTES)
  })

  test('comes back as it was', () => {
    const later = {
      producerId: 2 ** 53 - 1,
      firstOffset: 50,
      lastOffset: 108,
      lastStableOffset: 50,
    }
    const file = Buffer.concat([entry, later].map(encodeAborted))
    expect(decodeAborted(file, 107)).toEqual([entry, later])
    expect(decodeAborted(Buffer.alloc(0), 107)).toEqual([])
  })

  const damage: [string, (file: Buffer) => Buffer, number?][] = [
    ['a version that nobody knows', (file) => (file.writeInt16BE(1, 34), file)],
    ['a number that no offset can be', (file) => (file.writeInt32BE(0x200000, 2), file)],
    ['part of a line', (file) => file.subarray(0, 67)],
    ['the same marker twice', (file) => Buffer.concat([file, file.subarray(34)])],
    ['a marker before the segment', (file) => file, 108],
  ]
  test.each(damage)('makes the file one to be built anew with %s', (_what, damaged, base = 107) => {
    const file = Buffer.concat([entry, { ...entry, lastOffset: 108 }].map(encodeAborted))
    expect(decodeAborted(file, 107)).toHaveLength(2)
    expect(decodeAborted(damaged(file), base)).toBeNull()
  })
})

test('a truncation takes the transaction whose marker is at its offset, also from the file', async () => {
  const files = new OpenFiles(realHost().disk, 10)
  const file = path.join(temporaryDirectory(), '0.txnindex')
  const index = new TransactionIndex(files, 0, false)
  const entries = [5, 9, 12].map((lastOffset) => ({ ...entry, lastOffset }))
  for (const each of entries) index.append(file, each)
  for (const [offset, left] of [
    [13, 3],
    [12, 2],
    [7, 1],
  ] as const) {
    index.truncateTo(file, offset)
    expect(await index.entries(file)).toEqual(entries.slice(0, left))
    const again = new TransactionIndex(files, 0, true)
    expect(await again.entries(file)).toEqual(entries.slice(0, left))
  }
})
