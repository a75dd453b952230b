import type { SimDisk } from '../../../src/host/sim/disk.ts'
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../src/log/base/config.ts'
import { packedFiles } from '../packed-files.ts'
import { simulatedDisk, simulatedHost } from '../seeded.ts'
import { append, batchOf, openManager, readAll, TOPIC_ID } from '../support.ts'

const ROOT = '/data'
const DIRECTORY = `${ROOT}/t-0`
const config: Partial<LogConfig> = { segmentBytes: 20_000, indexIntervalBytes: 1000 }
const END = 602

/** The directory that Apache Kafka wrote. */
function kafkaDisk(isClean: boolean): { disk: SimDisk; files: Map<string, Buffer> } {
  const disk = simulatedDisk()
  disk.makeDirectory(DIRECTORY)
  const files = packedFiles('rolled-by-size')
  for (const [name, content] of files) disk.replaceFile(`${DIRECTORY}/${name}`, content)
  if (isClean) disk.replaceFile(`${ROOT}/.kafka_cleanshutdown`, '{"version":0,"brokerEpoch":1}')
  return { disk, files }
}

function openOn(disk: SimDisk) {
  const manager = openManager(ROOT, { host: simulatedHost(disk), config })
  return { manager, log: manager.get('t', 0)! }
}

async function expectReadable(disk: SimDisk, files: Map<string, Buffer>): Promise<void> {
  const { manager, log } = openOn(disk)
  expect(log.logEndOffset).toBe(END)
  const expected = [...files].filter(([name]) => name.endsWith('.log')).map(([, file]) => file)
  let offset = 0
  for (const file of expected) {
    const { bytes } = await readAll(log, offset)
    expect(bytes.equals(file)).toBe(true)
    offset = bytesEnd(bytes)
  }
  for (let each = 0; each < END; each += 13) {
    const { bytes } = await readAll(log, each, { maxBytes: 1 })
    expect(Number(bytes.readBigInt64BE(0))).toBeLessThanOrEqual(each)
    expect(bytesEnd(bytes)).toBeGreaterThan(each)
  }
  await manager.close()
}

function bytesEnd(bytes: Buffer): number {
  let end = -1
  for (let at = 0; at < bytes.length; at += bytes.readInt32BE(at + 8) + 12) {
    end = Number(bytes.readBigInt64BE(at)) + bytes.readInt32BE(at + 23) + 1
  }
  return end
}

describe.each([true, false])(
  'in a directory of Apache Kafka that was closed in order: %s',
  (isClean) => {
    test('everything is read', async () => {
      const { disk, files } = kafkaDisk(isClean)
      await expectReadable(disk, files)
    })

    const damages: [string, (content: Buffer) => Buffer | null][] = [
      ['missing', () => null],
      ['empty', () => Buffer.alloc(0)],
      ['shorter', (content) => content.subarray(0, content.length / 2)],
      ['with an entry cut in two', (content) => content.subarray(0, content.length - 3)],
      ['preallocated', (content) => Buffer.concat([content, Buffer.alloc(240)])],
      ['too long', (content) => Buffer.concat([content, Buffer.alloc(240, 0x11)])],
      ['rotten', (content) => Buffer.from(content).fill(0xa5, 8, 40)],
      [
        'with wrong positions',
        (content) => Buffer.from(content.map((byte, at) => (at % 8 === 7 ? byte ^ 1 : byte))),
      ],
    ]
    test.each(damages)('an offset index that is %s does no harm', async (_, damage) => {
      const { disk, files } = kafkaDisk(isClean)
      for (const [name, content] of files) {
        if (!name.endsWith('.index')) continue
        const damaged = damage(content)
        if (damaged === null) disk.remove(`${DIRECTORY}/${name}`)
        else disk.replaceFile(`${DIRECTORY}/${name}`, damaged)
      }
      await expectReadable(disk, files)
    })
  },
)

