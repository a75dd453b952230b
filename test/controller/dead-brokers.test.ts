import { codecOf } from '../../protocol/codec.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { RequestHeader, ResponseHeader } from '../../protocol/messages/headers.ts'
import { Reader } from '../../protocol/wire/reader.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { DeadBrokers } from '../../src/controller/dead-brokers.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Host, Socket } from '../../src/host/host.ts'
import { SimMachine } from '../../src/host/sim/machine.ts'
import { SimNetwork } from '../../src/host/sim/network.ts'
import { Scheduler } from '../../src/host/sim/scheduler.ts'
import { ShardError } from '../../src/machine/runtime.ts'
import type { BrokerImage, ControllerImage, MetadataImage } from '../../src/metadata/image.ts'
import { EMPTY_IMAGE } from '../../src/metadata/image.ts'
import type { MetadataNode } from '../../src/metadata/node.ts'
import { FrameCutter } from '../../src/peer/frames.ts'
import { Presence } from '../../src/replication/fetch/presence.ts'
import type { Leaving } from '../../src/replication/fetch/presence.ts'
import { dialOutcomes } from '../peer/dial-outcomes.ts'
import type { DialOutcome } from '../peer/dial-outcomes.ts'

const CLUSTER_ID = 'AAAAAAAAAAAAAAAAAAAACQ'
const INCARNATION = 'i'.repeat(22)
const PORT = 9092
const SUSPECTED_AT = 77

const at = (host: string, port = PORT, securityProtocol = 0) => ({
  name: `L${port}`,
  host,
  port,
  securityProtocol,
})

const ENDPOINTS = [at('other')]

/** Broker 2, on the machine `other`, which serves in its life of epoch 5. */
const broker = (parts: Partial<BrokerImage> = {}): BrokerImage => ({
  id: 2,
  epoch: 5,
  incarnationId: INCARNATION,
  endPoints: ENDPOINTS,
  features: [],
  rack: null,
  fenced: false,
  inControlledShutdown: false,
  logDirs: [],
  cordonedLogDirs: null,
  ...parts,
})

/** Answers as a node does that is asked who it is. */
async function answers(host: Host, port: number, nodeId = 2, latest = 5) {
  const sockets: Socket[] = []
  const listener = await host.network.listen('', port, (socket) => {
    sockets.push(socket)
    const frames = new FrameCutter((frame) => {
      const reader = new Reader(frame)
      const version = Math.min(frame.readInt16BE(2), latest)
      const isKnown = frame.readInt16BE(2) <= latest
      const { correlationId } = codecOf(RequestHeader, 2).read(reader)
      const asked = isKnown ? codecOf(ApiVersions.request, version).read(reader) : null
      const isAnother =
        asked !== null &&
        asked.clusterId !== null &&
        (asked.nodeId !== nodeId || asked.clusterId !== CLUSTER_ID)
      const unknown = isAnother ? 'REBOOTSTRAP_REQUIRED' : 'NONE'
      const errorCode = isKnown ? unknown : 'UNSUPPORTED_VERSION'
      const apiKeys = [{ apiKey: ApiVersions.key, minVersion: 0, maxVersion: latest }]
      const writer = new Writer()
      codecOf(ResponseHeader, 0).write(writer, { correlationId })
      codecOf(ApiVersions.response, isKnown ? version : 0).write(writer, { errorCode, apiKeys })
      const length = Buffer.alloc(4)
      length.writeInt32BE(writer.size)
      socket.write([length, ...writer.chunks()])
    })
    const data = (bytes: Buffer): void => void frames.push(bytes)
    socket.attach({ data, drain: () => undefined, close: () => undefined })
  })
  return listener
}

