import { isControl, batchAttributes, readBatches, readRecords } from '../protocol/records/batch.ts'
import type { MetadataRecord } from '../protocol/state/metadata-records.ts'
import { decodeMetadataRecord } from '../protocol/state/metadata-records.ts'
import { nodeCodecs } from '../src/host/codecs.ts'
import type { Host, Socket } from '../src/host/host.ts'
import { SimMachine } from '../src/host/sim/machine.ts'
import { SimNetwork } from '../src/host/sim/network.ts'
import { Scheduler } from '../src/host/sim/scheduler.ts'
import { startBroker } from '../src/index.ts'
import type { MetadataFact } from '../src/metadata/facts.ts'
import { partitionFact, topicFact, newPartition } from '../src/metadata/facts.ts'
import { UNASSIGNED_DIRECTORY } from '../src/metadata/ids.ts'
import { appendRaw } from './metadata/raw-append.ts'

const codecs = nodeCodecs()
const PATIENCE_MS = 60_000
const LOG = `/data/__cluster_metadata-0/${'0'.repeat(20)}.log`
const TOPIC_ID = `${'t'.repeat(21)}Q`

type Running = Awaited<ReturnType<typeof startBroker>>

/** A node on a simulated machine, its lives one after the other. */
class Machine {
  readonly scheduler = new Scheduler(5)
  readonly #network = new SimNetwork(this.scheduler)
  readonly #world = { scheduler: this.scheduler, network: this.#network, codecs }
  readonly machine = new SimMachine('broker', this.#world)
  readonly #client = new SimMachine('client', this.#world).start()
  /** Each port that was taken or given back, with what the metadata log had by then. */
  readonly events: { readonly what: string; readonly records: readonly MetadataRecord[] }[] = []

  constructor() {
    this.machine.disk.makeDirectory('/data')
    this.machine.disk.syncDirectory('/')
  }

  start(listeners: string, settings: Readonly<Record<string, string>> = {}): Promise<Running> {
    const host = this.#watched(this.machine.start())
    const all = { listeners, 'log.dirs': '/data', 'node.id': '1', ...settings }
    return this.does(startBroker({ host, settings: all }))
  }

  async stop(running: Running): Promise<void> {
    await this.does(running.close())
    this.machine.kill()
  }

  does<Result>(promise: Promise<Result>): Promise<Result> {
    return this.scheduler.resolve(promise, PATIENCE_MS, 'step')
  }

  /** Null where it is refused. */
  connect(port: number): Promise<Socket | null> {
    return this.#client.network.connect('broker', port).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'ECONNREFUSED' })
      return null
    })
  }

  get records(): MetadataRecord[] {
    const { disk } = this.machine
    if (!disk.exists(LOG)) return []
    const records: MetadataRecord[] = []
    for (const batch of readBatches(disk.readFile(LOG))) {
      if (isControl(batchAttributes(batch, 0))) continue
      for (const { value } of readRecords(batch, codecs)) records.push(decodeMetadataRecord(value!))
    }
    return records
  }

  /** Writes records in between two lives, as another controller would. */
  async append(facts: (offset: number) => readonly MetadataFact[]): Promise<void> {
    await this.does(appendRaw(this.machine.start(), '/data', facts))
    this.machine.kill()
  }

  #watched(host: Host): Host {
    const note = (what: string): void => void this.events.push({ what, records: this.records })
    return {
      ...host,
      network: {
        ...host.network,
        listen: async (address, port, accept) => {
          note(`listen ${port}`)
          const listener = await host.network.listen(address, port, accept)
          return {
            ...listener,
            close: () => {
              note('close')
              return listener.close()
            },
          }
        },
      },
    }
  }
}

type Registration = Extract<MetadataRecord, { type: 'RegisterBrokerRecord' }>['value']

