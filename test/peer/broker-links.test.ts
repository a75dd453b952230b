import { AllocateProducerIds } from '../../protocol/messages/allocate-producer-ids.ts'
import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { BrokerHeartbeat } from '../../protocol/messages/broker-heartbeat.ts'
import type { Logger } from '../../src/host/host.ts'
import { nodeHost } from '../../src/host/node.ts'
import { BrokerLinks } from '../../src/peer/broker-links.ts'
import { IN_THE_CLEAR } from '../../src/peer/security.ts'
import { freePorts } from '../support/ports.ts'
import { SkippingClock } from '../support/skipping-clock.ts'
import type { FakeBroker } from './fake-broker.ts'
import { SILENCE, answer, apiVersions, fakeBroker } from './fake-broker.ts'

type Told = object | null | typeof SILENCE
const block = (producerIdStart: number) => ({
  errorCode: 'NONE',
  producerIdStart,
  producerIdLen: 10,
})

const open: { close(): void }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

/** A broker that says what a test says. */
async function broker(respond: (epoch: number) => Told) {
  const asked: number[] = []
  const waiting: (() => void)[] = []
  const fake: FakeBroker = await fakeBroker([
    answer(AllocateProducerIds, ({ brokerEpoch }) => {
      asked.push(brokerEpoch)
      for (const look of waiting.splice(0)) look()
      return respond(brokerEpoch)
    }),
  ])
  open.push(fake)
  return {
    port: fake.port,
    asked,
    /** How often it was connected to. */
    connections: () => fake.asked.filter((name) => name.startsWith('ApiVersions')).length,
    wasAsked: async (times: number): Promise<void> => {
      while (asked.length < times) await new Promise<void>((resolve) => void waiting.push(resolve))
    },
  }
}

/** Links to the brokers whose ports the map has. */
function linked(ports: Map<number, number>) {
  const clock = new SkippingClock()
  const logged: string[] = []
  const watched: string[] = []
  const log = (_fields: object, message: string): void => void logged.push(message)
  const logger: Logger = { debug: log, info: log, warn: log, error: log, child: () => logger }
  const links = new BrokerLinks({
    host: { ...nodeHost({ log: { level: 'silent' } }), clock, security: IN_THE_CLEAR },
    log: logger,
    clientId: 'test',
    connectTimeoutMs: 10_000,
    // Who waits is told because it can't be answered, not because time is over.
    requestTimeoutMs: 600_000,
    reconnectBackoffMs: 50_000,
    addressOf: (id) => (ports.has(id) ? { host: '127.0.0.1', port: ports.get(id)! } : null),
    watch: {
      reached: (id) => void watched.push(`${id} is reached`),
      lost: (id, { ip, port }) => void watched.push(`${id} is lost at ${ip}:${port}`),
      refused: (id, { ip, port }) => void watched.push(`${id} is refused at ${ip}:${port}`),
    },
  })
  open.push(links)
  const ask = (id: number, brokerEpoch: number) =>
    links.ask(id, AllocateProducerIds, { brokerId: 1, brokerEpoch })
  return { links, clock, logged, watched, ask }
}

