import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import {
  batchAttributes,
  batchBaseOffset,
  batchMaxTimestamp,
  batchRecordCount,
  batchSizeBytes,
  buildBatch,
  isControl,
  setBatchCrc,
  setBatchLeaderEpoch,
  setBatchMaxTimestamp,
} from '../../protocol/records/batch.ts'
import { verifyPath } from '../../bin/verify/directory.ts'
import { systemDisk } from '../../src/host/disk.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import { encodeProducerSnapshot } from '../../src/log/producers/producer-snapshot.ts'
import { ProducerEntry } from '../../src/log/producers/producer-entry.ts'
import { startBroker } from '../../src/index.ts'
import { packedFiles } from '../log/packed-files.ts'
import { useTemporaryDirectories } from '../support/temporary.ts'
import { ottla } from './command.ts'

const temporaryDirectory = useTemporaryDirectories()
const codecs = nodeCodecs()
const crc32c = (bytes: Uint8Array): number => codecs.crc32c(bytes)

const FIRST = '00000000000000000000'
const SECOND = '00000000000000000251'
const LAST = '00000000000000000487'
const END = 602

/** The files of a log directory by their path in it, with a partition that Apache Kafka wrote and closed. */
function logDirectory(): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (const [name, content] of packedFiles('rolled-by-size')) {
    files.set(`t-0/${name}`, Buffer.from(content))
  }
  const text = (name: string, content: string): void => void files.set(name, Buffer.from(content))
  text('meta.properties', 'version=1\ncluster.id=AAAAAAAAQACAAAAAAAAAAQ\nnode.id=1\n')
  text('recovery-point-offset-checkpoint', `0\n1\nt 0 ${END}\n`)
  text('.kafka_cleanshutdown', '{"version":0,"brokerEpoch":5}')
  return files
}

function write(files: ReadonlyMap<string, Buffer>): string {
  const directory = temporaryDirectory()
  mkdirSync(join(directory, 't-0'))
  for (const [name, content] of files) writeFileSync(join(directory, name), content)
  return directory
}

interface Reported {
  readonly kind: string
  readonly file?: string
  readonly position?: number
  readonly offset?: number
  readonly problem?: string
}

/** What is reported of a path, files without their directory; and the exit code. */
async function verify(directory: string, path = directory, ...options: string[]) {
  const { stdout, code } = await ottla(['log', 'verify', '--json', ...options, path])
  const reports = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Reported)
    .filter(({ kind }) => kind !== 'summary')
    .map(({ file, ...rest }) => ({ ...rest, file: file?.slice(directory.length + 1) }))
  return { reports, code }
}

/** Positions of the batches of a segment. */
function positionsOf(log: Buffer): number[] {
  const positions: number[] = []
  for (let at = 0; at < log.length; at += batchSizeBytes(log, at)) positions.push(at)
  return positions
}

test('a directory that is sound has nothing to report, and nothing of it changes', async () => {
  const directory = write(logDirectory())
  const stamps = () =>
    readdirSync(join(directory, 't-0')).map((name) => {
      const { mtimeMs, size } = statSync(join(directory, 't-0', name))
      return [name, mtimeMs, size]
    })
  const before = stamps()
  const { stdout, code } = await ottla(['log', 'verify', '--deep', directory])
  expect(stdout).toMatch(
    /^Checked 1 partition, 3 segments, \d+ batches, \d+ records: .* MB\/s\)\n$/,
  )
  expect(code).toBe(0)
  expect(stamps()).toEqual(before)
})

type Damage = (files: Map<string, Buffer>) => void
const flip =
  (name: string, at: number): Damage =>
  (files) => {
    files.get(`t-0/${name}`)![at]! ^= 1
  }
const cut =
  (name: string, at: number): Damage =>
  (files) => {
    files.set(`t-0/${name}`, files.get(`t-0/${name}`)!.subarray(0, at))
  }
const log = packedFiles('rolled-by-size').get(`${SECOND}.log`)!
const positions = positionsOf(log)
const third = positions[2]!
const thirdOffset = batchBaseOffset(log, third)

/** Changes the third batch of the middle segment, its checksum too. */
const rewritten =
  (change: (log: Buffer) => void): Damage =>
  (files) => {
    const content = files.get(`t-0/${SECOND}.log`)!
    change(content)
    setBatchCrc(content, third, crc32c)
  }

