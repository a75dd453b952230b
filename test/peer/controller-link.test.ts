import { AllocateProducerIds } from '../../protocol/messages/allocate-producer-ids.ts'
import { BrokerHeartbeat } from '../../protocol/messages/broker-heartbeat.ts'
import { nodeHost } from '../../src/host/node.ts'
import { ControllerLink } from '../../src/peer/controller-link.ts'
import { IN_THE_CLEAR } from '../../src/peer/security.ts'
import { SkippingClock } from '../support/skipping-clock.ts'
import type { FakeBroker } from './fake-broker.ts'
import { SILENCE, answer, fakeBroker } from './fake-broker.ts'

type Told = object | null | typeof SILENCE
const block = (producerIdStart: number) => ({
  errorCode: 'NONE',
  producerIdStart,
  producerIdLen: 10,
})
const NOT_CONTROLLER = { errorCode: 'NOT_CONTROLLER', producerIdStart: 0, producerIdLen: 0 }

const open: { close(): void }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

/** A controller that allocates what a test says; what it was asked, by the brokers' ids. */
async function controller(respond: (brokerId: number) => Told) {
  const asked: number[] = []
  const waiting: (() => void)[] = []
  const broker: FakeBroker = await fakeBroker([
    answer(AllocateProducerIds, ({ brokerId }) => {
      asked.push(brokerId)
      for (const look of waiting.splice(0)) look()
      return respond(brokerId)
    }),
  ])
  open.push(broker)
  const wasAsked = async (times: number): Promise<void> => {
    while (asked.length < times) await new Promise<void>((resolve) => void waiting.push(resolve))
  }
  return { port: broker.port, asked, wasAsked, close: () => broker.close() }
}

/** A link to who is said to be the controller, and what its requests come to. */
function linked(ids: { port: number }[], answerTimeoutMs = 60_000) {
  const clock = new SkippingClock()
  const listeners = new Set<() => void>()
  let current: { port: number } | null = ids[0] ?? null
  const looked: (() => void)[] = []
  const link = new ControllerLink({
    host: { ...nodeHost({ log: { level: 'silent' } }), clock, security: IN_THE_CLEAR },
    log: nodeHost({ log: { level: 'silent' } }).log,
    metadata: {
      get activeController() {
        for (const each of looked.splice(0)) each()
        return current === null ? null : { id: 1, host: '127.0.0.1', port: current.port }
      },
      onActiveController: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    clientId: '7',
    connectTimeoutMs: 10_000,
    answerTimeoutMs,
    retryBackoffMs: 20,
  })
  open.push(link)
  return {
    clock,
    link,
    listeners,
    /** Another one is the controller; who follows is told. */
    elect: (next: { port: number } | null) => {
      current = next
      for (const listener of listeners) listener()
    },
    wasLookedFor: () => new Promise<void>((resolve) => void looked.push(resolve)),
    ask: (brokerId: number, timeoutMs = 100_000) =>
      link.ask(
        AllocateProducerIds,
        { brokerId, brokerEpoch: 1 },
        { timeoutMs, isElsewhere: ({ errorCode }) => errorCode === 'NOT_CONTROLLER' },
      ),
  }
}

describe('a link to the active controller', () => {
  test('asks it one thing after the other, by one connection', async () => {
    const one = await controller((brokerId) => (brokerId === 1 ? SILENCE : block(brokerId)))
    const { ask, clock, link } = linked([one])
    expect(link.apiVersions).toBeNull()
    const first = ask(1, 200_000)
    const second = ask(2)
    await one.wasAsked(1)
    expect(one.asked).toEqual([1])
    expect(link.apiVersions?.apiKeys.map(({ apiKey }) => apiKey)).toContain(67)
    // Who says nothing for so long is lost, and asked again.
    clock.skip(60_000)
    await one.wasAsked(2)
    expect(one.asked).toEqual([1, 1])
    clock.skip(140_000)
    await expect(first).rejects.toMatchObject({ code: 'NO_ANSWER' })
    await expect(second).rejects.toMatchObject({ code: 'NOT_SENT' })
    expect(await ask(3)).toMatchObject(block(3))
  })

  test('asks each thing once, in the order in which they were given', async () => {
    const one = await controller(block)
    const { ask } = linked([one])
    const answers = await Promise.all([1, 2, 3].map((id) => ask(id)))
    expect(answers).toMatchObject([1, 2, 3].map(block))
    expect(one.asked).toEqual([1, 2, 3])
  })

  test('looks again where who has answered isn’t the controller', async () => {
    const former = await controller(() => NOT_CONTROLLER)
    const next = await controller(block)
    const { ask, elect } = linked([former])
    const asked = ask(1)
    await former.wasAsked(2)
    elect(next)
    expect(await asked).toMatchObject(block(1))
    expect(next.asked).toEqual([1])
  })

  test('asks again where the connection is lost before the answer', async () => {
    let times = 0
    const one = await controller((brokerId) => (++times < 3 ? null : block(brokerId)))
    const { ask } = linked([one])
    expect(await ask(1)).toMatchObject(block(1))
    expect(one.asked).toEqual([1, 1, 1])
  })

  test('asks the next controller what the one before has not answered', async () => {
    const former = await controller(() => SILENCE)
    const next = await controller(block)
    const { ask, elect } = linked([former], 1_000_000)
    const asked = ask(1, 1_000_000)
    await former.wasAsked(1)
    elect(next)
    expect(await asked).toMatchObject(block(1))
    expect([former.asked, next.asked]).toEqual([[1], [1]])
  })

  test('stays with it while nobody is known to be another one', async () => {
    const one = await controller(block)
    const { ask, elect } = linked([one])
    await ask(1)
    elect(null)
    expect(await ask(2)).toMatchObject(block(2))
  })

  test('waits for one that can be reached, and says when none was in time', async () => {
    const one = await controller(block)
    const { ask, elect, clock, wasLookedFor } = linked([])
    const late = ask(1, 50_000)
    const asked = ask(2)
    await wasLookedFor()
    clock.skip(50_000)
    await expect(late).rejects.toMatchObject({ name: 'ControllerLinkError', code: 'NOT_SENT' })
    elect(one)
    expect(await asked).toMatchObject(block(2))
    expect(one.asked).toEqual([2])
  })

  test('gives up at once what this controller doesn’t know', async () => {
    const one = await controller(block)
    const { ask, link } = linked([one])
    const body = { brokerId: 1, currentMetadataOffset: 0, wantFence: false, wantShutDown: false }
    const unknown = link.ask(BrokerHeartbeat, body, { timeoutMs: 1e6, isElsewhere: () => false })
    await expect(unknown).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' })
    expect(await ask(2)).toMatchObject(block(2))
  })

  test('ends with the node: nothing more is asked, and nobody waits', async () => {
    const one = await controller(() => SILENCE)
    const { ask, link, listeners } = linked([one])
    const waiting = [ask(1), ask(2)]
    await one.wasAsked(1)
    link.close()
    for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 'NOT_SENT' })
    await expect(ask(3)).rejects.toMatchObject({ code: 'NOT_SENT' })
    expect([one.asked, listeners.size]).toEqual([[1], 0])
  })
})
