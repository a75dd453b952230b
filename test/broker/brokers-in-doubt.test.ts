import { BrokersInDoubt } from '../../src/broker/brokers-in-doubt.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Socket } from '../../src/host/host.ts'
import { SimMachine } from '../../src/host/sim/machine.ts'
import { SimNetwork } from '../../src/host/sim/network.ts'
import { Scheduler } from '../../src/host/sim/scheduler.ts'
import { EMPTY_IMAGE } from '../../src/metadata/image.ts'
import type { BrokerImage, MetadataImage } from '../../src/metadata/image.ts'

const PLACE = { ip: 'other', port: 9092 }

/** The metadata with broker 2, or without. */
const imageWith = (broker: Partial<BrokerImage> | null): MetadataImage => ({
  ...EMPTY_IMAGE,
  brokers: new Map(broker === null ? [] : [[2, { id: 2, ...broker } as BrokerImage]]),
})

type Outcome = 'refused' | 'accepted' | 'accepted late' | 'ended' | 'silent'
const LATE_MS = 1000

/** What a broker knows of broker 2, at whose place connections end like that, one after the other; the last one for ever. */
async function doubts(...outcomes: [...Outcome[], Outcome]) {
  const scheduler = new Scheduler(3)
  const simulated = { scheduler, network: new SimNetwork(scheduler), codecs: nodeCodecs() }
  const own = new SimMachine('own', simulated).start()
  const listen = (port: number, accept: (socket: Socket) => void) =>
    scheduler.resolve(own.network.listen('', port, accept), 1000, 'a port')
  await listen(1, () => undefined)
  await listen(2, (socket) => socket.destroy())
  const connect = async (host: string): Promise<Socket> => {
    const outcome = outcomes.length > 1 ? outcomes.shift() : outcomes[0]
    if (outcome === 'accepted late') {
      await new Promise<void>((resolve) => void own.clock.after(LATE_MS, resolve))
    }
    if (outcome === 'ended') return own.network.connect('own', 2)
    if (outcome === 'silent') return new Promise(() => undefined)
    if (outcome !== 'refused') return own.network.connect('own', 1)
    throw Object.assign(new Error(), { code: 'ECONNREFUSED', address: host })
  }
  const inDoubt = new BrokersInDoubt({
    clock: own.clock,
    network: { ...own.network, connect },
  })
  const pass = (ms: number): Promise<void> =>
    scheduler.resolve(
      new Promise((resolve) => void own.clock.after(ms, resolve)),
      ms + 1000,
      'time',
    )
  return { inDoubt, pass }
}

describe('a broker whose connection has ended', () => {
  test.each(['refused', 'silent'] as const)(
    'is in doubt at once, and for three seconds where it is %s, no longer',
    async (outcome) => {
      const { inDoubt, pass } = await doubts(outcome)
      expect(inDoubt.has(2)).toBe(false)
      inDoubt.lost(2, PLACE)
      expect([inDoubt.has(2), inDoubt.has(3)]).toEqual([true, false])
      await pass(2990)
      expect(inDoubt.has(2)).toBe(true)
      await pass(20)
      expect(inDoubt.has(2)).toBe(false)
    },
  )

  test('lives where it takes another one, and keeps it', async () => {
    const { inDoubt, pass } = await doubts('accepted')
    inDoubt.lost(2, PLACE)
    expect(inDoubt.has(2)).toBe(true)
    await pass(600)
    expect(inDoubt.has(2)).toBe(false)
  })

  test('does not live because its port is the last that the kernel closes', async () => {
    const { inDoubt, pass } = await doubts('ended', 'refused')
    inDoubt.lost(2, PLACE)
    await pass(1000)
    expect(inDoubt.has(2)).toBe(true)
  })

  test('is in doubt no longer for another end', async () => {
    const { inDoubt, pass } = await doubts('refused')
    inDoubt.lost(2, PLACE)
    await pass(2000)
    inDoubt.lost(2, PLACE)
    await pass(1010)
    expect(inDoubt.has(2)).toBe(false)
  })

  test('is no more in doubt where it was reached since; the next end is another matter', async () => {
    const { inDoubt, pass } = await doubts('accepted late', 'refused')
    inDoubt.lost(2, PLACE)
    inDoubt.reached(2)
    expect(inDoubt.has(2)).toBe(false)
    inDoubt.lost(2, PLACE)
    await pass(2000)
    expect(inDoubt.has(2)).toBe(true)
  })

  test('is as the controller has decided', async () => {
    const { inDoubt } = await doubts('refused')
    for (const [decided, isInDoubt] of [
      [{ fenced: false }, true],
      [{ fenced: true }, false],
      [null, false],
    ] as const) {
      inDoubt.lost(2, PLACE)
      inDoubt.follow(imageWith(decided))
      expect(inDoubt.has(2)).toBe(isInDoubt)
    }
  })

  test('is of no interest any more to a broker that has closed', async () => {
    const { inDoubt } = await doubts('refused')
    inDoubt.lost(2, PLACE)
    inDoubt.close()
    expect(inDoubt.has(2)).toBe(false)
  })
})
