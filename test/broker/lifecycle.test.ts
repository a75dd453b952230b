import { BrokerLifecycle } from '../../src/broker/lifecycle.ts'
import { simClock } from '../../src/host/sim/clock.ts'
import { Scheduler } from '../../src/host/sim/scheduler.ts'
import { nodeHost } from '../../src/host/node.ts'
import { ShardError } from '../../src/machine/runtime.ts'
import type {
  ControllerCommand,
  ControllerCommands,
} from '../../src/metadata/controller/commands.ts'
import { BROKER } from '../metadata/support.ts'

type Heartbeat = ControllerCommands['brokerHeartbeat']['command']
type Reply = Partial<ControllerCommands['brokerHeartbeat']['reply']>

const EPOCH = 7
const REGISTRATION = { ...BROKER, logDirs: [`${'d'.repeat(21)}Q`] }
const LOST = new ShardError('ERR_SHARD_LOST', 'This node is not the controller')
const NEVER = new Promise<never>(() => {})

const STALE = { errorCode: 'STALE_BROKER_EPOCH', errorMessage: null } as const

/** A broker's life with a controller that the test plays. */
class Life {
  readonly scheduler = new Scheduler(1)
  readonly registrations: number[] = []
  /** With the time of each. */
  readonly heartbeats: (Heartbeat & { readonly at: number })[] = []
  readonly failures: string[] = []
  readonly warnings: string[] = []
  offset = 0
  isUnfenced = true
  registeredEpoch = EPOCH
  cordoned: readonly string[] | null = []
  register: () => unknown = () => ({ errorCode: 'NONE', errorMessage: null, brokerEpoch: EPOCH })
  heartbeat: (asked: Heartbeat) => Reply | Error | Promise<never> = ({ wantFence }) => ({
    isCaughtUp: true,
    isFenced: wantFence,
  })
  readonly lifecycle = new BrokerLifecycle({
    clock: simClock(this.scheduler, { name: 'broker', isOver: false }, { offsetMs: 0 }),
    log: { ...nodeHost({ log: { level: 'silent' } }).log, warn: this.#warn.bind(this) },
    channel: { submit: (command) => this.#answer(command) as Promise<never> },
    settings: {
      heartbeatIntervalMs: 2000,
      sessionTimeoutMs: 9000,
      registrationTimeoutMs: 60_000,
      directoryTimeoutMs: () => 30_000,
    },
    metadataOffset: () => this.offset,
    cordoned: () => this.cordoned,
    isUnfenced: () => this.isUnfenced,
    registeredEpoch: () => this.registeredEpoch,
    fail: ({ message }) => this.failures.push(message),
  })

  async running(): Promise<this> {
    await this.does(this.lifecycle.register(REGISTRATION))
    await this.does(this.lifecycle.caughtUp())
    await this.does(this.lifecycle.serve())
    this.heartbeats.length = 0
    return this
  }

  does<Result>(promise: Promise<Result>): Promise<Result> {
    return this.scheduler.resolve(promise, 200_000, 'step')
  }

  pass(ms: number): Promise<void> {
    return this.scheduler.pass(ms)
  }

  /** When each heartbeat was, from a time on. */
  since(from: number): number[] {
    return this.heartbeats.map(({ at }) => Math.round(at - from))
  }

  #warn(_fields: object, message: string): void {
    this.warnings.push(message)
  }

  async #answer(command: ControllerCommand): Promise<unknown> {
    const at = this.scheduler.now
    if (command.type === 'registerBroker') {
      this.registrations.push(Math.round(at))
      const reply = this.register()
      if (reply instanceof Error) throw reply
      return reply
    }
    if (command.type !== 'brokerHeartbeat') throw new Error(`${command.type} is not expected`)
    this.heartbeats.push({ ...command, at })
    const reply = await this.heartbeat(command)
    if (reply instanceof Error) throw reply
    return { errorCode: 'NONE', errorMessage: null, shouldShutDown: false, ...reply }
  }
}

