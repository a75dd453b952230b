import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Fetch } from '../../protocol/messages/fetch.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { buildBatch } from '../../protocol/records/batch.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { Disk, DiskFile, Host } from '../../src/host/host.ts'
import { nodeHost } from '../../src/host/node.ts'
import { startBroker } from '../../src/index.ts'
import type { RunningBroker } from '../../src/index.ts'
import { RawClient } from '../support/raw-client.ts'
import { temporaryDirectories } from '../support/temporary.ts'
import { codecs, createTopic, readNumbers } from './load.ts'
import { eventually } from '../clients/wait.ts'

const directories = temporaryDirectories()
afterAll(() => directories.removeAll())

/** The real disk, until below one directory there is no space left. */
class FillingDisk {
  fullBelow: string | null = null
  /** So many writes there is room for before it is full. */
  room = 0
  readonly disk: Disk

  constructor(disk: Disk) {
    this.disk = {
      ...disk,
      open: (path, mode) => this.#file(disk.open(path, mode)),
      replaceFile: (path, content) => {
        this.#refuse(path)
        disk.replaceFile(path, content)
      },
      replaceFileAsync: async (path, content) => {
        this.#refuse(path)
        await disk.replaceFileAsync(path, content)
      },
    }
  }

  #file(file: DiskFile): DiskFile {
    return new Proxy(file, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        const call = value.bind(target) as (...of: unknown[]) => unknown
        if (property === 'writeSync') {
          return (...of: unknown[]) => {
            this.#refuse(target.path)
            return call(...of)
          }
        }
        if (property !== 'write') return call
        return async (...of: unknown[]) => {
          this.#refuse(target.path)
          return call(...of)
        }
      },
    })
  }

  #refuse(path: string): void {
    if (this.fullBelow === null || !path.startsWith(`${this.fullBelow}/`)) return
    if (this.room-- > 0) return
    const error: NodeJS.ErrnoException = new Error('ENOSPC: no space left on device, write')
    error.code = 'ENOSPC'
    throw error
  }
}

/** Starts where there is room for so many writes; what the operator is told, or null where they were enough. */
async function startWithRoomFor(writes: number): Promise<string | null> {
  const directory = directories.make()
  const host = nodeHost({ log: { level: 'silent' } })
  const filling = new FillingDisk(host.disk)
  filling.fullBelow = directory
  filling.room = writes
  try {
    const broker = await startBroker({ directory, host: { ...host, disk: filling.disk } })
    filling.fullBelow = null
    await broker.close()
    return null
  } catch (error) {
    expect((error as Error).message).toContain(`The log directory ${directory}, which has`)
    expect(error).toMatchObject({ code: 'LOG_DIRECTORY_UNUSABLE' })
    return (error as Error).message
  }
}

test('a start on a full disk names the directory and what to do, wherever it comes to its end', async () => {
  let writes = 0
  for (; ; writes++) {
    const told = await startWithRoomFor(writes)
    if (told === null) break
    expect(told).toContain('ENOSPC')
    expect(told).toContain('Make room on its disk, or set log.dirs to another one')
  }
  expect(writes).toBeGreaterThan(4)
})

const batch = (number: number): Buffer =>
  buildBatch(
    { records: [{ timestamp: Date.now(), key: null, value: Buffer.from(String(number)) }] },
    codecs,
  )

async function write(client: RawClient, partition: number, number: number): Promise<string> {
  const { responses } = await client.request(Produce, 9, {
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ name: 'many', partitionData: [{ index: partition, records: batch(number) }] }],
  })
  return responses[0]!.partitionResponses[0]!.errorCode
}

const PARTITIONS = 6

describe('when one of two disks is full', () => {
  const lines: string[] = []
  const [metadata, full, fine] = [directories.make(), directories.make(), directories.make()]
  const settings = { 'log.dirs': `${full},${fine}`, 'metadata.log.dir': metadata }
  const onFull: number[] = []
  const onFine: number[] = []
  let broker: RunningBroker
  let client: RawClient
  let filling: FillingDisk

  beforeAll(async () => {
    const host = nodeHost({ log: { destination: { write: (line) => void lines.push(line) } } })
    filling = new FillingDisk(host.disk)
    broker = await startBroker({ settings, host: { ...host, disk: filling.disk } satisfies Host })
    await createTopic(broker, 'many', PARTITIONS)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const isOnFull = existsSync(join(full, `many-${partition}`))
      ;(isOnFull ? onFull : onFine).push(partition)
    }
    client = await RawClient.connect(broker)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(await write(client, partition, 0)).toBe('NONE')
    }
  })
  afterAll(async () => {
    client?.destroy()
    await broker?.close()
  })

  test('the partitions are on both', () => {
    expect(onFull.length).toBeGreaterThan(0)
    expect(onFine.length).toBeGreaterThan(0)
  })

  test('a producer is told of a storage error, and so are all who come after', async () => {
    filling.fullBelow = full
    expect(await write(client, onFull[0]!, 1)).toBe('KAFKA_STORAGE_ERROR')
    for (const partition of onFull) {
      expect(await write(client, partition, 1)).toBe('KAFKA_STORAGE_ERROR')
    }
  })

  test('the cluster is told: its partitions have no leader, the others do', async () => {
    const topics = [{ name: 'many', topicId: ZERO_UUID }]
    const ask = async () => {
      const answer = await client.request(Metadata, 12, { topics, allowAutoTopicCreation: false })
      return answer.topics[0]!.partitions
    }
    let partitions = await ask()
    const areWithout = async (): Promise<boolean> => {
      partitions = await ask()
      return onFull.every((partition) => partitions[partition]!.leaderId === -1)
    }
    await eventually(areWithout, 'the partitions to have no leader')
    for (const partition of onFull) {
      expect(partitions[partition]).toMatchObject({
        errorCode: 'LEADER_NOT_AVAILABLE',
        leaderId: -1,
        isrNodes: [],
        offlineReplicas: [1],
      })
    }
    for (const partition of onFine) {
      expect(partitions[partition]).toMatchObject({ errorCode: 'NONE', offlineReplicas: [] })
    }
    const again = await write(client, onFull[0]!, 1)
    expect(again).toBe('KAFKA_STORAGE_ERROR')
  })

  test('a consumer is told too', async () => {
    const { responses } = await client.request(Fetch, 11, {
      maxWaitMs: 0,
      minBytes: 0,
      topics: [
        {
          topic: 'many',
          partitions: [{ partition: onFull[0]!, fetchOffset: 0, partitionMaxBytes: 1000 }],
        },
      ],
    })
    expect(responses[0]!.partitions[0]!.errorCode).toBe('KAFKA_STORAGE_ERROR')
  })

  test('the log says once which directory went offline, and why', () => {
    const offline = lines.filter((line) => line.includes('is offline'))
    expect(offline).toHaveLength(1)
    expect(offline[0]).toContain(full)
    expect(offline[0]).toContain('ENOSPC')
  })

  test('the partitions on the other disk go on', async () => {
    for (const partition of onFine) expect(await write(client, partition, 1)).toBe('NONE')
  })

  test('what had been acknowledged is there when there is room again', async () => {
    client.destroy()
    await broker.close()
    filling.fullBelow = null
    broker = await startBroker({ settings })
    for (const partition of onFull)
      expect(await readNumbers(broker, 'many', partition)).toEqual([0])
    for (const partition of onFine) {
      expect(await readNumbers(broker, 'many', partition)).toEqual([0, 1])
    }
  })
})
