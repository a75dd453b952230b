import type { MetadataRecordToWrite } from '../../protocol/state/metadata-records.ts'
import { encodeMetadataRecord } from '../../protocol/state/metadata-records.ts'
import { nodeCodecs } from '../../src/host/codecs.ts'
import type { Host } from '../../src/host/host.ts'
import { DEFAULT_LOG_CONFIG } from '../../src/log/base/config.ts'
import { LogManager } from '../../src/log/manager.ts'
import { NO_PEERS } from '../../src/quorum/peers.ts'
import { openQuorum } from '../../src/quorum/open-quorum.ts'
import { DEFAULT_TIMEOUTS } from '../../src/quorum/types.ts'

/**
 * Writes records to the metadata log of a node that isn't running, as another controller of its quorum would.
 * @param path the directory that has the log
 * @param facts given the offset of the first one
 */
export async function appendRaw(
  host: Host,
  path: string,
  facts: (offset: number) => readonly MetadataRecordToWrite[],
): Promise<void> {
  const codecs = nodeCodecs()
  const ignore = (): undefined => undefined
  const logs = LogManager.open({ host, codecs, directories: [path], onDirectoryFailed: ignore })
  const [directory] = logs.directories
  const self = { id: 1, directoryId: directory!.id! }
  const quorum = await openQuorum({
    host,
    codecs,
    directory: `${path}/__cluster_metadata-0`,
    openLog: () => logs.openMetadataLog(directory!, DEFAULT_LOG_CONFIG),
    self,
    initialVoters: [{ ...self, endpoints: [] }],
    peers: NO_PEERS,
    timeouts: DEFAULT_TIMEOUTS,
    retention: { maxBytes: -1, maxMs: -1 },
    listener: {
      loadSnapshot: ignore,
      committed: ignore,
      caughtUp: ignore,
      leading: ignore,
      resigned: ignore,
      beforeVoters: ignore,
      leaderChanged: ignore,
      failed: ignore,
    },
  })
  await new Promise<void>((resolve, reject) =>
    quorum.append([facts(quorum.nextOffset).map(encodeMetadataRecord)], (failure) =>
      failure === null ? resolve() : reject(failure),
    ),
  )
  await quorum.close()
  await logs.close()
}
