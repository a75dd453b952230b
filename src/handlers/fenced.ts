import type { ErrorName } from '../../protocol/errors.ts'

/**
 * [KIP-588] What a producer is told that another one has fenced.
 * @param isOld the client's version of the API doesn't know PRODUCER_FENCED yet
 */
export function fencedAs(error: ErrorName, isOld: boolean): ErrorName {
  return isOld && error === 'PRODUCER_FENCED' ? 'INVALID_PRODUCER_EPOCH' : error
}
