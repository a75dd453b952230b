import { nodeCodecs } from '../../../src/host/codecs.ts'
import type { Socket } from '../../../src/host/host.ts'
import { SimMachine } from '../../../src/host/sim/machine.ts'
import { SimNetwork } from '../../../src/host/sim/network.ts'
import { Scheduler } from '../../../src/host/sim/scheduler.ts'
import { PeerError } from '../../../src/peer/errors.ts'
import { LeaderWatch } from '../../../src/quorum/wire/leader-watch.ts'
import { dialOutcomes } from '../../peer/dial-outcomes.ts'
import type { DialOutcome } from '../../peer/dial-outcomes.ts'

/** Of what is late. */
const LATE_MS = 150

const LEADER = 2
const PORT = 9093
const address = { host: 'other', port: PORT }
const closed = new PeerError('CONNECTION_CLOSED', address, 'closed', { isPeersEnd: true })
const refusedBy = (...ips: readonly string[]) =>
  new PeerError('CONNECTION_REFUSED', address, 'refused', { refusedBy: ips })

/**
 * The watch of a voter over node 2, which has answered on the machine `other`. What becomes of connections that are tried there is
 * said; where nothing is said, nobody answers.
 */
async function world({ isEnabled = true } = {}) {
  const scheduler = new Scheduler(3)
  const simulated = { scheduler, network: new SimNetwork(scheduler), codecs: nodeCodecs() }
  const own = new SimMachine('own', simulated).start()
  const toOutcome = await dialOutcomes(own, scheduler, LATE_MS)
  const script: DialOutcome[] = []
  const dialled: string[] = []
  const connect = (host: string, port: number): Promise<Socket> => {
    dialled.push(`${host}:${port}`)
    return toOutcome(host, script.shift() ?? 'silent')
  }
  const gone: number[] = []
  let looks = 0
  const watch = new LeaderWatch({
    host: { clock: own.clock, network: { ...own.network, connect } },
    isEnabled,
    lookAtBrokerOf: (id) => ({ id, epoch: 5, sinceMs: looks++, signOfLife: Promise.resolve(null) }),
    gone: (leaderId) => void gone.push(leaderId),
  })
  watch.reached(LEADER, 'other', PORT)
  const pass = (ms: number): Promise<void> =>
    scheduler.resolve(
      new Promise((resolve) => void own.clock.after(ms, resolve)),
      ms + 1000,
      'time',
    )
  /** A request has failed. */
  const fail = (error: Error = closed, port = PORT, id = LEADER): void =>
    watch.failed(id, port, error)
  /** Has the connection end, and what follows. */
  const end = async (...outcomes: DialOutcome[]): Promise<boolean> => {
    script.push(...outcomes)
    fail()
    await pass(2000)
    return gone.length > 0
  }
  return { watch, script, dialled, gone, pass, fail, end }
}

describe('a leader whose connection has ended', () => {
  test('is gone where its machine refuses at once, and 100 ms later', async () => {
    const { script, fail, dialled, gone, pass } = await world()
    script.push('refused', 'refused')
    fail()
    expect(dialled).toEqual(['other:9093'])
    await pass(95)
    expect(dialled).toHaveLength(1)
    await pass(10)
    expect([dialled.length, gone]).toEqual([2, [LEADER]])
  })

  test('is gone where its machine refuses, and is silent by then, as that of a container is', async () => {
    const { end } = await world()
    expect(await end('refused', 'silent')).toBe(true)
  })

  test('may live where it is far away, and accepts later than 100 ms', async () => {
    const { end } = await world()
    expect(await end('refused late', 'accepted late')).toBe(false)
  })

  test('is gone where its port is the last that the kernel closes', async () => {
    const { end } = await world()
    expect(await end('ended', 'refused', 'refused')).toBe(true)
  })

  test.each<[string, DialOutcome[]]>([
    ['accepts: it closes connections, or another one has its port', ['accepted']],
    ['is silent: its machine is gone, or the way is cut', ['silent']],
    ['accepts a moment later: it was started again', ['refused', 'accepted']],
  ])('may live where it %s', async (_, outcomes) => {
    const { end } = await world()
    expect(await end(...outcomes)).toBe(false)
  })

  test('is dialled again for as long as connections are refused', async () => {
    const { end, script, fail, gone, pass } = await world()
    expect(await end('refused', 'accepted')).toBe(false)
    script.push('refused', 'refused')
    fail(refusedBy('other'))
    await pass(200)
    expect(gone).toEqual([LEADER])
  })

  test('is looked after once at a time, and no more when it is gone', async () => {
    const { end, script, fail, dialled, gone } = await world()
    script.push('refused', 'refused')
    fail()
    expect(await end()).toBe(true)
    fail(refusedBy('other'))
    expect([dialled.length, gone]).toEqual([2, [LEADER]])
  })

  test('has answered again by then: nothing is said of it', async () => {
    const { script, watch, fail, gone, pass } = await world()
    script.push('refused', 'refused')
    fail()
    watch.reached(LEADER, 'other', PORT)
    await pass(500)
    expect(gone).toEqual([])
  })

  test('is of no interest to who has closed', async () => {
    const { script, watch, fail, gone, pass } = await world()
    script.push('refused', 'refused')
    fail()
    watch.close()
    await pass(500)
    expect(gone).toEqual([])
  })
})

describe('what says nothing of a leader', () => {
  test.each<[string, Parameters<Awaited<ReturnType<typeof world>>['fail']>]>([
    ['an answer that is late', [new PeerError('REQUEST_TIMEOUT', address, 'late')]],
    ['a connection that was closed here', [new PeerError('CONNECTION_CLOSED', address, 'here')]],
    ['another node', [closed, PORT, 3]],
    ['a refusal at another port', [refusedBy('other'), 9094]],
    ['a refusal by another machine of its name', [refusedBy('10.0.0.7')]],
  ])('%s', async (_, failure) => {
    const { fail, dialled } = await world()
    fail(...failure)
    expect(dialled).toEqual([])
  })

  test('but its machine may be one of several that its name leads to', async () => {
    const { fail, dialled } = await world()
    fail(refusedBy('10.0.0.7', 'other'))
    expect(dialled).toEqual(['other:9093'])
  })

  test('where that is switched off, anything', async () => {
    const { end, dialled } = await world({ isEnabled: false })
    expect(await end('refused', 'refused')).toBe(false)
    expect(dialled).toEqual([])
  })
})

describe('the broker in the process of the leader', () => {
  test('is looked after as soon as its connection has ended, each time', async () => {
    const { watch, end, fail } = await world()
    expect(watch.lookAtBroker).toBeNull()
    expect(await end('refused', 'accepted')).toBe(false)
    expect(watch.lookAtBroker).toMatchObject({ id: LEADER, epoch: 5, sinceMs: 0 })
    fail(refusedBy('other'))
    // Nothing else has happened by then.
    expect(watch.lookAtBroker).toMatchObject({ sinceMs: 1 })
  })

  test('is of no interest any more where somebody has answered a fetch since', async () => {
    const { watch, end } = await world()
    await end('refused', 'refused')
    watch.reached(3, 'third', PORT)
    expect(watch.lookAtBroker).toBeNull()
  })
})