const cases: [string, Damage, object][] = [
  [
    'a bit of a record',
    flip(`${SECOND}.log`, third + 70),
    {
      file: `t-0/${SECOND}.log`,
      position: third,
      offset: thirdOffset,
      problem: /checksum is wrong/,
    },
  ],
  [
    "a batch's length",
    flip(`${SECOND}.log`, third + 9),
    {
      file: `t-0/${SECOND}.log`,
      position: third,
      offset: thirdOffset,
      problem: /There are \d+ bytes/,
    },
  ],
  [
    'offsets that go back',
    rewritten((content) => content.writeBigInt64BE(BigInt(251), third)),
    {
      file: `t-0/${SECOND}.log`,
      position: third,
      offset: 251,
      problem: /what is before it ends with/,
    },
  ],
  [
    'an epoch that goes back',
    rewritten((content) => setBatchLeaderEpoch(content, third, 0)),
    { file: `t-0/${SECOND}.log`, position: third, offset: thirdOffset, problem: /leader epoch 0/ },
  ],
  [
    'a segment that is cut short',
    cut(`${SECOND}.log`, third + 30),
    { file: `t-0/${SECOND}.log`, position: third, problem: /the beginning of a batch/ },
  ],
  [
    'a segment of zeros at its end',
    (files) => void files.get(`t-0/${SECOND}.log`)!.fill(0, third),
    { file: `t-0/${SECOND}.log`, position: third, problem: /begin with zeros/ },
  ],
  [
    'a last segment that is cut short though the broker closed it',
    cut(`${LAST}.log`, 300),
    { file: `t-0/${LAST}.log`, problem: /the beginning of a batch/ },
  ],
  [
    'an index whose entry points into a batch',
    (files) => void files.get(`t-0/${SECOND}.index`)!.writeInt32BE(positions[7]! + 1, 8 + 4),
    { file: `t-0/${SECOND}.index`, position: 8, problem: /No batch begins/ },
  ],
  [
    'an index whose entry points to another batch',
    (files) => void files.get(`t-0/${SECOND}.index`)!.writeInt32BE(1, 0),
    { file: `t-0/${SECOND}.index`, position: 0, offset: 252, problem: /It points to the batch/ },
  ],
  [
    'an index of half an entry',
    cut(`${SECOND}.index`, 12),
    { file: `t-0/${SECOND}.index`, position: 8, problem: /something else than zeros/ },
  ],
  [
    'an index that is missing',
    (files) => void files.delete(`t-0/${SECOND}.index`),
    { file: `t-0/${SECOND}.index`, problem: /missing/ },
  ],
  [
    'a time index with a time that no record has',
    (files) => void files.get(`t-0/${SECOND}.timeindex`)!.writeBigInt64BE(2n ** 60n, 192 - 12),
    { file: `t-0/${SECOND}.timeindex`, position: 180, problem: /no record is as late/ },
  ],
  [
    'a time index that would skip records',
    (files) => void files.get(`t-0/${SECOND}.timeindex`)!.writeBigInt64BE(1n, 0),
    { file: `t-0/${SECOND}.timeindex`, position: 0, problem: /there is a record of \d+, later/ },
  ],
  [
    'a time index whose offsets go back',
    (files) => void files.get(`t-0/${SECOND}.timeindex`)!.writeInt32BE(0, 12 + 8),
    { file: `t-0/${SECOND}.timeindex`, position: 12, problem: /below the one before/ },
  ],
  [
    'an aborted transaction that is not in the index',
    (files) => void files.delete(`t-0/${SECOND}.txnindex`),
    { file: `t-0/${SECOND}.txnindex`, problem: /aborted a transaction/ },
  ],
  [
    'an aborted transaction whose first records would be seen',
    (files) => void (files.get(`t-0/${SECOND}.txnindex`)![17]! += 1),
    { file: `t-0/${SECOND}.txnindex`, problem: /It hides what is from offset/ },
  ],
  [
    'an aborted transaction that there was not',
    (files) => void (files.get(`t-0/${SECOND}.txnindex`)![25]! += 1),
    { file: `t-0/${SECOND}.txnindex`, problem: /no abort marker/ },
  ],
  [
    'a transaction index of half an entry',
    cut(`${SECOND}.txnindex`, 40),
    { file: `t-0/${SECOND}.txnindex`, problem: /impossible/ },
  ],
  [
    'a bit of a snapshot of producers',
    flip(`${LAST}.snapshot`, 20),
    { file: `t-0/${LAST}.snapshot`, problem: /damaged/ },
  ],
  [
    'a snapshot that remembers another last batch',
    (files) => {
      const entry = new ProducerEntry(producerOf(files))
      entry.epoch = epochOf(files)
      entry.addBatch(entry.epoch, {
        lastSequence: 7,
        lastOffset: 300,
        offsetDelta: 0,
        timestamp: 1n,
      })
      files.set(`t-0/${LAST}.snapshot`, encodeProducerSnapshot([entry], crc32c))
    },
    { file: `t-0/${LAST}.snapshot`, offset: 487, problem: /wrote sequence \d+ at offset \d+ last/ },
  ],
  [
    'a snapshot that knows what comes after it',
    (files) => {
      const entry = new ProducerEntry(1)
      entry.addBatch(0, { lastSequence: 7, lastOffset: 490, offsetDelta: 0, timestamp: 1n })
      files.set(`t-0/${LAST}.snapshot`, encodeProducerSnapshot([entry], crc32c))
    },
    { file: `t-0/${LAST}.snapshot`, offset: 490, problem: /beyond the snapshot's/ },
  ],
  [
    'epochs that are damaged',
    cut('leader-epoch-checkpoint', 5),
    { file: 't-0/leader-epoch-checkpoint', problem: /damaged/ },
  ],
  [
    'epochs that contradict the batches',
    (files) => void files.set('t-0/leader-epoch-checkpoint', Buffer.from('0\n2\n0 0\n99 300\n')),
    { file: `t-0/${SECOND}.log`, problem: /leader-epoch-checkpoint has 99 for its offset/ },
  ],
  [
    'an epoch beyond the end',
    (files) => {
      const content = files.get('t-0/leader-epoch-checkpoint')!.toString()
      const lines = content.trimEnd().split('\n').slice(2)
      lines.push('1000 603')
      const text = `0\n${lines.length}\n${lines.join('\n')}\n`
      files.set('t-0/leader-epoch-checkpoint', Buffer.from(text))
    },
    { file: 't-0/leader-epoch-checkpoint', offset: 603, problem: /after the log's end/ },
  ],
  [
    'a partition without its name',
    (files) => void files.delete('t-0/partition.metadata'),
    { file: 't-0/partition.metadata', problem: /missing/ },
  ],
  [
    'an index without a segment',
    (files) => void files.set('t-0/00000000000000000555.index', Buffer.alloc(0)),
    { file: 't-0/00000000000000000555.index', problem: /segment that it belongs to is missing/ },
  ],
  [
    'a log that ends before what was flushed',
    (files) => void files.set('recovery-point-offset-checkpoint', Buffer.from('0\n1\nt 0 603\n')),
    { file: 'recovery-point-offset-checkpoint', offset: 603, problem: /records are lost/ },
  ],
  [
    'a checkpoint that is damaged',
    (files) => void files.set('replication-offset-checkpoint', Buffer.from('0\n2\nt 0 1\n')),
    { file: 'replication-offset-checkpoint', problem: /damaged/ },
  ],
  [
    'a directory that belongs to nobody',
    (files) => void files.set('meta.properties', Buffer.from('version=1\n')),
    { file: 'meta.properties', problem: /damaged/ },
  ],
]

function producerOf(files: ReadonlyMap<string, Buffer>): number {
  return Number(files.get(`t-0/${LAST}.snapshot`)!.readBigInt64BE(10))
}

function epochOf(files: ReadonlyMap<string, Buffer>): number {
  return files.get(`t-0/${LAST}.snapshot`)!.readInt16BE(18)
}

describe('log verify finds', () => {
  test.each(cases)('%s', async (_, damage, expected) => {
    const files = logDirectory()
    damage(files)
    const { reports, code } = await verify(write(files))
    const { problem, ...place } = expected as { problem: RegExp }
    expect(reports).toContainEqual(
      expect.objectContaining({
        kind: 'finding',
        ...place,
        problem: expect.stringMatching(problem),
      }),
    )
    expect(code).toBe(1)
  })

  test('one thing where one bit is wrong', async () => {
    const files = logDirectory()
    flip(`${SECOND}.log`, third + 70)(files)
    expect((await verify(write(files))).reports).toHaveLength(1)
  })

  test('what is behind a damaged length too, by the index', async () => {
    const files = logDirectory()
    flip(`${SECOND}.log`, third + 9)(files)
    const far = positions.at(-3)!
    flip(`${SECOND}.log`, far + 70)(files)
    const { reports } = await verify(write(files))
    expect(reports.map(({ position }) => position)).toEqual([third, far])
    expect(reports[0]!.problem).toMatch(/The index says that a batch begins at \d+$/)
  })

  test('a length that is too large in the active segment, and does not take it for unfinished', async () => {
    const files = logDirectory()
    const content = files.get(`t-0/${LAST}.log`)!
    content.writeInt32BE(20_000, positionsOf(content)[2]! + 8)
    files.delete('.kafka_cleanshutdown')
    const { reports } = await verify(write(files))
    expect(reports[0]).toMatchObject({
      kind: 'finding',
      problem: expect.stringContaining('the beginning of a batch of 20012'),
    })
  })

  test('records that do not fit into their batch, if it is told to look', async () => {
    const files = logDirectory()
    const content = files.get(`t-0/${SECOND}.log`)!
    const at = positions.find((position) => !isControl(batchAttributes(content, position)))!
    content.writeInt32BE(batchRecordCount(content, at) - 1, at + 57)
    setBatchCrc(content, at, crc32c)
    const directory = write(files)
    expect((await verify(directory)).reports).toEqual([])
    const { reports } = await verify(directory, directory, '--deep')
    expect(reports).toEqual([
      expect.objectContaining({ position: at, problem: expect.stringContaining('not valid') }),
    ])
  })

  test.each([-1n, 2n ** 60n])(
    'a greatest timestamp that its records do not have (%s), if it is told to look',
    async (claimed) => {
      const files = logDirectory()
      const content = files.get(`t-0/${SECOND}.log`)!
      const at = positions.find((position) => !isControl(batchAttributes(content, position)))!
      const greatest = batchMaxTimestamp(content, at)
      setBatchMaxTimestamp(content, at, 'CreateTime', claimed)
      setBatchCrc(content, at, crc32c)
      const directory = write(files)
      const told = ({ reports }: Awaited<ReturnType<typeof verify>>) =>
        reports.filter(({ problem }) => problem?.includes('its records that it is') === true)
      expect(told(await verify(directory))).toEqual([])
      expect(told(await verify(directory, directory, '--deep'))).toEqual([
        {
          kind: 'finding',
          file: `t-0/${SECOND}.log`,
          position: at,
          offset: batchBaseOffset(content, at),
          problem: `The batch says that its greatest timestamp is ${claimed}, and its records that it is ${greatest}: retention and look-ups by time go by the former`,
        },
      ])
    },
  )
})

describe('log verify', () => {
  test('takes what is unfinished at the end for that, unless the broker closed the log', async () => {
    const files = logDirectory()
    cut(`${LAST}.log`, 300)(files)
    files.delete('.kafka_cleanshutdown')
    files.delete('recovery-point-offset-checkpoint')
    for (const kind of ['index', 'timeindex', 'txnindex']) files.delete(`t-0/${LAST}.${kind}`)
    files.delete('t-0/00000000000000000602.snapshot')
    const { reports, code } = await verify(write(files))
    expect(reports).toEqual([
      expect.objectContaining({
        kind: 'note',
        file: `t-0/${LAST}.log`,
        problem: expect.any(String),
      }),
    ])
    expect(code).toBe(0)
  })

  test('says of damage that was perhaps never flushed that a start cuts the log there', async () => {
    const files = logDirectory()
    flip(`${LAST}.log`, 100)(files)
    files.delete('.kafka_cleanshutdown')
    files.set('recovery-point-offset-checkpoint', Buffer.from('0\n1\nt 0 300\n'))
    const { reports } = await verify(write(files))
    expect(reports).toEqual([
      expect.objectContaining({
        position: 0,
        problem: expect.stringContaining('cuts the log here'),
      }),
    ])
  })

  test('notes a gap between segments where no cleaner was', async () => {
    const files = logDirectory()
    for (const name of [...files.keys()]) if (name.includes(SECOND)) files.delete(name)
    files.delete(`t-0/${LAST}.snapshot`)
    const { reports } = await verify(write(files))
    expect(reports).toContainEqual(
      expect.objectContaining({
        kind: 'note',
        offset: 251,
        problem: expect.stringMatching(/nothing up to offset 487/),
      }),
    )
    files.set('cleaner-offset-checkpoint', Buffer.from('0\n1\nt 0 487\n'))
    expect((await verify(write(files))).reports.map(({ kind }) => kind)).not.toContain('note')
  })

  test('looks at a partition or a file alone', async () => {
    const files = logDirectory()
    flip(`${SECOND}.log`, third + 70)(files)
    flip(`${SECOND}.snapshot`, 20)(files)
    const directory = write(files)
    const of = async (path: string) =>
      (await verify(directory, join(directory, path))).reports.map(({ file }) => file)
    expect(await of('t-0')).toHaveLength(2)
    expect(await of(`t-0/${FIRST}.log`)).toEqual([])
    expect(await of(`t-0/${SECOND}.index`)).toEqual([`t-0/${SECOND}.log`])
    expect(await of(`t-0/${SECOND}.snapshot`)).toEqual([`t-0/${SECOND}.snapshot`])
    expect(await of('meta.properties')).toEqual([])
  })

  test('looks into snapshots of the metadata, which end with a footer', async () => {
    const directory = temporaryDirectory()
    const records = [{ timestamp: 1, key: null, value: Buffer.from('x') }]
    writeFileSync(join(directory, 'bootstrap.checkpoint'), buildBatch({ records }, codecs))
    const { reports } = await verify(directory, join(directory, 'bootstrap.checkpoint'))
    expect(reports.map(({ problem }) => problem)).toEqual([
      'It begins without a header',
      'It ends without a footer',
    ])
  })

  test('refuses what is no log, and says so', async () => {
    const directory = temporaryDirectory()
    expect(await ottla(['log', 'verify', directory])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is no log directory'),
    })
    expect(await ottla(['log', 'verify', join(directory, 'nowhere')])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not exist'),
    })
    writeFileSync(join(directory, 'notes.pdf'), '')
    expect((await ottla(['log', 'verify', join(directory, 'notes.pdf')])).code).toBe(1)
  })

  test('looks again where a broker changed segments while they were looked at', () => {
    const files = logDirectory()
    const sound = files.get(`t-0/${SECOND}.log`)!
    files.set(`t-0/${SECOND}.log`, Buffer.from(sound))
    flip(`${SECOND}.log`, third + 70)(files)
    const damaged = files.get(`t-0/${SECOND}.log`)!
    files.delete('.kafka_cleanshutdown')
    const directory = write(files)
    const path = join(directory, 't-0', `${SECOND}.log`)
    const findings = (whileOpen: () => void): number => {
      writeFileSync(path, damaged)
      utimesSync(path, 1, 1)
      const disk = systemDisk()
      const open = (file: string, mode: 'read' | 'write' | 'create') => {
        const opened = disk.open(file, mode)
        if (file === path) whileOpen()
        return opened
      }
      const tally = { partitions: 0, segments: 0, batches: 0, records: 0, bytes: 0 }
      const check = { disk: { ...disk, open }, codecs, isDeep: false, tally }
      const reports = [...verifyPath(check, directory)].filter(({ kind }) => kind === 'finding')
      expect(tally).toMatchObject({ partitions: 1, segments: 3 })
      return reports.length
    }
    expect(findings(() => undefined)).toBe(1)
    // Put in place by a rename, as a cleaner does it: what is open stays the old one.
    let isSwapped = false
    const swap = (): void => {
      if (isSwapped) return
      isSwapped = true
      writeFileSync(`${path}.swap`, sound)
      renameSync(`${path}.swap`, path)
    }
    expect(findings(swap)).toBe(0)
  })

  test('leaves a broker that runs alone, and finds its directory sound then and later', async () => {
    const directory = temporaryDirectory()
    const broker = await startBroker({ directory })
    const { bootstrap } = broker
    const input = Array.from({ length: 2000 }, (_, index) => `value ${index}\n`).join('')
    try {
      await ottla(['topics', 'create', 'orders', '-c', 'segment.bytes=1048576'], { bootstrap })
      await ottla(['produce', 'orders'], { bootstrap, input })
      expect(await verify(directory, directory, '--deep')).toEqual({ reports: [], code: 0 })
      await ottla(['produce', 'orders'], { bootstrap, input })
    } finally {
      await broker.close()
    }
    expect(existsSync(join(directory, '.kafka_cleanshutdown'))).toBe(true)
    expect(await verify(directory, directory, '--deep')).toEqual({ reports: [], code: 0 })
    expect(
      readFileSync(join(directory, 'orders-0/leader-epoch-checkpoint')).length,
    ).toBeGreaterThan(0)
  })
})
