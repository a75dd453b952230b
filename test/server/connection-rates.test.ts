import type { MetadataImage } from '../../src/metadata/image.ts'
import { ClientQuotas } from '../../src/quota/client-quotas.ts'
import { ConnectionRates } from '../../src/server/connection-rates.ts'
import { PassingClock } from '../replication/quota/passing-clock.ts'
import { FakeSocket } from '../support/fake-socket.ts'

const WINDOWS = { count: 11, lengthMs: 1000 }
const UNLIMITED = 0x7fff_ffff

interface Limits {
  readonly ofAll?: number
  readonly ofListener?: number
  /** By address, which null is the default of. */
  readonly quotas?: readonly (readonly [string | null, number])[]
}

function coming({ ofAll = UNLIMITED, ofListener = UNLIMITED, quotas = [] }: Limits) {
  const clock = new PassingClock()
  const all = new ClientQuotas({ rates: WINDOWS, mutations: WINDOWS })
  const records = quotas.map(([entityName, value]) => ({
    type: 'ClientQuotaRecord',
    value: { entity: [{ entityType: 'ip', entityName }], key: 'connection_creation_rate', value },
  }))
  all.load({ others: new Map(records.entries()) } as unknown as MetadataImage)
  const rates = new ConnectionRates({
    clock,
    windows: WINDOWS,
    rateOf: (listener) => (listener === 'OTHER' ? UNLIMITED : ofListener),
    rateOfAll: () => ofAll,
    isApart: (listener) => listener === 'REPLICATION',
    quota: all.connections,
  })
  const admitted: string[] = []
  const connect = (name: string, { listener = 'CLIENTS', address = '10.0.0.1' } = {}) => {
    const socket = new FakeSocket(address)
    rates.admit(socket, listener, () => void admitted.push(name))
    return socket
  }
  const many = (count: number, options?: object): FakeSocket[] =>
    Array.from({ length: count }, (_, index) => connect(`${index}`, options))
  return { clock, rates, admitted, connect, many }
}

test('Without limits all connections come at once', () => {
  const { rates, admitted, many } = coming({})
  many(1000)
  expect([admitted.length, rates.size]).toEqual([1000, 0])
})

test('Those that are too many for a listener come later, in their order, and others don’t wait for them', () => {
  const { clock, rates, admitted, connect, many } = coming({ ofListener: 2 })
  // Ten seconds' worth.
  many(20)
  expect(admitted).toHaveLength(20)
  connect('first')
  connect('second')
  connect('elsewhere', { listener: 'OTHER' })
  expect([admitted.slice(20), rates.size]).toEqual([['elsewhere'], 2])
  clock.passToTimer()
  expect(admitted.slice(20)).toEqual(['elsewhere', 'first'])
  clock.pass(1000)
  expect([admitted.slice(21), rates.size]).toEqual([['first', 'second'], 0])
})

test('Those that are too many for the node wait, but for the listener of the brokers', () => {
  const { admitted, connect, many } = coming({ ofAll: 2 })
  many(20)
  connect('late')
  connect('elsewhere', { listener: 'OTHER' })
  connect('broker', { listener: 'REPLICATION' })
  expect(admitted.slice(20)).toEqual(['broker'])
})

test('Those that are too many for their address are closed after a while, and don’t count', () => {
  const { clock, rates, admitted, many, connect } = coming({
    ofListener: 4,
    quotas: [['::ffff:10.0.0.1', 2]],
  })
  const sockets = many(30)
  expect([admitted.length, rates.size]).toEqual([20, 10])
  expect(sockets.every(({ closed }) => !closed)).toBe(true)
  connect('from another', { address: '10.0.0.2' })
  expect(admitted.at(-1)).toBe('from another')
  clock.pass(1000)
  expect(sockets.filter(({ closed }) => closed)).toHaveLength(10)
  expect(rates.size).toBe(0)
  clock.pass(11_000)
  connect('again')
  expect(admitted.at(-1)).toBe('again')
})

test('An address that tries more often than it may is let in as often as it may', () => {
  const { clock, admitted, many } = coming({ quotas: [['10.0.0.1', 2]] })
  many(20)
  for (let second = 0; second < 60; second++) {
    clock.pass(1000)
    many(3)
  }
  expect(admitted.length).toBeGreaterThan(100)
  expect(admitted.length).toBeLessThanOrEqual(2 * 71)
})

test('The default counts for each address that has no limit of its own', () => {
  const { admitted, many } = coming({
    quotas: [
      [null, 1],
      ['::1', 3],
    ],
  })
  many(50, { address: '10.0.0.1' })
  many(50, { address: '10.0.0.2' })
  many(50, { address: '0:0:0:0:0:0:0:1' })
  expect(admitted).toHaveLength(10 + 10 + 30)
})

test('Nothing is left of what waits when the node stops', () => {
  const { clock, rates, admitted, many } = coming({ ofListener: 1, quotas: [['10.0.0.9', 1]] })
  const sockets = [...many(15), ...many(12, { address: '10.0.0.9', listener: 'OTHER' })]
  rates.close()
  expect([clock.timers, rates.size, admitted.length]).toEqual([0, 0, 20])
  expect(sockets.filter(({ closed }) => closed)).toHaveLength(7)
})