/** What the log says of broker 1: its last registration, and whether it is fenced and shutting down. */
function brokerIn(records: readonly MetadataRecord[]) {
  let registration: Registration | null = null
  let isFenced = true
  let isShuttingDown = false
  let leader: number | null = null
  for (const { type, value } of records) {
    if (type === 'RegisterBrokerRecord' && value.brokerId === 1) {
      registration = value
      isFenced = value.fenced
      isShuttingDown = false
    } else if (type === 'BrokerRegistrationChangeRecord' && value.brokerId === 1) {
      if (value.fenced !== 0) isFenced = value.fenced > 0
      if (value.inControlledShutdown > 0) isShuttingDown = true
    } else if (type === 'PartitionRecord' || type === 'PartitionChangeRecord') {
      if (value.leader !== -2) leader = value.leader
    }
  }
  return { registration, isFenced, isShuttingDown, leader }
}

/** A topic with one partition on broker 1. */
const hosted = (): MetadataFact[] => [
  topicFact('t', TOPIC_ID),
  partitionFact(TOPIC_ID, 0, newPartition([1], [1], [UNASSIGNED_DIRECTORY])),
]

/** When somebody gives a start up. */
const MOMENTS: Readonly<Record<string, (host: Host, giveUp: () => void) => Host>> = {
  'a port is taken': (host, giveUp) => ({
    ...host,
    network: {
      ...host.network,
      listen: (...parts) => {
        giveUp()
        return host.network.listen(...parts)
      },
    },
  }),
  'the metadata log is opened': (host, giveUp) => {
    const { disk } = host
    const exists = disk.exists.bind(disk)
    disk.exists = (path) => {
      if (path === '/data/__cluster_metadata-0') giveUp()
      return exists(path)
    }
    return host
  },
}

describe('a start that is given up', () => {
  test.each(Object.keys(MOMENTS))('while %s leaves nothing running', async (moment) => {
    const machine = new Machine()
    const settings = {
      'process.roles': 'broker,controller',
      listeners: 'PLAINTEXT://broker:9092,CONTROLLER://broker:9093',
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.voters': '1@broker:9093',
      'log.dirs': '/data',
      'node.id': '1',
    }
    const host = machine.machine.start()
    const giving = new AbortController()
    const on = MOMENTS[moment]!(host, () => giving.abort(new Error('given up')))
    const start = startBroker({ host: on, settings, signal: giving.signal })
    await expect(machine.does(start)).rejects.toThrow('given up')
    const log = (): Buffer | null =>
      host.disk.exists(LOG) ? machine.machine.disk.readFile(LOG) : null
    const before = log()
    await machine.scheduler.pass(10_000)
    expect(log()).toEqual(before)
    for (const port of [9092, 9093]) expect(await machine.does(machine.connect(port))).toBeNull()
    // The directory is free, too.
    const running = await machine.does(startBroker({ host, settings }))
    await machine.stop(running)
  })
})