describe('a broker that starts', () => {
  test('registers, and is fenced until it has caught up and asks to serve', async () => {
    const life = new Life()
    life.heartbeat = ({ currentMetadataOffset, wantFence }) => {
      const isCaughtUp = currentMetadataOffset >= EPOCH
      return { isCaughtUp, isFenced: wantFence || !isCaughtUp }
    }
    expect(life.lifecycle.epoch).toBe(-1)
    await life.does(life.lifecycle.register(REGISTRATION))
    expect(life.lifecycle.epoch).toBe(EPOCH)
    let isCaughtUp = false
    const caughtUp = life.lifecycle.caughtUp().then(() => (isCaughtUp = true))
    await life.pass(25)
    expect([isCaughtUp, life.since(0)]).toEqual([false, [0, 10, 20]])
    life.offset = EPOCH
    await life.does(caughtUp)
    expect(life.lifecycle.state).toBe('recovery')
    await life.pass(5000)
    expect(life.heartbeats.map(({ wantFence }) => wantFence)).not.toContain(false)
    await life.does(life.lifecycle.serve())
    expect(life.heartbeats.at(-1)).toMatchObject({
      brokerId: 1,
      brokerEpoch: EPOCH,
      currentMetadataOffset: EPOCH,
      wantFence: false,
      wantShutDown: false,
      offlineLogDirs: [],
    })
    expect(life.lifecycle.state).toBe('running')
  })

  test('is unfenced without any waiting where nothing holds it up', async () => {
    const life = await new Life().running()
    expect(life.scheduler.now).toBeLessThan(1)
  })

  test('tells which directories are cordoned once it knows, and at once when these are others', async () => {
    const life = new Life()
    life.cordoned = ['one']
    let offset = 0
    life.heartbeat = ({ wantFence }) => ({ isCaughtUp: offset++ > 0, isFenced: wantFence })
    await life.does(life.lifecycle.register(REGISTRATION))
    await life.does(life.lifecycle.serve())
    const told = life.heartbeats.map(({ cordonedLogDirs }) => cordonedLogDirs)
    expect(told).toEqual([null, null, ['one']])
    life.cordoned = ['one', 'two']
    life.lifecycle.reportCordoned()
    await life.pass(5)
    expect(life.heartbeats.slice(3)).toMatchObject([{ cordonedLogDirs: ['one', 'two'] }])
  })

  test('says again that it is ready, until the controller lets it serve', async () => {
    const life = new Life()
    await life.does(life.lifecycle.register(REGISTRATION))
    life.heartbeat = () => ({ isCaughtUp: true, isFenced: life.heartbeats.length < 4 })
    await life.does(life.lifecycle.serve())
    expect(life.since(0)).toEqual([0, 0, 2000, 4000])
  })

  test('serves only when the metadata that it has say so, too', async () => {
    const life = new Life()
    life.isUnfenced = false
    await life.does(life.lifecycle.register(REGISTRATION))
    let isServing = false
    const serving = life.lifecycle.serve().then(() => (isServing = true))
    await life.pass(25)
    expect([isServing, life.lifecycle.state]).toEqual([false, 'recovery'])
    life.isUnfenced = true
    await life.does(serving)
    expect(life.since(0)).toEqual([0, 0, 10, 20, 30])
  })

  test('registers again while another process of its id is alive, or no controller is there', async () => {
    const life = new Life()
    const answers: unknown[] = [
      { errorCode: 'DUPLICATE_BROKER_REGISTRATION', errorMessage: 'Another', brokerEpoch: -1 },
      LOST,
      LOST,
      { errorCode: 'NONE', errorMessage: null, brokerEpoch: EPOCH },
    ]
    life.register = () => answers.shift()
    await life.does(life.lifecycle.register(REGISTRATION))
    expect(life.registrations).toEqual([0, 100, 300, 700])
    await life.does(life.lifecycle.serve())
  })

  test.each(['INCONSISTENT_CLUSTER_ID', 'INVALID_REGISTRATION', 'UNSUPPORTED_VERSION'])(
    'does not start where it would be refused for ever: %s',
    async (errorCode) => {
      const life = new Life()
      life.register = () => ({ errorCode, errorMessage: 'for this reason', brokerEpoch: -1 })
      await expect(life.does(life.lifecycle.register(REGISTRATION))).rejects.toMatchObject({
        code: 'ERR_START',
        message: 'The controller refused this broker: for this reason',
      })
      expect(life.registrations).toEqual([0])
    },
  )

  test('says what to mend where the controller, in another process, has said no more than the error', async () => {
    const life = new Life()
    life.register = () => ({ errorCode: 'INCONSISTENT_CLUSTER_ID', errorMessage: null })
    await expect(life.does(life.lifecycle.register(REGISTRATION))).rejects.toThrow(
      /another cluster\. Correct controller\.quorum\.bootstrap\.servers/,
    )
  })

  test('gives up after initial.broker.registration.timeout.ms', async () => {
    const life = new Life()
    life.register = () => LOST
    await expect(life.does(life.lifecycle.register(REGISTRATION))).rejects.toMatchObject({
      code: 'ERR_START',
    })
    const last = life.registrations.at(-1)!
    expect(last).toBeGreaterThanOrEqual(60_000)
    expect(last).toBeLessThan(70_000)
    expect(life.registrations.at(-2)!).toBeLessThan(60_000)
  })

  test.each(['registers', 'catches up', 'waits to serve'])(
    'and is stopped while it %s does not go on',
    async (when) => {
      const life = new Life()
      life.heartbeat = ({ wantFence }) => ({
        isCaughtUp: when === 'waits to serve',
        isFenced: wantFence,
      })
      let waits: Promise<void>
      if (when === 'registers') {
        life.register = () => LOST
        waits = life.lifecycle.register(REGISTRATION)
      } else {
        await life.does(life.lifecycle.register(REGISTRATION))
        life.heartbeat = () => NEVER
        waits = when === 'catches up' ? life.lifecycle.caughtUp() : life.lifecycle.serve()
      }
      waits.catch(() => undefined)
      await life.pass(50)
      life.lifecycle.close()
      const { length } = life.heartbeats
      await expect(life.does(waits)).rejects.toMatchObject({ code: 'ERR_START' })
      await life.pass(20_000)
      expect(life.heartbeats).toHaveLength(length)
    },
  )
})

