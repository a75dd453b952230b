import assert from 'node:assert/strict'
import { encodeMetadataRecord } from '../../../protocol/state/metadata-records.ts'
import type { ShardLog } from '../../machine/runtime.ts'
import { MAX_BATCH_BYTES, recordsBytes } from '../../quorum/packing.ts'
import type { Quorum } from '../../quorum/quorum.ts'
import type { ControllerFact } from './sessions.ts'
import { isVolatileFact } from './sessions.ts'

/** What a command needs more room for than a batch has. */
class TooLargeError extends Error {
  override readonly name = 'TooLargeError'
  readonly code = 'ERR_TOO_LARGE'
}

export type QuorumLog = ShardLog<ControllerFact, readonly Buffer[]>

/** The quorum's log as the one that the controller's facts are appended to. */
export function quorumLog(quorum: Quorum): QuorumLog {
  return {
    get nextOffset() {
      return quorum.nextOffset
    },
    prepare: (facts) => {
      const values = facts.map(encode)
      return recordsBytes(values) > MAX_BATCH_BYTES
        ? new TooLargeError(`A change of ${facts.length} records is too large`)
        : values
    },
    append: (prepared, done) => quorum.append(prepared, done),
  }
}

function encode(fact: ControllerFact): Buffer {
  assert(!isVolatileFact(fact), 'a volatile fact has no record')
  return encodeMetadataRecord(fact)
}
