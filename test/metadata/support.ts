import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BrokerConfig } from '../../src/config/broker-config.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Host } from '../../src/host/host.ts'
import { nodeHost } from '../../src/host/node.ts'
import { LogManager } from '../../src/log/manager.ts'
import type { ControllerChannel } from '../../src/metadata/controller/channel.ts'
import type { BrokerRegistration, ConfigChange } from '../../src/metadata/controller/commands.ts'
import { ConfigOperation } from '../../src/metadata/controller/commands.ts'
import { SUPPORTED_FEATURES } from '../../src/metadata/features.ts'
import { formatIfNeeded } from '../../src/metadata/format.ts'
import type { Identity } from '../../src/metadata/format.ts'
import { randomId } from '../../src/metadata/ids.ts'
import type { MetadataNodeOptions } from '../../src/metadata/node.ts'
import { MetadataNode } from '../../src/metadata/node.ts'
import { breakableHost } from './faults.ts'

export const CLUSTER_ID = 'y4cXkLXxS9u2j5BfbY7Z-Q'

/** A broker without its directories. */
export const BROKER = {
  brokerId: 1,
  clusterId: CLUSTER_ID,
  incarnationId: 'Zm9vYmFyYmF6cXV4MTIzNA',
  endPoints: [{ name: 'PLAINTEXT', host: 'localhost', port: 9092, securityProtocol: 0 }],
  features: SUPPORTED_FEATURES,
  rack: null,
  previousBrokerEpoch: null,
}

/** Has a broker register, and serve; gives its epoch. */
export async function serveAs(
  channel: ControllerChannel,
  registration: BrokerRegistration,
): Promise<number> {
  const { errorCode, brokerEpoch } = await channel.submit({
    type: 'registerBroker',
    ...registration,
  })
  expect(errorCode).toBe('NONE')
  const reply = await channel.submit({
    type: 'brokerHeartbeat',
    brokerId: registration.brokerId,
    brokerEpoch,
    currentMetadataOffset: brokerEpoch,
    wantFence: false,
    wantShutDown: false,
    offlineLogDirs: [],
    cordonedLogDirs: null,
  })
  expect(reply).toMatchObject({ errorCode: 'NONE', isFenced: false })
  return brokerEpoch
}

export interface TestNode {
  readonly node: MetadataNode
  readonly identity: Identity
  readonly path: string
  readonly failures: Error[]
  register(): Promise<number>
  close(): Promise<void>
  /** As a kill would. */
  crash(): void
  /** From now on no fsync succeeds, on real files. */
  breakDisk(): void
}

/** A metadata node on real files, or those of another host, in a directory of its own or in one that was there before. */
export async function startNode(
  path = mkdtempSync(join(tmpdir(), 'ottla-metadata-')),
  settings: Record<string, string> = {},
  on?: Host,
): Promise<TestNode> {
  const breakable = breakableHost(nodeHost({ log: { level: 'silent' } }))
  const host = on ?? breakable.host
  const codecs = nodeCodecs()
  const config = new BrokerConfig({ settings: { 'node.id': 1, 'log.dirs': path, ...settings } })
  const failures: Error[] = []
  const logs = LogManager.open({
    host,
    codecs,
    directories: [path],
    onDirectoryFailed: (_directory, error) => void failures.push(error),
  })
  const incarnationId = randomId(host.random)
  const opened = await openOn(logs, { host, codecs, config, incarnationId, failures }).catch(
    (error: unknown) => {
      logs.abandon()
      throw error
    },
  )
  const { node, identity } = opened
  return {
    node,
    identity,
    path,
    failures,
    register: () => serveAs(node, { ...BROKER, incarnationId, logDirs: identity.directoryIds }),
    close: async () => {
      await node.close()
      await logs.close()
    },
    crash: () => logs.abandon(),
    breakDisk: breakable.break,
  }
}

async function openOn(
  logs: LogManager,
  parts: Pick<MetadataNodeOptions, 'host' | 'codecs' | 'config' | 'incarnationId'> & {
    failures: Error[]
  },
) {
  const { host, codecs, config, incarnationId, failures } = parts
  const directory = logs.directories[0]!
  const identity = formatIfNeeded({
    host,
    codecs,
    directories: logs.directories,
    metadataDirectory: directory,
    nodeId: 1,
    clusterId: CLUSTER_ID,
  })
  const node = new MetadataNode({
    host,
    codecs,
    logs,
    directory,
    identity,
    config,
    incarnationId,
    onFailed: (error) => void failures.push(error),
  })
  await node.open()
  return { node, identity }
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true })
}

/** What gives a setting a value. */
export const set = (name: string, value: string): ConfigChange => ({
  name,
  configOperation: ConfigOperation.SET,
  value,
})

/** A plain topic to create. */
export function topic(name: string, numPartitions = 1, configs: Record<string, string> = {}) {
  return {
    name,
    numPartitions,
    replicationFactor: -1,
    assignments: [],
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  }
}