describe('a broker that runs', () => {
  test('tells the controller that it is alive, how far it is, and that it goes on serving', async () => {
    const life = await new Life().running()
    const from = life.scheduler.now
    life.offset = 40
    await life.pass(6500)
    expect(life.since(from)).toEqual([2000, 4000, 6000])
    for (const beat of life.heartbeats) {
      expect(beat).toMatchObject({ currentMetadataOffset: 40, wantFence: false })
    }
  })

  test('tells another controller at once that it is there', async () => {
    const life = await new Life().running()
    // Between two heartbeats.
    await life.pass(2500)
    const before = life.scheduler.now
    life.lifecycle.controllerChanged()
    await life.pass(2100)
    expect(life.since(before).filter((ms) => ms >= 0)).toEqual([0, 2000])
  })

  test('tries again when a heartbeat fails, later each time, and as before once one does not', async () => {
    const life = await new Life().running()
    const from = life.scheduler.now
    life.heartbeat = () => (life.heartbeats.length <= 3 ? LOST : { isFenced: false })
    await life.pass(5000)
    expect(life.since(from)).toEqual([2000, 2100, 2300, 2700, 4700])
    life.heartbeat = () => LOST
    await life.pass(60_000)
    const times = life.since(from)
    // Never later than the session is long.
    expect(times.at(-1)! - times.at(-2)!).toBe(9000)
    expect([life.failures, life.lifecycle.state]).toEqual([[], 'running'])
  })

  test('does not wait for an answer until its session is over', async () => {
    const life = await new Life().running()
    const from = life.scheduler.now
    life.heartbeat = () => (life.heartbeats.length === 1 ? NEVER : { isFenced: false })
    await life.pass(7000)
    expect(life.since(from)).toEqual([2000, 6600])
  })

  test('has a session for as long as a heartbeat is no older that the controller has taken', async () => {
    const life = new Life()
    expect(life.lifecycle.hasSession).toBe(false)
    await life.running()
    expect(life.lifecycle.hasSession).toBe(true)
    life.heartbeat = () => LOST
    await life.pass(8990)
    expect(life.lifecycle.hasSession).toBe(true)
    await life.pass(20)
    expect(life.lifecycle.hasSession).toBe(false)
    // What was sent long ago says nothing of now.
    let answer: (reply: Reply) => void = () => undefined
    life.heartbeat = () => new Promise<Reply>((resolve) => (answer = resolve)) as Promise<never>
    const asked = life.heartbeats.length
    while (life.heartbeats.length === asked) await life.pass(100)
    life.heartbeat = () => NEVER
    await life.pass(4000)
    answer({ isCaughtUp: true, isFenced: false })
    await life.pass(1)
    expect(life.lifecycle.hasSession).toBe(true)
    await life.pass(5000)
    expect(life.lifecycle.hasSession).toBe(false)
  })

  test('says that it was unregistered and what to do, and goes on, as Kafka’s', async () => {
    const life = await new Life().running()
    life.registeredEpoch = -1
    life.heartbeat = () => STALE
    await life.pass(2000)
    expect(life.warnings).toEqual([expect.stringMatching(/was unregistered .* Restart it/)])
    expect([life.failures, life.lifecycle.state]).toEqual([[], 'running'])
  })

  test('stops where another process has its id', async () => {
    const life = await new Life().running()
    life.heartbeat = () => STALE
    await life.pass(2000)
    // As far as the metadata here go, this one still has it.
    expect([life.warnings.length, life.failures]).toEqual([1, []])
    life.registeredEpoch = EPOCH + 1
    await life.pass(2000)
    expect(life.failures[0]).toMatch(/Another process has registered as broker 1: stop one/)
  })
})

