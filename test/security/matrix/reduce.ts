import { ZERO_UUID } from '../../../protocol/schema.ts'
import type { Subject } from './request.ts'

const ANY_OWN = /^p\d{3}-/
const ID = /^[\w-]{22}$/

/**
 * What an answer tells: its errors, what it reveals of names, ids and rights, which lists have something in them, which
 * numbers are unknown (-1) and which flags are up. Texts for people, addresses and numbers that differ from run to run are
 * left out; elements of a list that tell the same are told once.
 */
export function reduced(answer: object, own: Subject): string {
  return JSON.stringify(told(answer, own))
}

function told(value: unknown, own: Subject): unknown {
  if (value === null) return null
  if (typeof value === 'string') return text(value, own)
  if (typeof value === 'number' || typeof value === 'bigint') return value < 0 ? -1 : undefined
  if (typeof value === 'boolean') return value ? true : undefined
  if (ArrayBuffer.isView(value)) return value.byteLength > 0 ? 'bytes' : undefined
  if (Array.isArray(value)) {
    if (value.length === 0) return []
    const elements = value.map((each) => JSON.stringify(told(each, own)) ?? '""')
    return [...new Set(elements)].sort().map((each) => JSON.parse(each) as unknown)
  }
  const entries = Object.entries(value as object).map(([key, part]) => [
    key,
    LEFT_OUT.has(key) || part === 'NONE'
      ? undefined
      : COUNTED.has(key) && Array.isArray(part)
        ? part.length > 0
        : AS_IT_IS.test(key)
          ? (part as unknown)
          : told(part, own),
  ])
  return Object.fromEntries(entries.filter(([, part]) => part !== undefined))
}

/** Errors and rights. */
const AS_IT_IS = /(errorCode|authorizedOperations)$/i

const LEFT_OUT = new Set([
  // For people, of the machine, or others in each run.
  ...['errorMessage', 'host', 'rack', 'logDir', 'throttleTimeMs', 'replicaDirectoryId'],
  // Of no right.
  ...['abortedTransactions', 'nodeEndpoints'],
])
/** Of which only whether there are any is told: other tests hold them against Kafka's. */
const COUNTED = new Set(['configs', 'apiKeys', 'supportedFeatures', 'finalizedFeatures'])

function text(value: string, own: Subject): string {
  if (value === '') return ''
  if (value === ZERO_UUID) return 'no id'
  if (value === own.topicId) return 'own id'
  if (value.startsWith(own.prefix)) return `own ${value.slice(own.prefix.length)}`
  if (ANY_OWN.test(value)) return 'other'
  if (ID.test(value)) return 'other id'
  return 'text'
}
