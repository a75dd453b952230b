import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename } from 'node:path'
import { DEFAULT_LOG_CONFIG } from '../../../src/log/base/config.ts'
import {
  formatEpochCheckpoint,
  parseEpochCheckpoint,
  parseOffsetCheckpoint,
} from '../../../src/log/state/checkpoints.ts'
import {
  formatMetaProperties,
  parseMetaProperties,
} from '../../../src/log/directory/meta-properties.ts'
import { parsePartitionDirectoryName, suffixedDirectoryName } from '../../../src/log/base/paths.ts'
import type { LogIntervals } from '../../../src/log/manager.ts'
import { SkippingClock } from '../../support/skipping-clock.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'
import { SimDisk } from '../../../src/host/sim/disk.ts'
import { seeded } from '../seeded.ts'
import { append, batchOf, openLog, openManager, readAll, realHost, TOPIC_ID } from '../support.ts'

const temporaryDirectory = useTemporaryDirectories()

test('meta.properties is Java’s: comments and escapes are understood, what is missing is told', () => {
  const properties = {
    clusterId: 'Some_Cluster-Id_22char',
    nodeId: 3,
    directoryId: 'AAAAAAAAAAAAAAAAAAAAAQ',
  }
  expect(parseMetaProperties(formatMetaProperties(properties))).toEqual(properties)
  const apache = '#\n#Sat Nov 21 05:01:00 UTC 2026\nnode.id=1\nversion=1\ncluster.id=a\\=b\n'
  expect(parseMetaProperties(apache)).toEqual({ clusterId: 'a=b', nodeId: 1, directoryId: null })
  expect(parseMetaProperties('node.id=1\nversion=2\ncluster.id=x\n')).toBeNull()
  expect(parseMetaProperties('version=1\ncluster.id=x\n')).toBeNull()
})

test('checkpoints that are damaged are known as such, an empty one was never written', () => {
  expect(parseOffsetCheckpoint('0\n2\na-b 0 5\nc 1 9007199254740991\n')).toEqual(
    new Map([
      ['a-b-0', 5],
      ['c-1', Number.MAX_SAFE_INTEGER],
    ]),
  )
  expect(parseOffsetCheckpoint('')).toEqual(new Map())
  for (const damaged of ['1\n0\n', '0\n2\na 0 5\n', '0\n1\na 0 x\n', '0\n1\na 0\n', '0\nx\n']) {
    expect(parseOffsetCheckpoint(damaged)).toBeNull()
  }
  const entries = [
    { epoch: 0, startOffset: 0 },
    { epoch: 4, startOffset: 20 },
  ]
  expect(formatEpochCheckpoint(entries)).toBe('0\n2\n0 0\n4 20\n')
  expect(parseEpochCheckpoint('0\n2\n0 0\n4 20\n')).toEqual(entries)
  expect(parseEpochCheckpoint('0\n2\n4 20\n0 0\n')).toBeNull()
})

test('a partition’s directory is split at the last dash, and cut to what a file system takes', () => {
  expect(parsePartitionDirectoryName('a-b-3')).toEqual({ topic: 'a-b', partition: 3 })
  expect(parsePartitionDirectoryName('a-b')).toBeNull()
  const name = suffixedDirectoryName(`${'x'.repeat(249)}-12`, Buffer.alloc(16), 'delete')
  expect(name).toHaveLength(255)
  expect(name).toMatch(/^x+-12\.0{32}-delete$/)
})

test('a second process on the same directory is told so', async () => {
  const path = temporaryDirectory()
  const manager = openManager(path)
  expect(() => openManager(path)).toThrow(expect.objectContaining({ code: 'LOG_DIRECTORY_LOCKED' }))
  await manager.close()
  await openManager(path).close()
})

test('a damaged meta.properties keeps the directory from being used', () => {
  const path = temporaryDirectory()
  writeFileSync(`${path}/meta.properties`, 'nonsense')
  expect(() => openManager(path)).toThrow(
    expect.objectContaining({ code: 'META_PROPERTIES_INVALID' }),
  )
})