/** Node 1 with its watch over the brokers, and the machine `other`. */
async function world(
  parts: {
    readonly brokers?: readonly BrokerImage[]
    readonly controllers?: readonly ControllerImage[]
    readonly isController?: boolean
    readonly isEnabled?: boolean
    /** A look of before the office, at the broker in the process of the leader. */
    readonly look?: {
      readonly epoch: number
      readonly agoMs: number
      readonly sign: string | null | Promise<null>
    }
  } = {},
) {
  const scheduler = new Scheduler(3)
  const simulated = { scheduler, network: new SimNetwork(scheduler), codecs: nodeCodecs() }
  const own = new SimMachine('own', simulated).start()
  const machine = new SimMachine('other', simulated)
  const other = machine.start()
  /** What becomes of the next connections that are tried; without any the network says. */
  const script: DialOutcome[] = []
  const dialled: string[] = []
  const toOutcome = await dialOutcomes(own, scheduler)
  const connect = (host: string, port: number): Promise<Socket> => {
    dialled.push(`${host}:${port}`)
    const outcome = script.shift()
    return outcome === undefined ? own.network.connect(host, port) : toOutcome(host, outcome)
  }
  const byId = <Node extends { readonly id: number }>(nodes: readonly Node[]) =>
    new Map(nodes.map((node) => [node.id, node]))
  const { brokers = [broker()], controllers = [], isController = true, isEnabled = true } = parts
  const state = {
    isController,
    image: {
      ...EMPTY_IMAGE,
      brokers: byId(brokers),
      controllers: byId(controllers),
    } as MetadataImage,
    changed: (): void => undefined,
    office: (): void => undefined,
    suspectedAt: SUSPECTED_AT as number | null,
  }
  const commands: object[] = []
  const metadata = {
    get isController() {
      return state.isController
    },
    get image() {
      return state.image
    },
    onChange: (listener: (delta: never, image: MetadataImage) => void) => {
      state.changed = () => listener(null as never, state.image)
      return () => undefined
    },
    onOffice: (listener: () => void) => {
      state.office = listener
      return () => undefined
    },
    submit: (command: { readonly type: string }) => {
      if (!state.isController) return Promise.reject(new ShardError('ERR_SHARD_LOST', 'lost'))
      commands.push(command)
      const isSuspicion = command.type === 'suspectBroker'
      return Promise.resolve(isSuspicion ? { suspectedAt: state.suspectedAt } : { isFenced: true })
    },
  } as unknown as MetadataNode
  const dead = new DeadBrokers({
    host: { ...own, network: { ...own.network, connect } },
    clusterId: CLUSTER_ID,
    nodeId: 1,
    metadata,
    lookAtBroker: () => {
      const { look } = parts
      if (look === undefined) return null
      const sinceMs = own.clock.monotonic() - look.agoMs
      return { id: 2, epoch: look.epoch, sinceMs, signOfLife: Promise.resolve(look.sign) }
    },
    isEnabled,
  })
  const pass = (ms: number): Promise<void> =>
    scheduler.resolve(
      new Promise((resolve) => void own.clock.after(ms, resolve)),
      ms + 1000,
      'time',
    )
  const listening = (port = PORT, nodeId = 2, latest = 5) =>
    scheduler.resolve(answers(other, port, nodeId, latest), 1000, 'a port')
  /** The connection of the broker's heartbeats; `leave` ends it. */
  const beat = (epoch = 5): Presence => {
    const presence = new Presence(() => undefined)
    dead.heard(2, epoch, presence)
    return presence
  }
  const isFenced = (): boolean =>
    commands.some((command) => (command as { type: string }).type === 'fenceDeadBroker')
  /** Has the broker's connection end, and what follows. */
  const end = async (
    outcomes: readonly DialOutcome[],
    leaving: Leaving = 'ended',
  ): Promise<boolean> => {
    script.push(...outcomes)
    dialled.length = 0
    beat().leave(leaving)
    await pass(2000)
    return isFenced()
  }
  return { dead, state, commands, dialled, script, machine, pass, listening, beat, end, isFenced }
}

/** A world whose broker has been proven, and which has looked after its first heartbeats. */
async function proven(parts: Parameters<typeof world>[0] = {}) {
  const found = await world(parts)
  await found.listening()
  found.dead.start()
  found.beat()
  await found.pass(700)
  return found
}

const REFUSED_TWICE = ['refused', 'refused'] as const

