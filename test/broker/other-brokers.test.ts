import { AllocateProducerIds } from '../../protocol/messages/allocate-producer-ids.ts'
import { OtherBrokers } from '../../src/broker/other-brokers.ts'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import { nodeHost } from '../../src/host/node.ts'
import { EMPTY_IMAGE } from '../../src/metadata/image.ts'
import type { BrokerImage, MetadataDelta, MetadataImage } from '../../src/metadata/image.ts'
import { IN_THE_CLEAR, towards } from '../../src/peer/security.ts'
import { until } from '../clients/wait.ts'
import type { FakeBroker } from '../peer/fake-broker.ts'
import { SILENCE, answer, apiVersions, fakeBroker } from '../peer/fake-broker.ts'

const CONFIG = new BrokerConfig({
  settings: {
    'process.roles': 'broker',
    'node.id': '1',
    'controller.quorum.bootstrap.servers': '127.0.0.1:1',
    'controller.listener.names': 'CONTROLLER',
    listeners: 'CLIENTS://127.0.0.1:0,INTERNAL://127.0.0.1:0',
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,CLIENTS:PLAINTEXT,INTERNAL:PLAINTEXT',
  },
})

const open: { close(): void }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

const endPoint = (name: string, port: number) => ({
  name,
  host: '127.0.0.1',
  port,
  securityProtocol: 0,
})

/** An image with a broker 2, who listens for clients where nobody is. */
function imageOf(port: number, more: Partial<BrokerImage> = {}): MetadataImage {
  const broker: BrokerImage = {
    id: 2,
    epoch: 1,
    incarnationId: 'AAAAAAAAAAAAAAAAAAAAAA',
    endPoints: [endPoint('CLIENTS', 1), endPoint('INTERNAL', port)],
    features: [],
    rack: null,
    fenced: false,
    inControlledShutdown: false,
    logDirs: [],
    cordonedLogDirs: null,
    ...more,
  }
  return { ...EMPTY_IMAGE, brokers: new Map([[2, broker]]) }
}

/** This broker's way to broker 2, and what the metadata says next. */
async function others(respond: () => object | typeof SILENCE) {
  const waiting: (() => void)[] = []
  const allocate = answer(AllocateProducerIds, () => {
    for (const look of waiting.splice(0)) look()
    return respond()
  })
  const versions = apiVersions([allocate])
  // As all brokers do, it says that it can say so.
  const all = [allocate, apiVersions([allocate, versions])]
  const two: FakeBroker = await fakeBroker(all)
  const listeners = new Set<(delta: MetadataDelta, image: MetadataImage) => void>()
  const metadata = {
    image: imageOf(two.port),
    onChange: (listener: (delta: MetadataDelta, image: MetadataImage) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const way = new OtherBrokers(
    towards(nodeHost({ log: { level: 'silent' } }), IN_THE_CLEAR),
    CONFIG,
    metadata,
  )
  open.push(two, way)
  const change = (image: MetadataImage, brokersChanged = true): void => {
    metadata.image = image
    for (const tell of listeners) tell({ brokersChanged } as MetadataDelta, image)
  }
  const body = { brokerId: 1, brokerEpoch: 1 }
  return {
    way,
    two,
    change,
    listeners,
    wasAsked: () => new Promise<void>((resolve) => void waiting.push(resolve)),
    ask: (of: 'markers' | 'verification') => way[of].ask(2, AllocateProducerIds, body),
    fetch: () => way.fetcher(0).ask(2, AllocateProducerIds, body),
  }
}

describe('the way to other brokers', () => {
  test('is by the listener of brokers, with a connection for each purpose', async () => {
    const { ask, two } = await others(() => ({
      errorCode: 'NONE',
      producerIdStart: 7,
      producerIdLen: 1,
    }))
    await Promise.all([ask('markers'), ask('verification')])
    expect(two.asked.filter((name) => name.startsWith('ApiVersions'))).toHaveLength(2)
  })

  test.each(['markers', 'verification'] as const)(
    'follows who is alive: what a broker was asked that is fenced fails (%s)',
    async (purpose) => {
      const { ask, change, wasAsked, two } = await others(() => SILENCE)
      const asked = wasAsked()
      const waiting = ask(purpose)
      await asked
      change(imageOf(two.port))
      change(imageOf(two.port, { fenced: true }))
      // Not by a time-out.
      const cause = { code: 'CONNECTION_CLOSED' }
      await expect(waiting).rejects.toMatchObject({ code: 'NO_ANSWER', cause })
      await expect(ask(purpose)).rejects.toMatchObject({ code: 'NOT_ALIVE' })
    },
  )

  test('tells who is in doubt: whom a leader was that has ended its connection, until the controller has decided', async () => {
    const { fetch, wasAsked, change, two, way } = await others(() => SILENCE)
    const asked = wasAsked()
    const waiting = fetch()
    await asked
    two.close()
    await expect(waiting).rejects.toMatchObject({ code: 'NO_ANSWER' })
    expect(way.inDoubt.has(2)).toBe(true)
    change(imageOf(two.port))
    expect(way.inDoubt.has(2)).toBe(true)
    change(imageOf(two.port, { fenced: true }))
    expect(way.inDoubt.has(2)).toBe(false)
  })

  test('asks whether others are there, not itself; where the port of one is closed it is in doubt', async () => {
    const { change, two, way } = await others(() => SILENCE)
    await way.heardOf([1, 2])
    expect([way.inDoubt.has(2), two.asked]).toEqual([false, ['ApiVersions 5', 'ApiVersions 5']])
    two.close()
    await way.heardOf([2])
    expect(way.inDoubt.has(2)).toBe(true)
    // One that is not alive isn't waited for.
    change(imageOf(two.port, { fenced: true }))
    await way.heardOf([2])
  })

  test('takes one for alive whose idle connection was ended, and that takes another', async () => {
    const { two, way } = await others(() => SILENCE)
    await way.heardOf([2])
    two.endAll()
    await way.heardOf([2])
    expect(way.inDoubt.has(2)).toBe(false)
    expect(two.asked).toHaveLength(4)
  })

  test('waits for none that is in doubt, but asks whether it is there again', async () => {
    const { way, two } = await others(() => SILENCE)
    way.inDoubt.lost(2, { ip: '127.0.0.1', port: 1 })
    let isOver = false
    void way.heardOf([2]).then(() => (isOver = true))
    // No answer can have come by then.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    expect([isOver, way.inDoubt.has(2)]).toEqual([true, true])
    await until(
      () => two.asked.length > 0 && !way.inDoubt.has(2),
      () => 'its answer',
    )
  })

  test('ends with the broker', async () => {
    const { ask, way, listeners, wasAsked } = await others(() => SILENCE)
    const asked = wasAsked()
    const waiting = ask('markers')
    await asked
    way.close()
    await expect(waiting).rejects.toMatchObject({ code: 'NO_ANSWER' })
    await expect(ask('verification')).rejects.toMatchObject({ code: 'NO_ANSWER' })
    expect(listeners.size).toBe(0)
  })
})
