import type { Codecs } from '../protocol/records/codecs.ts'
import type { BrokerConfig } from './config/broker-config.ts'
import type { Host } from './host/host.ts'
import { LogManager } from './log/manager.ts'
import { MetadataNode } from './metadata/stand-in.ts'
export interface Storage {
  logs: LogManager
  metadata: MetadataNode
  identity: { clusterId: string; directoryIds: string[] }
}
export async function openStorage(
  host: Host,
  codecs: Codecs,
  config: BrokerConfig,
  fail: (e: Error) => void,
): Promise<Storage> {
  const logs = LogManager.open({
    host,
    codecs,
    directories: config.logDirectories,
    onDirectoryFailed: (_, e) => fail(e),
  })
  return {
    logs,
    metadata: new MetadataNode(host),
    identity: { clusterId: 'scratch', directoryIds: ['AAAAAAAAAAAAAAAAAAAABQ'] },
  }
}