describe('a broker whose connection was ended by its machine', () => {
  test('is dead where it refuses wherever it has answered, and again after 150 ms', async () => {
    const { end, commands, dialled } = await proven()
    expect(await end(REFUSED_TWICE)).toBe(true)
    expect(dialled).toEqual(['other:9092', 'other:9092'])
    const life = { brokerId: 2, brokerEpoch: 5 }
    expect(commands).toEqual([
      { type: 'suspectBroker', ...life },
      { type: 'fenceDeadBroker', ...life, suspectedAt: SUSPECTED_AT },
    ])
  })

  test('is dialled at once, and again after 150 ms, no sooner', async () => {
    const { beat, script, dialled, pass, isFenced } = await proven()
    script.push(...REFUSED_TWICE)
    dialled.length = 0
    beat().leave('ended')
    expect(dialled).toHaveLength(1)
    await pass(140)
    expect([dialled.length, isFenced()]).toEqual([1, false])
    await pass(20)
    expect([dialled.length, isFenced()]).toEqual([2, true])
  })

  test.each<[string, DialOutcome[]]>([
    ['accepts, as a proxy does, or a process that was stopped', ['accepted']],
    [
      'accepts and ends it, as a proxy does that reaches nobody',
      ['ended', 'ended', 'ended', 'silent'],
    ],
    ['accepts and ends it, and then accepts', ['ended', 'accepted']],
    ['accepts and ends it, and then says nothing', ['ended', 'silent', 'silent']],
    [
      'accepts and resets it, as a proxy may that reaches nobody',
      ['reset', 'reset at once', 'reset', 'silent'],
    ],
    ['accepts and resets it, and then accepts', ['reset', 'accepted']],
    [
      'accepts and resets it, then ends one, and then says nothing',
      ['reset', 'ended', 'silent', 'silent'],
    ],
    ['resets one, says nothing, and then accepts', ['reset', 'silent', 'accepted']],
    ['resets one, and can’t be asked then', ['reset', 'failed', 'silent']],
    ['can’t be asked again', ['refused', 'failed']],
    ['says nothing', ['silent', 'refused']],
    ['accepts a moment later: the port is used again', ['refused', 'accepted']],
  ])('has its whole session where it %s', async (_, outcomes) => {
    const { end } = await proven()
    expect(await end(outcomes)).toBe(false)
  })

  test('is dead where its machine refuses, and is gone a moment later', async () => {
    const { end } = await proven()
    expect(await end(['refused', 'silent'])).toBe(true)
  })

  test('is dead where a port was the last that the kernel has closed of what its process had open', async () => {
    const { end, dialled } = await proven()
    expect(await end(['ended', ...REFUSED_TWICE])).toBe(true)
    expect(dialled).toHaveLength(3)
  })

  test.each(['reset', 'reset at once'] as const)(
    'is dead where its port has %s what nobody had taken, and its machine is gone then, which is soon known',
    async (outcome) => {
      const { beat, script, dialled, pass, isFenced } = await proven()
      script.push(outcome, 'silent', 'silent')
      dialled.length = 0
      beat().leave('ended')
      await pass(500)
      expect([dialled.length, isFenced()]).toEqual([3, true])
    },
  )

  test('is dead where a port is closed only a moment after it has accepted', async () => {
    const { machine, beat, pass, isFenced } = await proven()
    const presence = beat()
    machine.kill(100)
    presence.leave('ended')
    await pass(240)
    expect(isFenced()).toBe(false)
    await pass(100)
    expect(isFenced()).toBe(true)
  })

  test('has its whole session where one of several places still accepts', async () => {
    const endPoints = [at('other'), at('other', 9094)]
    const found = await world({ brokers: [broker({ endPoints })] })
    await found.listening()
    await found.listening(9094)
    found.dead.start()
    await found.pass(300)
    expect(await found.end(['refused', 'accepted'])).toBe(false)
    expect(await found.end(['refused', 'refused', 'refused', 'refused'])).toBe(true)
  })

  test('is asked of no more where the connection was lost, or ended here', async () => {
    const { end, commands } = await proven()
    expect(await end(REFUSED_TWICE, 'lost')).toBe(false)
    expect(commands).toEqual([])
  })

  test('has another connection by then: the end of the first one says nothing', async () => {
    const { beat, pass, commands, dead } = await proven()
    const first = beat()
    dead.heard(2, 5, new Presence(() => undefined))
    first.leave('ended')
    await pass(1000)
    expect(commands).toEqual([])
  })

  test('is no other life of it than the one that was heard', async () => {
    const { beat, pass, commands } = await proven()
    beat(4).leave('ended')
    await pass(1000)
    expect(commands).toEqual([])
  })

  test('is left alone where that is switched off', async () => {
    const { end, commands } = await proven({ isEnabled: false })
    expect(await end(REFUSED_TWICE)).toBe(false)
    expect(commands).toEqual([])
  })

  test('is another controller’s affair where the office was lost meanwhile', async () => {
    const { beat, script, state, pass, isFenced } = await proven()
    script.push(...REFUSED_TWICE)
    beat().leave('ended')
    await pass(50)
    state.isController = false
    state.office()
    await pass(1000)
    expect(isFenced()).toBe(false)
  })

  test('is not suspected any more as the controller has it: nothing follows', async () => {
    const { end, state } = await proven()
    state.suspectedAt = null
    expect(await end(REFUSED_TWICE)).toBe(false)
  })
})