describe('a directory that fails', () => {
  const [A, B] = ['a', 'b'].map((name) => `${name.repeat(21)}Q`) as [string, string]
  const told = (life: Life): string[][] =>
    life.heartbeats.map(({ offlineLogDirs }) => [...offlineLogDirs])

  test('is told at once, and with each heartbeat from then on', async () => {
    const life = await new Life().running()
    life.lifecycle.reportOffline(A, '/a')
    expect(told(life)).toEqual([[A]])
    await life.pass(40_000)
    expect(told(life).slice(0, 3)).toEqual([[A], [A], [A]])
    expect(life.failures).toEqual([])
  })

  test('before the broker was registered is told afterwards, without another failing in vain', async () => {
    const life = new Life()
    life.lifecycle.reportOffline(A, '/a')
    await life.running()
    await life.pass(40_000)
    expect(told(life)[0]).toEqual([A])
    expect(life.failures).toEqual([])
  })

  test('while the controller is asked is told next, and not taken for told', async () => {
    const life = await new Life().running()
    let answer: (reply: never) => void = () => undefined
    life.heartbeat = () =>
      life.heartbeats.length === 1 ? new Promise<never>((resolve) => (answer = resolve)) : LOST
    life.lifecycle.reportOffline(A, '/a')
    life.lifecycle.reportOffline(B, '/b')
    expect(told(life)).toEqual([[A]])
    answer({ isFenced: false } as never)
    await life.pass(1)
    expect(told(life)).toEqual([[A], [A, B]])
    await life.pass(31_000)
    expect(life.failures).toEqual([
      'The controller could not be told that the log directory /b is offline within log.dir.failure.timeout.ms',
    ])
  })

  test('is nothing to a broker that has stopped', async () => {
    const life = await new Life().running()
    life.heartbeat = () => LOST
    life.lifecycle.reportOffline(A, '/a')
    await life.pass(1)
    life.lifecycle.close()
    life.lifecycle.reportOffline(B, '/b')
    await life.pass(60_000)
    expect([told(life), life.failures]).toEqual([[[A]], []])
  })
})

describe('a broker that stops', () => {
  test('asks for it until others lead in its place', async () => {
    const life = await new Life().running()
    const from = life.scheduler.now
    life.heartbeat = () => ({ isFenced: false, shouldShutDown: life.heartbeats.length === 3 })
    await life.does(life.lifecycle.shutDown())
    expect(life.heartbeats.map(({ wantShutDown }) => wantShutDown)).toEqual([true, true, true])
    expect(life.since(from)).toEqual([0, 0, 50])
    life.lifecycle.close()
    await life.pass(20_000)
    expect(life.heartbeats).toHaveLength(3)
    expect(life.warnings).toEqual([])
  })

  test('says nothing more once it was closed before anybody has answered', async () => {
    const life = await new Life().running()
    life.heartbeat = () => LOST
    const stopping = life.lifecycle.shutDown().catch(() => undefined)
    await life.pass(10)
    const { length } = life.warnings
    life.lifecycle.close()
    await life.pass(20_000)
    await stopping
    expect(life.warnings).toHaveLength(length)
  })

  test('waits for that no longer than half a minute', async () => {
    const life = await new Life().running()
    const from = life.scheduler.now
    life.heartbeat = () => ({ isFenced: false, shouldShutDown: false })
    await life.does(life.lifecycle.shutDown())
    expect(Math.round(life.scheduler.now - from)).toBe(30_000)
    expect(life.warnings.at(-1)).toContain('not all that it leads is led by others yet')
    const { length } = life.heartbeats
    await life.pass(20_000)
    expect(life.heartbeats).toHaveLength(length)
  })

  test('waits a few seconds for a controller that answers, each time', async () => {
    const life = await new Life().running()
    const from = life.scheduler.now
    life.heartbeat = () =>
      life.scheduler.now - from < 4000 ? { isFenced: false, shouldShutDown: false } : LOST
    await life.does(life.lifecycle.shutDown())
    expect(life.scheduler.now - from).toBeGreaterThan(8000)
    expect(life.scheduler.now - from).toBeLessThan(9000)
    expect(life.warnings.at(-1)).toContain('no controller answers')
    await life.pass(60_000)
    expect(life.warnings.at(-1)).toContain('no controller answers')
  })

  test('before it serves has nothing to hand over', async () => {
    const life = new Life()
    await life.does(life.lifecycle.register(REGISTRATION))
    await life.does(life.lifecycle.shutDown())
    expect(life.heartbeats.map(({ wantShutDown }) => wantShutDown)).toEqual([false])
  })
})
