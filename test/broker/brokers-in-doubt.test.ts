import { BrokersInDoubt } from '../../src/broker/brokers-in-doubt.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Socket } from '../../src/host/host.ts'
import { SimMachine } from '../../src/host/sim/machine.ts'
import { SimNetwork } from '../../src/host/sim/network.ts'
import { Scheduler } from '../../src/host/sim/scheduler.ts'
import { EMPTY_IMAGE } from '../../src/metadata/image.ts'
import type { BrokerImage, MetadataImage } from '../../src/metadata/image.ts'
import { Presence } from '../../src/replication/fetch/presence.ts'
import { dialOutcomes } from '../peer/dial-outcomes.ts'
import type { DialOutcome } from '../peer/dial-outcomes.ts'

const PLACE = { ip: 'other', port: 9092 }

/** The metadata with broker 2, or without. */
const imageWith = (broker: Partial<BrokerImage> | null): MetadataImage => ({
  ...EMPTY_IMAGE,
  brokers: new Map(broker === null ? [] : [[2, { id: 2, ...broker } as BrokerImage]]),
})

const LATE_MS = 1000

/** What a broker knows of broker 2, at whose place connections end like that, one after the other; the last one for ever. */
async function doubts(...outcomes: [...DialOutcome[], DialOutcome]) {
  const scheduler = new Scheduler(3)
  const simulated = { scheduler, network: new SimNetwork(scheduler), codecs: nodeCodecs() }
  const own = new SimMachine('own', simulated).start()
  const toOutcome = await dialOutcomes(own, scheduler, LATE_MS)
  const dialled: string[] = []
  const connect = (host: string, port: number): Promise<Socket> => {
    dialled.push(`${host}:${port}`)
    return toOutcome(host, outcomes.length > 1 ? outcomes.shift()! : outcomes[0])
  }
  const inDoubt = new BrokersInDoubt({
    host: { clock: own.clock, network: { ...own.network, connect } },
    addressOf: (brokerId) => (brokerId === 2 ? { host: 'other', port: 9092 } : null),
  })
  const pass = (ms: number): Promise<void> =>
    scheduler.resolve(
      new Promise((resolve) => void own.clock.after(ms, resolve)),
      ms + 1000,
      'time',
    )
  return { inDoubt, dialled, pass }
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

  test('lives where it takes others and ends them itself', async () => {
    const { inDoubt, pass } = await doubts('ended')
    inDoubt.lost(2, PLACE)
    expect(inDoubt.has(2)).toBe(true)
    await pass(1600)
    expect(inDoubt.has(2)).toBe(false)
  })

  test('that lets no connection be is in doubt once, until one is open again, or another life of it', async () => {
    const { inDoubt, pass } = await doubts('refused')
    for (const forget of [
      () => inDoubt.reached(2),
      () => inDoubt.fetched(2, new Presence(() => undefined)),
      () => inDoubt.follow(imageWith({ fenced: true })),
      () => undefined,
    ]) {
      inDoubt.refused(2, PLACE)
      expect(inDoubt.has(2)).toBe(true)
      await pass(3010)
      inDoubt.refused(2, PLACE)
      expect(inDoubt.has(2)).toBe(false)
      forget()
    }
    // The end of a connection is another sign.
    inDoubt.lost(2, PLACE)
    expect(inDoubt.has(2)).toBe(true)
  })

  test('that doubts itself does so for three seconds from the last time, and dials nobody', async () => {
    const { inDoubt, pass, dialled } = await doubts('accepted')
    inDoubt.doubtItself(1)
    await pass(2000)
    inDoubt.doubtItself(1)
    await pass(2990)
    expect(inDoubt.has(1)).toBe(true)
    await pass(20)
    expect([inDoubt.has(1), dialled]).toEqual([false, []])
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

describe('a broker that fetches from this one', () => {
  /** The connection of a follower. */
  async function following(brokerId: number, ...outcomes: [...DialOutcome[], DialOutcome]) {
    const found = await doubts(...outcomes)
    const presence = new Presence(() => undefined)
    for (let fetches = 0; fetches < 3; fetches++) found.inDoubt.fetched(brokerId, presence)
    return { ...found, presence }
  }

  test('is in doubt as soon as its machine ends the connection', async () => {
    const { inDoubt, presence, dialled, pass } = await following(2, 'refused')
    expect(inDoubt.has(2)).toBe(false)
    presence.leave('ended')
    expect([inDoubt.has(2), dialled]).toEqual([true, ['other:9092']])
    await pass(2990)
    expect(inDoubt.has(2)).toBe(true)
    await pass(20)
    expect([inDoubt.has(2), dialled.length]).toEqual([false, 1])
  })

  test('lives where it takes another one', async () => {
    const { inDoubt, presence, pass } = await following(2, 'accepted')
    presence.leave('ended')
    expect(inDoubt.has(2)).toBe(true)
    await pass(600)
    expect(inDoubt.has(2)).toBe(false)
  })

  test('is not in doubt while it has another connection, that of another broker is none', async () => {
    const { inDoubt, presence: first, dialled } = await following(2, 'refused')
    const [second, of3] = [new Presence(() => undefined), new Presence(() => undefined)]
    inDoubt.fetched(2, second)
    inDoubt.fetched(3, of3)
    first.leave('ended')
    expect([inDoubt.has(2), dialled]).toEqual([false, []])
    inDoubt.fetched(2, first)
    second.leave('ended')
    expect(inDoubt.has(2)).toBe(true)
  })

  test('is no more in doubt where it fetches by another one since', async () => {
    const { inDoubt, presence } = await following(2, 'refused')
    presence.leave('ended')
    expect(inDoubt.has(2)).toBe(true)
    inDoubt.fetched(2, new Presence(() => undefined))
    expect(inDoubt.has(2)).toBe(false)
  })

  test('is not in doubt for silence, nor where the cluster has it no more', async () => {
    const { inDoubt, presence, dialled } = await following(2, 'refused')
    presence.leave('lost')
    const { presence: gone, ...other } = await following(3, 'refused')
    gone.leave('ended')
    expect([inDoubt.has(2), other.inDoubt.has(3)]).toEqual([false, false])
    expect([dialled, other.dialled]).toEqual([[], []])
  })

  test('is of no interest any more to a broker that has closed', async () => {
    const { inDoubt, presence, dialled } = await following(2, 'refused')
    inDoubt.close()
    presence.leave('ended')
    expect([inDoubt.has(2), dialled]).toEqual([false, []])
  })
})