describe('where nobody listens says something only of an endpoint', () => {
  test('at which a node has answered that is meant', async () => {
    const found = await world()
    await found.listening(PORT, 3)
    found.dead.start()
    await found.pass(300)
    expect(await found.end(REFUSED_TWICE)).toBe(false)
  })

  test('and is asked again where another node has answered: the one that is meant may be there later', async () => {
    const found = await world()
    const stranger = await found.listening(PORT, 3)
    found.dead.start()
    await found.pass(300)
    void stranger.close()
    await found.pass(10)
    await found.listening()
    await found.pass(1000)
    expect(await found.end(REFUSED_TWICE)).toBe(true)
  })

  test('that knows the question', async () => {
    const found = await world()
    await found.listening(PORT, 2, 4)
    found.dead.start()
    await found.pass(300)
    expect(await found.end(REFUSED_TWICE)).toBe(false)
  })

  test('that is not encrypted', async () => {
    const found = await world({ brokers: [broker({ endPoints: [at('other', PORT, 1)] })] })
    await found.listening()
    found.dead.start()
    await found.pass(300)
    expect(await found.end(REFUSED_TWICE)).toBe(false)
  })

  test('that has answered since this life of the broker serves', async () => {
    const found = await proven()
    found.state.image = { ...found.state.image, brokers: new Map([[2, broker({ fenced: true })]]) }
    found.state.changed()
    found.machine.kill()
    found.state.image = { ...found.state.image, brokers: new Map([[2, broker()]]) }
    found.state.changed()
    await found.pass(300)
    expect(await found.end([])).toBe(false)
  })

  test('and is asked often at first: a broker may die as soon as it has taken its ports', async () => {
    const found = await world()
    found.dead.start()
    await found.pass(1750)
    await found.listening()
    await found.pass(120)
    expect(await found.end(REFUSED_TWICE)).toBe(true)
  })

  test('and later each time, but at once by who takes office', async () => {
    const found = await world({ isController: false })
    found.dead.start()
    await found.pass(20_000)
    found.dialled.length = 0
    await found.pass(4000)
    expect(found.dialled).toEqual([])
    await found.listening()
    found.state.isController = true
    found.state.office()
    await found.pass(50)
    expect(await found.end(REFUSED_TWICE)).toBe(true)
  })

  test('and is asked again until it answers: a broker takes its ports when it knows that it serves', async () => {
    const found = await world({ isController: false })
    found.dead.start()
    await found.pass(250)
    await found.listening()
    await found.pass(1000)
    found.state.isController = true
    found.state.office()
    found.beat()
    expect(await found.end(REFUSED_TWICE)).toBe(true)
  })
})