describe('a node that starts', () => {
  test('takes no port that its settings name before the controller has its broker serve', async () => {
    const machine = new Machine()
    const first = await machine.start('PLAINTEXT://broker:9092')
    await machine.stop(first)
    await machine.append(hosted)
    machine.events.length = 0
    const { length } = machine.records
    // Somebody tries all the time.
    let refused = 0
    let isAccepted = false
    const tryOn = async (): Promise<void> => {
      const socket = await machine.connect(9092)
      if (socket === null) refused++
      isAccepted = socket !== null
      socket?.destroy()
      if (!isAccepted) return tryOn()
    }
    const accepted = tryOn()
    const running = await machine.start('PLAINTEXT://broker:9092')
    await machine.does(accepted)
    expect([running.port, refused > 0]).toEqual([9092, true])
    expect(machine.events.map(({ what }) => what)).toEqual(['listen 9092'])
    const { records } = machine.events[0]!
    expect(brokerIn(records.slice(length))).toMatchObject({ isFenced: false, leader: 1 })
    await machine.stop(running)
  })

  test('takes a port that the system chooses before it registers, since the registration names it', async () => {
    const machine = new Machine()
    const running = await machine.start('PLAINTEXT://broker:0,OTHER://broker:9099', {
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,OTHER:PLAINTEXT',
    })
    const [free, fixed] = machine.events
    expect([free!.what, brokerIn(free!.records).registration]).toEqual(['listen 0', null])
    expect([fixed!.what, brokerIn(fixed!.records).isFenced]).toEqual(['listen 9099', false])
    const { endPoints, fenced } = brokerIn(machine.records).registration!
    expect(fenced).toBe(true)
    expect(endPoints.map(({ name, port }) => [name, port])).toEqual([
      ['PLAINTEXT', running.port],
      ['OTHER', 9099],
    ])
    expect(running.addresses.map(({ listener }) => listener)).toEqual(['PLAINTEXT', 'OTHER'])
    await machine.stop(running)
  })

  test('after a kill serves at once: the session of its own former life keeps nobody waiting', async () => {
    const machine = new Machine()
    await machine.stop(await machine.start('PLAINTEXT://broker:9092'))
    await machine.append(hosted)
    await machine.start('PLAINTEXT://broker:9092')
    machine.machine.kill()
    const { isFenced } = brokerIn(machine.records)
    expect(isFenced).toBe(false)
    const { length } = machine.records
    const from = machine.scheduler.now
    const running = await machine.start('PLAINTEXT://broker:9092')
    expect(machine.scheduler.now - from).toBeLessThan(1000)
    // Fenced, and without what its former life led, before it has it again.
    const types = machine.records.slice(length, length + 4).map(({ type }) => type)
    expect(types).toEqual([
      'RegisterBrokerRecord',
      'PartitionChangeRecord',
      'BrokerRegistrationChangeRecord',
      'PartitionChangeRecord',
    ])
    await machine.stop(running)
  })
})

describe('a node that stops', () => {
  test('alone answers whom it serves before it is fenced: nobody could lead in its place', async () => {
    const machine = new Machine()
    const running = await machine.start('PLAINTEXT://broker:9092')
    await machine.stop(running)
    const closed = machine.events.find(({ what }) => what === 'close')!
    expect(brokerIn(closed.records)).toMatchObject({ isFenced: false, isShuttingDown: false })
    expect(brokerIn(machine.records).isFenced).toBe(true)
  })

  test('among others hands over before it answers nobody any more', async () => {
    const machine = new Machine()
    await machine.stop(await machine.start('PLAINTEXT://broker:9092'))
    const directoryId = `${'o'.repeat(21)}Q`
    await machine.append((offset) => [
      {
        type: 'RegisterBrokerRecord',
        version: 4,
        value: {
          brokerId: 2,
          isMigratingZkBroker: false,
          incarnationId: `${'i'.repeat(21)}Q`,
          brokerEpoch: offset,
          endPoints: [],
          features: [],
          rack: null,
          fenced: false,
          inControlledShutdown: false,
          logDirs: [directoryId],
          cordonedLogDirs: null,
        },
      },
      topicFact('t', TOPIC_ID),
      partitionFact(TOPIC_ID, 0, newPartition([1, 2], [1, 2], [UNASSIGNED_DIRECTORY, directoryId])),
    ])
    const running = await machine.start('PLAINTEXT://broker:9092')
    await machine.stop(running)
    const closed = machine.events.at(-1)!
    expect([closed.what, brokerIn(closed.records)]).toMatchObject([
      'close',
      { isFenced: true, leader: 2 },
    ])
  })

  test('leaves its registration as it is where controlled.shutdown.enable=false', async () => {
    const machine = new Machine()
    const running = await machine.start('PLAINTEXT://broker:9092', {
      'controlled.shutdown.enable': 'false',
    })
    await machine.stop(running)
    expect(brokerIn(machine.records)).toMatchObject({ isFenced: false, isShuttingDown: false })
  })
})