test('a directory that can not be used is offline, and the others go on', async () => {
  const path = temporaryDirectory()
  const broken = `${temporaryDirectory()}/file`
  writeFileSync(broken, '')
  const manager = openManager(path, { directories: [broken, path], metadataDirectory: path })
  expect(manager.directories.map(({ failure }) => failure === null)).toEqual([false, true])
  expect(manager.isWhole).toBe(false)
  const log = await manager.createLog('t', 0, TOPIC_ID, DEFAULT_LOG_CONFIG)
  expect(log.directoryPath).toBe(path)
  await manager.close()
})

test('when no directory can be used, each of them is named', () => {
  const [one, other] = [`${temporaryDirectory()}/one`, `${temporaryDirectory()}/other`]
  for (const path of [one, other]) writeFileSync(path, '')
  const open = () => openManager(one, { directories: [one, other] })
  expect(open).toThrow(expect.objectContaining({ code: 'LOG_DIRECTORY_UNUSABLE' }))
  expect(open).toThrow(one)
  expect(open).toThrow(other)
})

test('without the directory of the metadata there is no start', async () => {
  const path = temporaryDirectory()
  const broken = `${temporaryDirectory()}/file`
  writeFileSync(broken, '')
  const open = () => openManager(path, { directories: [path], metadataDirectory: broken })
  expect(open).toThrow(expect.objectContaining({ code: 'LOG_DIRECTORY_UNUSABLE' }))
  expect(open).toThrow(broken)
  await openManager(path).close()
})

test('the directory of the metadata alone gets no partitions', async () => {
  const [path, metadataDirectory] = [temporaryDirectory(), temporaryDirectory()]
  const manager = openManager(path, { directories: [path], metadataDirectory })
  for (const partition of [0, 1]) {
    const log = await manager.createLog('t', partition, TOPIC_ID, DEFAULT_LOG_CONFIG)
    expect(log.directoryPath).toBe(path)
  }
  await manager.close()
})

test('a plain file with the name of a partition, or of one on its way out, is left alone', async () => {
  const path = temporaryDirectory()
  const id = '0'.repeat(32)
  const names = ['backup-20240101', `backup-1.${id}-delete`, `backup-1.${id}-future`]
  for (const name of names) writeFileSync(`${path}/${name}`, 'mine')
  const manager = openManager(path)
  expect(manager.directories.map(({ failure }) => failure)).toEqual([null])
  await manager.close(0)
  for (const name of names) expect(readFileSync(`${path}/${name}`, 'utf8')).toBe('mine')
})

test.each(['backup', 'backup-x', 'backup-', '-0', 't-2147483648', `t-0.${'0'.repeat(31)}-delete`])(
  'a directory that is no partition, %s, is named and refused, as Kafka does, and left as it is',
  (name) => {
    const path = temporaryDirectory()
    mkdirSync(`${path}/${name}`)
    writeFileSync(`${path}/${name}/mine`, '')
    expect(() => openManager(path)).toThrow(
      expect.objectContaining({
        code: 'LOG_DIRECTORY_FOREIGN',
        message: expect.stringContaining(`${path}/${name} is no partition's directory`),
      }),
    )
    expect(readdirSync(`${path}/${name}`)).toEqual(['mine'])
  },
)