describe('a controller that has just taken office', () => {
  async function taking({
    outcomes = REFUSED_TWICE,
    ...parts
  }: Parameters<typeof world>[0] & { readonly outcomes?: readonly DialOutcome[] } = {}) {
    const found = await world({ isController: false, ...parts })
    await found.listening()
    found.dead.start()
    await found.pass(300)
    found.state.isController = true
    found.dialled.length = 0
    found.script.push(...outcomes)
    found.state.office()
    return found
  }

  test('looks after a broker that it has not heard of in 500 ms', async () => {
    const { pass, dialled, isFenced } = await taking()
    await pass(480)
    expect(dialled).toEqual([])
    await pass(200)
    expect(isFenced()).toBe(true)
  })

  test('leaves those alone that it has heard of', async () => {
    const { pass, beat, dialled } = await taking()
    beat()
    await pass(1000)
    expect(dialled).toEqual([])
  })

  test('has those of before at the same connections, where it had the office before', async () => {
    const { beat, state, dialled, script, pass, isFenced } = await proven()
    const presence = beat()
    for (const isController of [false, true]) {
      state.isController = isController
      state.office()
    }
    dialled.length = 0
    await pass(1000)
    expect(dialled).toEqual([])
    script.push(...REFUSED_TWICE)
    presence.leave('ended')
    await pass(500)
    expect(isFenced()).toBe(true)
  })

  test('leaves itself alone', async () => {
    const { pass, commands } = await taking({ brokers: [broker({ id: 1 })] })
    await pass(1000)
    expect(commands).toEqual([])
  })

  test.each([300, 4900])(
    'knows of a broker that has ended in the process of the leader %i ms before, and only sees whether somebody listens again',
    async (agoMs) => {
      const { pass, dialled, isFenced } = await taking({ look: { epoch: 5, agoMs, sign: null } })
      await pass(10)
      expect([dialled, isFenced()]).toEqual([['other:9092'], true])
    },
  )

  test('which may be the broker: it has its whole session', async () => {
    const { pass, isFenced } = await taking({
      look: { epoch: 5, agoMs: 300, sign: null },
      outcomes: ['accepted', 'accepted'],
    })
    await pass(2000)
    expect(isFenced()).toBe(false)
  })

  test('but not where it knows of no place of it any more', async () => {
    const look = { epoch: 5, agoMs: 300, sign: null }
    const { dead, state, pass, isFenced } = await world({ isController: false, look })
    dead.start()
    state.isController = true
    state.office()
    await pass(2000)
    expect(isFenced()).toBe(false)
  })

  test('but not where it has heard of it meanwhile', async () => {
    let told = (_: null): void => undefined
    const sign = new Promise<null>((resolve) => (told = resolve))
    const { pass, beat, isFenced } = await taking({ look: { epoch: 5, agoMs: 300, sign } })
    beat()
    told(null)
    await pass(1000)
    expect(isFenced()).toBe(false)
  })

  test.each([
    ['in another life', { epoch: 4, agoMs: 300, sign: null }],
    ['long ago', { epoch: 5, agoMs: 5000, sign: null }],
    ['and was there', { epoch: 5, agoMs: 300, sign: 'It accepts' }],
  ])('and looks after it as after others where it was looked after %s', async (_, look) => {
    const { pass, dialled, isFenced } = await taking({ look })
    await pass(450)
    expect([dialled, isFenced()]).toEqual([[], false])
    await pass(300)
    expect(isFenced()).toBe(true)
  })
})

describe('a look after the broker in the process of a controller', () => {
  const combined = (incarnationId: string) =>
    ({ id: 2, incarnationId, endPoints: [], features: new Map() }) as unknown as ControllerImage
  const controllers = [combined(INCARNATION)]

  test('finds that it has ended wherever it has answered', async () => {
    const { dead, script, dialled, pass } = await proven({ controllers, isController: false })
    script.push('refused', 'silent')
    dialled.length = 0
    const look = dead.lookAtBrokerOf(2)
    expect(look).toMatchObject({ id: 2, epoch: 5 })
    await pass(300)
    expect([dialled, await look!.signOfLife]).toEqual([['other:9092', 'other:9092'], null])
  })

  test('finds nothing where nobody has reached it', async () => {
    const { dead } = await world({ controllers, isController: false })
    dead.start()
    expect(await dead.lookAtBrokerOf(2)!.signOfLife).toMatch('has not reached it')
  })

  test('is none where it is another process, or none, or where that is switched off', async () => {
    const { dead } = await proven({ controllers: [combined('j'.repeat(22))] })
    const { dead: off } = await proven({ controllers, isEnabled: false })
    expect([dead.lookAtBrokerOf(2), dead.lookAtBrokerOf(3), off.lookAtBrokerOf(2)]).toEqual([
      null,
      null,
      null,
    ])
  })
})
