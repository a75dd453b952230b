import Sequencer from '@jest/test-sequencer'

/**
 * What takes long, as `npm test` tells at its end: of these one that began last would keep one processor busy while the others
 * have nothing left to do.
 */
const LONG = [
  '/server/dearest-request',
  '/sim/replication/',
  '/interchange/',
  '/sim/',
  '/cluster/',
  '/system/',
  '/server/stored-state',
  '/bin/apache-',
]

/** Of those that nothing is known of it is the last. */
function rankOf({ path }) {
  const rank = LONG.findIndex((part) => path.includes(`/dist/test${part}`))
  return rank < 0 ? LONG.length : rank
}

/**
 * The order in which jest runs test files. Where jest knows how long they took before, that counts; a clean clone has no such
 * memory, and jest would go by the sizes of the files. (In JavaScript: jest's types say that the class is in a namespace.)
 */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    // It notes how long each took.
    const sorted = super.sort(tests)
    if (sorted.some(({ duration }) => duration !== undefined)) return sorted
    return sorted.sort((left, right) => rankOf(left) - rankOf(right))
  }
}
