import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Api, Decoded, Encoded, Shape } from '../../protocol/schema.ts'
import { DescribeCluster } from '../../protocol/messages/describe-cluster.ts'
import { Metadata } from '../../protocol/messages/metadata.ts'
import { nodeHost } from '../../src/host/node.ts'
import { Connection } from '../../src/peer/connection.ts'
import { IN_THE_CLEAR, towards } from '../../src/peer/security.ts'
import { until } from '../clients/wait.ts'
import type { BrokerProcess, Settings } from '../support/broker-process.ts'
import { startProcess } from '../support/broker-process.ts'

const OPTIONS = { clientId: 'test', connectTimeoutMs: 10_000, requestTimeoutMs: 60_000 }

export interface Place {
  readonly host: string
  readonly port: number
}

const CLUSTER_ID = 'AAAAAAAAQACAAAAAAAAAAQ'

const at = (port: number): string => `127.0.0.1:${port}`

/**
 * What a node is told; each has a directory of its own in `root`.
 * @param controllers their ports: the first one is controller 1
 */
function settingsOf(
  root: string,
  id: number,
  controllers: readonly number[],
  more: Settings,
): Settings {
  return {
    'node.id': id,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': controllers.map(at).join(),
    'log.dirs': join(root, `node-${id}`),
    ...more,
  }
}

const controllerSettings = (
  root: string,
  id: number,
  controllers: readonly number[],
  more: Settings = {},
): Settings =>
  settingsOf(root, id, controllers, {
    'process.roles': 'controller',
    listeners: `CONTROLLER://${at(controllers[id - 1]!)}`,
    ...more,
  })

/** What a process is told that is only a broker. */
export const brokerSettings = (
  root: string,
  id: number,
  controllers: readonly number[],
  more: Settings = {},
): Settings =>
  settingsOf(root, id, controllers, {
    'process.roles': 'broker',
    listeners: 'PLAINTEXT://127.0.0.1:0',
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'group.initial.rebalance.delay.ms': 0,
    'broker.heartbeat.interval.ms': 200,
    ...more,
  })

/** A process that is only a controller, on a directory that is formatted. */
export function startController(
  root: string,
  id: number,
  controllers: readonly number[],
  more: Settings = {},
): Promise<BrokerProcess> {
  return startProcess(controllerSettings(root, id, controllers, more))
}

/** A process that is only a broker, on a directory that is formatted. */
export function startJoiningBroker(
  root: string,
  id: number,
  controllers: readonly number[],
  more: Settings = {},
): Promise<BrokerProcess> {
  return startProcess(brokerSettings(root, id, controllers, more))
}

/** Formats the directories of the controllers and of the brokers for one cluster, whose id it gives. */
export async function formatNodes(
  root: string,
  controllers: readonly number[],
  brokers: readonly number[],
): Promise<string> {
  const ids = controllers.map((_, index) => index + 1)
  const initial = initialControllers(controllers)
  for (const id of ids) await format(controllerSettings(root, id, controllers), initial)
  for (const id of brokers) await format(brokerSettings(root, id, controllers), [])
  return CLUSTER_ID
}

/** The option of `storage format` that names the first voters of a quorum. */
export function initialControllers(controllers: readonly number[]): string[] {
  const voters = controllers.map((port, index) => {
    const id = index + 1
    return `${id}@${at(port)}:${directoryIdOf(id)}`
  })
  return ['--initial-controllers', voters.join()]
}

const directoryIdOf = (id: number): string => `${String(id).repeat(21)}A`

/** Which controller leads, as one of them says; -1 for none. */
export async function activeController(port: number): Promise<number> {
  const { controllerId } = await ask({ host: '127.0.0.1', port }, DescribeCluster, {
    includeClusterAuthorizedOperations: false,
    endpointType: 2,
    includeFencedBrokers: false,
  })
  return controllerId
}

/** Formats the directory of the node that has these settings. */
export async function format(settings: Settings, options: readonly string[]): Promise<void> {
  const path = `${settings['log.dirs']}.properties`
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, lines.join(''))
  const command = ['bin/ottla', 'storage', 'format', '-t', CLUSTER_ID, '-c', path, ...options]
  await promisify(execFile)(process.execPath, command)
}

/** Asks one node one thing, by a connection of its own. */
export async function ask<Q extends Shape, R extends Shape>(
  at: Place,
  api: Api<Q, R>,
  body: Encoded<Q>,
  version?: number,
): Promise<Decoded<R>> {
  const { host, port } = at
  const connection = await Connection.open(
    towards(nodeHost({ log: { level: 'silent' } }), IN_THE_CLEAR),
    { host, port },
    OPTIONS,
  )
  try {
    return await connection.request(api, body, version === undefined ? {} : { version })
  } finally {
    connection.close()
  }
}

/** Who leads each partition of a topic, as a broker tells it. */
export async function leadersOf(at: Place, topic: string): Promise<number[]> {
  const { topics } = await ask(at, Metadata, {
    topics: [{ name: topic }],
    allowAutoTopicCreation: false,
  })
  const partitions = topics[0]!.partitions
  return [...partitions]
    .sort((one, other) => one.partitionIndex - other.partitionIndex)
    .map(({ leaderId }) => leaderId)
}

/** Waits until an answer is as wanted. */
export async function answers<T>(
  what: string,
  get: () => Promise<T>,
  isWanted: (answer: T) => boolean,
): Promise<T> {
  let last: T | undefined
  let isDone = false
  let failure: unknown
  const loop = (async () => {
    while (!isDone) {
      try {
        last = await get()
        if (isWanted(last)) break
      } catch (error) {
        failure = error
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    isDone = true
  })()
  try {
    await until(
      () => isDone,
      () => `${what}: ${JSON.stringify(last)} ${String(failure)}`,
    )
  } finally {
    isDone = true
    await loop
  }
  return last!
}
