import { int64, message } from '../schema.ts'

/** A transaction that was aborted, as a `.txnindex` has it behind the int16 version. */
export const AbortedTxn = message({
  name: 'AbortedTxn',
  versions: [0, 0],
  fields: {
    producerId: int64,
    firstOffset: int64,
    /** The marker's. */
    lastOffset: int64,
    /** The log's last stable offset once the marker was appended. */
    lastStableOffset: int64,
  },
})
