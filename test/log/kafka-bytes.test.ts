import { readdirSync, readFileSync } from 'node:fs'
import {
  batchAttributes,
  batchLeaderEpoch,
  isControl,
  readBatches,
  setBatchBaseOffset,
} from '../../protocol/records/batch.ts'
import { useTemporaryDirectories } from '../support/temporary.ts'
import { append, openLog } from './support.ts'
import { packedFiles } from './packed-files.ts'

const temporaryDirectory = useTemporaryDirectories()

const cases = {
  'rolled-by-size': { segmentBytes: 20_000, indexIntervalBytes: 1000 },
  'index-full': { segmentBytes: 1_000_000, segmentIndexBytes: 100, indexIntervalBytes: 200 },
  'rolled-by-time': { segmentBytes: 1_000_000, segmentMs: 20_000 },
}

describe.each(Object.entries(cases))(
  '%s: the same batches give the files of Apache Kafka',
  (fixture, config) => {
    const expected = packedFiles(fixture)
    const path = temporaryDirectory()

    beforeAll(async () => {
      const { manager, log } = await openLog(path, { config })
      const done: Promise<unknown>[] = []
      for (const [name, file] of expected) {
        if (!name.endsWith('.log')) continue
        for (const original of readBatches(file)) {
          const batch = Buffer.from(original)
          const epoch = batchLeaderEpoch(batch, 0)
          setBatchBaseOffset(batch, 0, 0)
          const origin = isControl(batchAttributes(batch, 0)) ? 'coordinator' : 'client'
          done.push(append(log, batch, { epoch, origin }))
        }
      }
      for (const result of await Promise.all(done))
        expect(result).toMatchObject({ errorCode: 'NONE' })
      await manager.close()
    })

    test('they are the same files', () => {
      expect(readdirSync(`${path}/t-0`).sort()).toEqual([...expected.keys()].sort())
    })

    test.each([...expected.keys()])('%s', (name) => {
      const actual = readFileSync(`${path}/t-0/${name}`)
      expect(actual.toString('hex')).toBe(expected.get(name)!.toString('hex'))
    })
  },
)
