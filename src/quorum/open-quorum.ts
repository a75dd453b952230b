import { overTurns } from '../machine/steps.ts'
import { NOTHING_KNOWN, withControlRecords } from './control.ts'
import { QuorumHistory } from './history.ts'
import { Quorum } from './quorum.ts'
import type { QuorumOptions } from './options.ts'
import { readHistory, mendHoles } from './replica-log.ts'
import { listSnapshots, readInSteps, removeUnfinishedSnapshots, snapshotPath } from './snapshot.ts'

/** Opens the node's replica of the metadata log. When this resolves a sole voter leads and its log is told. */
export async function openQuorum(options: QuorumOptions): Promise<Quorum> {
  const { host, codecs, directory } = options
  const log = options.openLog()
  removeUnfinishedSnapshots(host, directory)
  let facts = NOTHING_KNOWN
  const found = listSnapshots(host, directory)
  const latest = found.at(-1)
  if (latest !== undefined) {
    const path = snapshotPath(directory, latest)
    const snapshot = await overTurns(host.clock, readInSteps(host, path, codecs))
    facts = withControlRecords(facts, snapshot.control)
    // A snapshot that was fetched, and a crash before the log was cut.
    if (latest.offset > log.logEndOffset) await log.truncateFullyAndStartAt(latest.offset)
    await options.listener.loadSnapshot(latest, snapshot)
  }
  const snapshotOffset = latest?.offset ?? 0
  const ends = found.map(({ offset }) => offset)
  await mendHoles(log, ends)
  const history = new QuorumHistory(facts, snapshotOffset)
  await readHistory(log, history, snapshotOffset, codecs)
  // What a process that was killed had written may not be durable, and what is fetched or voted by must be.
  await log.flush()
  const quorum = new Quorum(options, log, { history, snapshot: latest ?? null })
  await quorum.start()
  return quorum
}
