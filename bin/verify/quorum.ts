import { batchAttributes, isControl } from '../../protocol/records/batch.ts'
import { readBatchFile } from '../dump/batch-file.ts'
import { checkOne } from './batches.ts'
import { contentOf, found, unlessGone, type Check, type Reports } from './check.ts'

/** `quorum-state`: one object of JSON. */
export function* verifyQuorumState({ disk }: Check, directory: string): Reports {
  const file = `${directory}/quorum-state`
  const content = contentOf(disk, file)
  if (content === null) return
  try {
    const state = JSON.parse(content.toString('utf8')) as { leaderEpoch?: unknown }
    if (Number.isInteger(state.leaderEpoch)) return
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  yield found({ file, problem: 'It is damaged' })
}

/** A snapshot of the metadata: batches between a header and a footer, which are control batches. */
export function* verifySnapshot(check: Check, path: string): Reports {
  const file = unlessGone(() => check.disk.open(path, 'read'))
  if (file === null) return
  try {
    const batches = readBatchFile(file)
    let position = 0
    let isEnd = false
    for (;;) {
      const next = batches.next()
      if (next.done === true) {
        if (next.value !== null) {
          yield found({ file: path, position, problem: `There are ${next.value}` })
        } else if (!isEnd) {
          yield found({ file: path, position, problem: 'It ends without a footer' })
        }
        return
      }
      const { bytes } = next.value
      check.tally.batches++
      check.tally.bytes += bytes.length
      const seen = checkOne(check, bytes, position)
      const problem = typeof seen === 'string' ? seen : null
      if (problem !== null) {
        yield found({ file: path, position, problem: `The batch is not valid: ${problem}` })
      } else if (position === 0 && !isControl(batchAttributes(bytes, 0))) {
        yield found({ file: path, position, problem: 'It begins without a header' })
      }
      // The header alone is no footer.
      isEnd = position > 0 && problem === null && isControl(batchAttributes(bytes, 0))
      position += bytes.length
    }
  } finally {
    file.close()
  }
}
