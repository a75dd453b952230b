import { NOTHING_KNOWN, withControlRecords } from './control.ts'
import { QuorumHistory } from './history.ts'
import { Quorum } from './quorum.ts'
import type { QuorumOptions } from './quorum.ts'
import { readHistory, startAfterHoles } from './replica-log.ts'
import { listSnapshots, readSnapshot, removeUnfinishedSnapshots, snapshotPath } from './snapshot.ts'

/** Opens the node's replica of the metadata log. When this resolves a sole voter leads and its log is told. */
export async function openQuorum(options: QuorumOptions): Promise<Quorum> {
  const { host, codecs, directory } = options
  const log = options.openLog()
  removeUnfinishedSnapshots(host, directory)
  let facts = NOTHING_KNOWN
  const found = listSnapshots(host, directory)
  const latest = found.at(-1)
  if (latest !== undefined) {
    const snapshot = readSnapshot(host, snapshotPath(directory, latest), codecs)
    facts = withControlRecords(facts, snapshot.control)
    // A snapshot that was fetched, and a crash before the log was cut.
    if (latest.offset > log.logEndOffset) await log.truncateFullyAndStartAt(latest.offset)
    options.listener.loadSnapshot(latest, snapshot)
  }
  const snapshotOffset = latest?.offset ?? 0
  const ends = found.map(({ offset }) => offset)
  await startAfterHoles(log, ends)
  const history = new QuorumHistory(facts, snapshotOffset)
  await readHistory(log, history, snapshotOffset, codecs)
  // What a process that was killed had written may not be durable, and what is fetched or voted by must be.
  await log.flush()
  const quorum = new Quorum(options, log, { history, snapshot: latest ?? null })
  await quorum.start()
  return quorum
}