test('after an unclean stop all indexes are built as Kafka has them', async () => {
  const { disk, files } = kafkaDisk(false)
  for (const name of files.keys()) {
    if (/index$/.test(name)) disk.replaceFile(`${DIRECTORY}/${name}`, 'rotten')
    if (/snapshot$|checkpoint$/.test(name)) disk.remove(`${DIRECTORY}/${name}`)
  }
  await openOn(disk).manager.close()
  for (const [name, content] of files) {
    const actual = disk.readFile(`${DIRECTORY}/${name}`)
    // Producers of 2023 have expired by now.
    if (!name.endsWith('.snapshot')) expect([name, actual]).toEqual([name, content])
  }
})

test('a bad batch in the middle ends the log there, and the segments behind it go', async () => {
  const { disk, files } = kafkaDisk(false)
  const name = '00000000000000000251.log'
  const rotten = Buffer.from(files.get(name)!)
  rotten[9000]! ^= 1
  disk.replaceFile(`${DIRECTORY}/${name}`, rotten)
  const { log, manager } = openOn(disk)
  expect(log.logEndOffset).toBeGreaterThan(251)
  expect(log.logEndOffset).toBeLessThan(487)
  expect(log.segmentCount).toBe(2)
  expect(disk.exists(`${DIRECTORY}/00000000000000000487.log`)).toBe(false)
  const end = log.logEndOffset
  expect(await append(log, batchOf(1), { epoch: 9 })).toMatchObject({ baseOffset: end })
  await manager.close()
})

test('below the recovery point nothing is checked again', () => {
  const { disk, files } = kafkaDisk(false)
  const name = '00000000000000000000.log'
  const rotten = Buffer.from(files.get(name)!)
  rotten[9000]! ^= 1
  disk.replaceFile(`${DIRECTORY}/${name}`, rotten)
  disk.replaceFile(`${ROOT}/recovery-point-offset-checkpoint`, '0\n1\nt 0 251\n')
  expect(openOn(disk).log.logEndOffset).toBe(END)
})

test('a cleaner that was interrupted is finished: swapped segments take their place, half-cleaned ones go', async () => {
  const { disk, files } = kafkaDisk(true)
  const swap = files.get('00000000000000000251.log')!
  disk.replaceFile(`${DIRECTORY}/00000000000000000251.log.swap`, swap)
  disk.replaceFile(`${DIRECTORY}/00000000000000000251.log`, swap.subarray(0, 5000))
  disk.replaceFile(`${DIRECTORY}/00000000000000000487.log.cleaned`, 'half')
  disk.replaceFile(`${DIRECTORY}/00000000000000000000.index.deleted`, 'old')
  await expectReadable(disk, files)
  expect(disk.list(DIRECTORY).filter((name) => /(swap|cleaned|deleted)$/.test(name))).toEqual([])
})

test('where not all that a cleaner made is complete, nothing takes the place of what is there', async () => {
  const { disk, files } = kafkaDisk(true)
  const name = (kind: string) => `${DIRECTORY}/00000000000000000251.${kind}`
  const [log, index] = ['log', 'index'].map((kind) => files.get(`00000000000000000251.${kind}`)!)
  disk.replaceFile(`${DIRECTORY}/00000000000000000000.log.cleaned`, 'half')
  disk.replaceFile(`${name('log')}.swap`, log!.subarray(0, 5000))
  // The index is lost, and what lies there beside it is half of one.
  disk.replaceFile(`${name('index')}.swap`, index!.subarray(0, 8))
  disk.remove(name('index'))
  await expectReadable(disk, files)
  expect(disk.readFile(name('index'))).toEqual(index)
  expect(disk.list(DIRECTORY).filter((each) => /swap|cle|deleted/.test(each))).toEqual([])
})

test('a directory without a legible partition.metadata, or that is not wanted, is set aside', async () => {
  const { disk } = kafkaDisk(true)
  disk.replaceFile(`${DIRECTORY}/partition.metadata`, 'what?')
  const { manager, log } = openOn(disk)
  expect(log).toBeUndefined()
  expect(disk.list(ROOT).some((name) => /^t-0\.[0-9a-f]{32}-stray$/.test(name))).toBe(true)
  expect((await manager.createLog('t', 0, TOPIC_ID, DEFAULT_LOG_CONFIG)).logEndOffset).toBe(0)
})
