import { pbkdf2Sync } from 'node:crypto'
import path from 'node:path'
import { AlterUserScramCredentials } from '../../protocol/messages/alter-user-scram-credentials.ts'
import { eventually } from '../clients/wait.ts'
import { RawClient } from '../support/raw-client.ts'
import { type Broker, prepareBroker, removeAll } from './brokers.ts'
import type { Measurement } from './client.ts'
import type { Line } from './report.ts'
import { type Compared, type Samples, forEachOf, linesOf, sampler } from './samples.ts'
import { scram } from './secured.ts'
import type { StartsOptions } from './starts.ts'

const logIns = 1000
const atOnce = 10
const limitMs = 120_000
const user = 'bench'
const password = 'a password'
const iterations = 4096
const SCRAM_SHA_256 = 1

/** Adds the user; resolves when it can log in. */
const addUser = async (of: StartsOptions, broker: Broker): Promise<void> => {
  const [host, port] = broker.plainAddress.split(':') as [string, string]
  const admin = await RawClient.connect({ host, port: Number(port) })
  const salt = Buffer.from('bench-salt')
  const saltedPassword = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const upsertion = { name: user, mechanism: SCRAM_SHA_256, iterations, salt, saltedPassword }
  const { results } = await admin.request(AlterUserScramCredentials, 0, {
    deletions: [],
    upsertions: [upsertion],
  })
  admin.destroy()
  if (results[0]!.errorCode !== 'NONE') throw new Error(`no user: ${results[0]!.errorCode}`)
  const isIn = async (): Promise<boolean> => (await logInOften(of, broker, 1)).requests === 1
  await eventually(isIn, 'the user to be known')
}

const logInOften = (of: StartsOptions, broker: Broker, count: number): Promise<Measurement> =>
  of.options.client.call<Measurement>(
    'log-ins',
    broker.address,
    { user, password, count, connections: atOnce, pid: broker.pids().join() },
    limitMs,
  )

/** How long somebody else waits for an answer meanwhile, who asks every millisecond. */
const measureDelay = async (of: StartsOptions, broker: Broker): Promise<Measurement> => {
  let isOver = false
  const ping = of.options.client
    .call<Measurement>(
      'ping',
      broker.plainAddress,
      { topic: 'any', pause: '1ms', duration: `${of.plan.durationMs}ms` },
      limitMs,
    )
    .finally(() => (isOver = true))
  while (!isOver) await logInOften(of, broker, logIns)
  return ping
}

/**
 * What it takes a broker to let clients in: each connects, logs in by SCRAM-SHA-256, and leaves. The client has worked out its keys
 * before, so that only what the broker does is measured.
 */
export const measureLogIns = async (of: StartsOptions): Promise<Line[]> => {
  const work = `${logIns.toLocaleString('en-US')} log-ins by SCRAM-SHA-256, ten at once`
  const samples: Samples = new Map()
  const note = sampler(samples)
  const failures: string[] = []
  const brokers = new Map<Compared, Broker>()
  const options = { ...of.options, secured: scram }
  try {
    await forEachOf('log-ins: start', of, failures, async (name) => {
      const directory = path.join(of.directory, `log-ins-${name}`)
      const broker = await prepareBroker(name, { ...options, directory })
      brokers.set(name, broker)
      await broker.start(0)
      await addUser(of, broker)
      const topics = { topics: 'any:1' }
      await of.options.client.call('create', broker.plainAddress, topics, limitMs)
      // A cold JVM is far slower than a warm one.
      for (let times = name === 'kafka' ? 5 : 1; times > 0; times -= 1) {
        await logInOften(of, broker, logIns)
      }
    })
    if (failures.length > 0) return linesOf(work, samples, {}, failures)
    for (let round = 1; round <= of.plan.rounds; round += 1) {
      await forEachOf(`log-ins, round ${round}`, of, failures, async (name) => {
        const broker = brokers.get(name)!
        const { seconds, requests, brokerCpuSeconds } = await logInOften(of, broker, logIns)
        note('log-ins/s', name, requests / seconds)
        note('CPU µs/log-in', name, (brokerCpuSeconds * 1e6) / requests)
        const { latency } = await measureDelay(of, broker)
        note('an answer to somebody else, p99 ms', name, latency!.p99Us / 1e3)
        note('an answer to somebody else, max ms', name, latency!.maxUs / 1e3)
      })
    }
  } finally {
    for (const broker of brokers.values()) await broker.stop()
    for (const broker of brokers.values()) await removeAll(broker.directory)
  }
  return linesOf(work, samples, { 'CPU µs/log-in': { atMost: 1 } }, failures)
}