describe('links to other brokers', () => {
  test('ask each by one connection, which is opened when it is needed and again when it was lost', async () => {
    const one = await broker((epoch) => (epoch === 3 ? null : block(epoch)))
    const two = await broker(block)
    const { ask } = linked(
      new Map([
        [1, one.port],
        [2, two.port],
      ]),
    )
    expect(await Promise.all([ask(1, 1), ask(1, 2), ask(2, 7)])).toMatchObject([1, 2, 7].map(block))
    expect([one.connections(), two.connections()]).toEqual([1, 1])
    await expect(ask(1, 3)).rejects.toMatchObject({ name: 'BrokerLinkError', code: 'NO_ANSWER' })
    expect(await ask(1, 4)).toMatchObject(block(4))
    expect([one.connections(), one.asked]).toEqual([2, [1, 2, 3, 4]])
  })

  test('tell of connections that are opened, and that have ended, once each; not of those that they end', async () => {
    const one = await broker((epoch) => {
      if (epoch === 6) return SILENCE
      return epoch === 3 ? null : block(epoch)
    })
    const ports = new Map([[1, one.port]])
    const { ask, links, watched, clock } = linked(ports)
    await Promise.all([ask(1, 1), ask(1, 2)])
    await Promise.allSettled([ask(1, 3), ask(1, 3)])
    const [isReached, isLost] = ['1 is reached', `1 is lost at 127.0.0.1:${one.port}`]
    expect(watched).toEqual([isReached, isLost])
    await ask(1, 4)
    const asked = one.wasAsked(one.asked.length + 1)
    const late = ask(1, 6)
    await asked
    clock.skip(600_000)
    await expect(late).rejects.toMatchObject({ cause: { code: 'REQUEST_TIMEOUT' } })
    await ask(1, 7)
    ports.delete(1)
    links.follow()
    await expect(ask(1, 5)).rejects.toMatchObject({ code: 'NOT_ALIVE' })
    expect(watched).toEqual([isReached, isLost, isReached, isReached])
  })

  test('tell of a machine that lets no connection be', async () => {
    const [port] = (await freePorts(1)) as [number]
    const ports = new Map([[1, port]])
    const { ask, clock, watched } = linked(ports)
    const isRefused = `1 is refused at 127.0.0.1:${port}`
    for (let time = 0; time < 2; time++) {
      await expect(ask(1, 1)).rejects.toMatchObject({ code: 'NO_ANSWER' })
      clock.skip(50_000)
    }
    expect(watched).toEqual([isRefused, isRefused])
    // One that is ending takes a connection still, and ends it before it has said anything.
    const ending = await fakeBroker([answer(ApiVersions, () => null)])
    open.push(ending)
    ports.set(1, ending.port)
    await expect(ask(1, 1)).rejects.toMatchObject({ code: 'NO_ANSWER' })
    expect(watched.slice(2)).toEqual([`1 is refused at 127.0.0.1:${ending.port}`])
  })

  test('do not try again at once where nobody could be reached, and say so once', async () => {
    const [port] = (await freePorts(1)) as [number]
    const ports = new Map([[1, port]])
    const { ask, clock, logged } = linked(ports)
    const refused = { code: 'NO_ANSWER', cause: { code: 'CONNECTION_REFUSED' } }
    for (let time = 0; time < 3; time++) await expect(ask(1, 1)).rejects.toMatchObject(refused)
    clock.skip(50_000)
    await expect(ask(1, 1)).rejects.toMatchObject(refused)
    expect(logged).toEqual(['Another broker can not be reached'])
    // Where it is elsewhere nothing is known of it yet.
    const one = await broker(block)
    ports.set(1, one.port)
    expect(await ask(1, 5)).toMatchObject(block(5))
  })

  test('connect again once the time is over', async () => {
    const asks: boolean[] = []
    let isUp = false
    const allocate = answer(AllocateProducerIds, ({ brokerEpoch }) => block(brokerEpoch))
    const versions = apiVersions([allocate])
    const one = await fakeBroker([
      allocate,
      answer(ApiVersions, (request, version) => {
        asks.push(isUp)
        return isUp ? (versions.answer(request as never, version) as object) : null
      }),
    ])
    open.push(one)
    const { ask, clock } = linked(new Map([[1, one.port]]))
    await expect(ask(1, 1)).rejects.toMatchObject({ code: 'NO_ANSWER' })
    isUp = true
    await expect(ask(1, 2)).rejects.toMatchObject({ code: 'NO_ANSWER' })
    clock.skip(50_000)
    expect(await ask(1, 3)).toMatchObject(block(3))
    expect(asks).toEqual([false, true])
  })

  test('end with the broker that is gone: who waits for it is told', async () => {
    const one = await broker(() => SILENCE)
    const ports = new Map([[1, one.port]])
    const { ask, links } = linked(ports)
    const waiting = ask(1, 1)
    await one.wasAsked(1)
    links.follow()
    ports.delete(1)
    links.follow()
    await expect(waiting).rejects.toMatchObject({ code: 'NO_ANSWER' })
    await expect(ask(1, 2)).rejects.toMatchObject({ code: 'NOT_ALIVE' })
    expect(one.asked).toEqual([1])
  })

  test('tell what a broker does not serve', async () => {
    const one = await broker(block)
    const { links } = linked(new Map([[1, one.port]]))
    const body = { brokerId: 1, currentMetadataOffset: 0, wantFence: false, wantShutDown: false }
    await expect(links.ask(1, BrokerHeartbeat, body)).rejects.toMatchObject({
      code: 'UNSUPPORTED_VERSION',
    })
  })

  test('close: nothing more is asked, and nobody waits', async () => {
    const one = await broker(() => SILENCE)
    const { ask, links } = linked(new Map([[1, one.port]]))
    const waiting = ask(1, 1)
    await one.wasAsked(1)
    links.close()
    await expect(waiting).rejects.toMatchObject({ code: 'NO_ANSWER' })
    await expect(ask(1, 2)).rejects.toMatchObject({ code: 'NO_ANSWER' })
    expect(one.asked).toEqual([1])
  })
})