test('what is left of a deleted partition is removed after a start, what was set aside is kept', async () => {
  const path = temporaryDirectory()
  const names = ['delete', 'stray'].map((suffix) => `t-0.${'0'.repeat(32)}-${suffix}`)
  for (const name of names) mkdirSync(`${path}/${name}`)
  const manager = openManager(path)
  while (existsSync(`${path}/${names[0]}`)) {
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  expect(existsSync(`${path}/${names[1]}`)).toBe(true)
  await manager.close(0)
})

test('what tiered storage and file systems keep in a log directory, and a link to nothing, is left alone', async () => {
  const path = temporaryDirectory()
  for (const name of ['remote-log-index-cache', 'lost+found']) mkdirSync(`${path}/${name}`)
  for (const name of ['link', 'backup-1']) symlinkSync('nowhere', `${path}/${name}`)
  const manager = openManager(path)
  expect(manager.directories.map(({ failure }) => failure)).toEqual([null])
  await manager.close(0)
  expect(readdirSync(path)).toEqual(
    expect.arrayContaining(['backup-1', 'link', 'lost+found', 'remote-log-index-cache']),
  )
})

test('partitions are spread evenly, whether the metadata is in one of the directories or not', async () => {
  const [one, two] = [temporaryDirectory(), temporaryDirectory()]
  const manager = openManager(one, { directories: [one, two] })
  manager.openMetadataLog(manager.metadataDirectory, DEFAULT_LOG_CONFIG)
  const paths = []
  for (const partition of [0, 1, 2]) {
    const log = await manager.createLog('t', partition, TOPIC_ID, DEFAULT_LOG_CONFIG)
    paths.push(log.directoryPath)
  }
  expect(paths).toEqual([one, two, one])
  await manager.close()
})

test('a partition that its directory can not take is made in another one', async () => {
  const disk = new SimDisk({ random: seeded(1) })
  disk.fault = (operation, path) =>
    operation === 'replace' && path.startsWith('/one/t-') ? new Error('EIO') : null
  const manager = openManager('', { host: { ...realHost(), disk }, directories: ['/one', '/two'] })
  const log = await manager.createLog('t', 0, TOPIC_ID, DEFAULT_LOG_CONFIG)
  expect(log.directoryPath).toBe('/two')
  expect(manager.directories[0]!.failure?.message).toContain('make /one/t-0')
  await manager.close()
})

test('nothing is removed after the directories were let go', async () => {
  const host = realHost()
  const due: (() => void)[] = []
  const clock: typeof host.clock = {
    ...host.clock,
    after: (_delayMs, callback) => {
      due.push(callback)
      return { cancel: () => void due.splice(due.indexOf(callback), 1) }
    },
  }
  const path = temporaryDirectory()
  const manager = openManager(path, { host: { ...host, clock } })
  await manager.createLog('t', 0, TOPIC_ID, DEFAULT_LOG_CONFIG)
  manager.deleteLog('t', 0)
  await manager.close()
  for (const each of [...due]) each()
  expect(readdirSync(path).some((name) => name.endsWith('-delete'))).toBe(true)
})

test('a partition in two directories is not opened: nobody could say which one has the records', async () => {
  const [left, right] = [temporaryDirectory(), temporaryDirectory()]
  for (const path of [left, right]) {
    const manager = openManager(path)
    await manager.createLog('t', 0, TOPIC_ID, DEFAULT_LOG_CONFIG)
    await manager.close()
  }
  const options = { directories: [left, right] }
  expect(() => openManager(left, options)).toThrow(
    expect.objectContaining({ code: 'PARTITION_DUPLICATED' }),
  )
})

/** Two directories that both have `t-0`, of which the second one has a record more. */
async function twins(): Promise<[string, string]> {
  const [left, right] = [temporaryDirectory(), temporaryDirectory()]
  for (const [path, count] of [
    [left, 1],
    [right, 2],
  ] as const) {
    const { manager, log } = await openLog(path)
    manager.directories[0]!.writeMetaProperties(metaPropertiesOf(path))
    await append(log, batchOf(count))
    await manager.close()
  }
  return [left, right]
}

const metaPropertiesOf = (path: string) => {
  const directoryId = Buffer.from(path.slice(-16)).toString('base64url')
  return { clusterId: TOPIC_ID, nodeId: 1, directoryId }
}

test.each([[false], [true]])(
  'of a partition in two directories the one that the cluster knows is opened, the other set aside (turned round: %p)',
  async (isTurned) => {
    const [left, right] = await twins()
    const { directoryId } = metaPropertiesOf(right)
    const manager = openManager(left, {
      directories: isTurned ? [right, left] : [left, right],
      directoryOf: () => directoryId,
    })
    expect(manager.get('t', 0)).toMatchObject({ directoryPath: right, logEndOffset: 2 })
    expect(readdirSync(left).some((name) => /^t-0\.[0-9a-f]{32}-stray$/.test(name))).toBe(true)
    await manager.close()
  },
)

test('a copy takes the place of its partition where that is gone and the cluster knows it to be here', async () => {
  const path = temporaryDirectory()
  const { manager, log } = await openLog(path)
  manager.directories[0]!.writeMetaProperties(metaPropertiesOf(path))
  await append(log, batchOf(3))
  await manager.close()
  const future = `t-0.${'a'.repeat(32)}-future`
  renameSync(`${path}/t-0`, `${path}/${future}`)

  const unknown = openManager(path)
  expect([unknown.get('t', 0), unknown.future('t', 0)?.logEndOffset]).toEqual([undefined, 3])
  await unknown.close()
  expect(readdirSync(path)).toContain(future)

  const { directoryId } = metaPropertiesOf(path)
  const known = openManager(path, { directoryOf: () => directoryId })
  expect(known.get('t', 0)).toMatchObject({ logEndOffset: 3, path: `${path}/t-0` })
  expect(known.future('t', 0)).toBeUndefined()
  await known.close()
  expect(readdirSync(path)).not.toContain(future)
})

test('of two copies of a partition one is set aside', async () => {
  const [left, right] = await twins()
  for (const path of [left, right]) {
    renameSync(`${path}/t-0`, `${path}/t-0.${'a'.repeat(32)}-future`)
  }
  const manager = openManager(left, { directories: [left, right] })
  expect(manager.future('t', 0)!.directoryPath).toBe(left)
  expect(readdirSync(right).some((name) => name.endsWith('-stray'))).toBe(true)
  await manager.close()
})

test('a copy of a partition that this broker does not have is set aside too', async () => {
  const path = temporaryDirectory()
  const { manager } = await openLog(path)
  await manager.close()
  renameSync(`${path}/t-0`, `${path}/t-0.${'a'.repeat(32)}-future`)
  const again = openManager(path, { isWanted: () => false })
  expect(again.future('t', 0)).toBeUndefined()
  expect(readdirSync(path).some((name) => /^t-0\.[0-9a-f]{32}-stray$/.test(name))).toBe(true)
  await again.close()
})

test('checkpoints have what recovery, followers and DeleteRecords need', async () => {
  const path = temporaryDirectory()
  const { manager, log } = await openLog(path)
  await append(log, batchOf(10))
  log.setHighWatermark(8)
  log.deleteRecordsBefore(4)
  await log.flush()
  await manager.checkpoint()
  const read = (name: string): string => readFileSync(`${path}/${name}`, 'utf8')
  expect(read('recovery-point-offset-checkpoint')).toBe('0\n1\nt 0 10\n')
  expect(read('replication-offset-checkpoint')).toBe('0\n1\nt 0 8\n')
  expect(read('log-start-offset-checkpoint')).toBe('0\n1\nt 0 4\n')
  manager.abandon()
  const again = openManager(path).get('t', 0)!
  expect(again).toMatchObject({ logStartOffset: 4, highWatermark: 8, logEndOffset: 10 })
})

test('a topic that is deleted and made again under another id begins empty', async () => {
  const path = temporaryDirectory()
  const { manager, log } = await openLog(path)
  await append(log, batchOf(10))
  manager.deleteLog('t', 0)
  expect((await append(log, batchOf(1))).errorCode).toBe('KAFKA_STORAGE_ERROR')
  expect(readdirSync(path).some((name) => /^t-0\.[0-9a-f]{32}-delete$/.test(name))).toBe(true)
  const second = await manager.createLog('t', 0, 'BBBBBBBBBBBBBBBBBBBBBQ', DEFAULT_LOG_CONFIG)
  expect(second.logEndOffset).toBe(0)
  expect(readFileSync(`${path}/t-0/partition.metadata`, 'utf8')).toBe(
    'version: 0\ntopic_id: BBBBBBBBBBBBBBBBBBBBBQ',
  )
  await manager.close()
  const names: string[] = []
  const again = openManager(path)
  const steps = again.loadPartitions({
    configOf: () => DEFAULT_LOG_CONFIG,
    isWanted: (topic) => names.push(topic) > 0,
    directoryOf: () => null,
  })
  Array.from(steps)
  await again.close()
})

test('a partition that two ask for at the same time is made once', async () => {
  const manager = openManager(temporaryDirectory())
  const [one, other] = await Promise.all([
    manager.createLog('t', 0, TOPIC_ID, DEFAULT_LOG_CONFIG),
    manager.createLog('t', 0, TOPIC_ID, DEFAULT_LOG_CONFIG),
  ])
  expect(one).toBe(other)
  await manager.close()
})

test('the metadata log is opened by itself, is not among the partitions, and needs no partition.metadata', async () => {
  const path = temporaryDirectory()
  const manager = openManager(path)
  const log = manager.openMetadataLog(manager.directories[0]!, DEFAULT_LOG_CONFIG)
  await append(log, batchOf(3), { epoch: 1, origin: 'raft' })
  expect([...manager.logs()]).toEqual([])
  await manager.close()
  expect(readFileSync(`${path}/recovery-point-offset-checkpoint`, 'utf8')).toBe('0\n0\n')
  const again = openManager(path)
  const found = again.openMetadataLog(again.directories[0]!, DEFAULT_LOG_CONFIG)
  expect(found).toMatchObject({ logEndOffset: 3, latestEpoch: 1, topicId: null })
  expect((await readAll(found, 0)).sizeBytes).toBeGreaterThan(0)
  await again.close()
})

describe('the checkpoints', () => {
  const never = 1_000_000_000
  const seldom: LogIntervals = {
    recoveryPointMs: never,
    highWatermarkMs: never,
    logStartMs: never,
    producerCheckMs: never,
    retentionCheckMs: never,
    initialDelayMs: never,
  }
  const [recoveryPoints, highWatermarks, logStarts] = [
    'recovery-point-offset-checkpoint',
    'replication-offset-checkpoint',
    'log-start-offset-checkpoint',
  ] as const

  test.each([
    [recoveryPoints, { recoveryPointMs: 5000 }, [highWatermarks, logStarts]],
    [highWatermarks, { highWatermarkMs: 5000 }, [recoveryPoints, logStarts]],
    [logStarts, { logStartMs: 5000 }, [recoveryPoints, highWatermarks]],
  ])(
    '%s is written at an interval of its own, and not before the first recovery points',
    async (file, interval, others) => {
      const clock = new SkippingClock()
      const host = realHost()
      const written: string[] = []
      const disk: typeof host.disk = {
        ...host.disk,
        replaceFileAsync: async (path, content) => {
          await host.disk.replaceFileAsync(path, content)
          if (path.endsWith('-offset-checkpoint')) written.push(basename(path))
        },
      }
      const { manager, log } = await openLog(temporaryDirectory(), {
        host: { ...host, clock, disk },
      })
      manager.runPeriodically({ ...seldom, ...interval })
      const goOn = async (): Promise<void> => {
        await append(log, batchOf(10))
        await log.flush()
        log.setHighWatermark(log.logEndOffset)
        expect(log.deleteRecordsBefore(log.logEndOffset - 5)).toBe('NONE')
      }
      const writtenAfter = async (ms: number, count: number): Promise<string[]> => {
        clock.skip(ms)
        while (written.length < count) await new Promise((resolve) => setImmediate(resolve))
        return written.splice(0)
      }
      await goOn()
      const first = file === recoveryPoints ? [file] : [recoveryPoints, file]
      expect(await writtenAfter(5000, first.length)).toEqual(first)
      await goOn()
      clock.skip(4000)
      expect(await writtenAfter(1000, 1)).toEqual([file])
      // Those that were not due.
      await manager.checkpoint()
      expect(written).toEqual(others)
      await manager.close()
    },
  )
})
