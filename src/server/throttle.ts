import { Produce } from '../../protocol/messages/produce.ts'
import type { ClientQuotas } from '../quota/client-quotas.ts'
import type { Context } from './request-context.ts'
import type { Route } from './routes.ts'

/** Of the time of the event loop that goes into a second, a millisecond is so many percent. */
const PERCENT_OF_A_MS = 0.1

/** [KIP-219] The answer is sent at once, and says for how long the next request won't be looked at. */
export function throttled(answer: object, throttleTimeMs: number): object {
  return throttleTimeMs === 0 ? answer : { ...answer, throttleTimeMs }
}

/**
 * Counts a request that was answered, or has no answer, against the quotas of its client.
 * @returns for how many milliseconds the client has to keep quiet
 */
export function throttleTimeMs(
  quotas: ClientQuotas,
  { api, isInterNode }: Route,
  context: Context,
  answer: object | null,
): number {
  const { produce } = quotas
  let ms = context.throttleTimeMs
  if (api.key === Produce.key && produce.shares.isSet) {
    const { principal, clientId, sizeBytes, nowMs } = context
    ms = Math.max(ms, produce.take(principal.name, clientId, sizeBytes, nowMs))
  }
  // Nodes among each other wait for nobody; nor is who wants no answer held back for the time that it takes.
  if (answer === null || (isInterNode && !context.isRefused)) {
    context.exempt()
    return ms
  }
  return Math.max(ms, takeTime(quotas, context))
}

/**
 * [KIP-124] Counts the time that the event loop has been busy with a request; once.
 * @returns for how many milliseconds the client has to keep quiet
 */
export function takeTime({ request }: ClientQuotas, context: Context): number {
  const spentMs = context.takeSpentMs()
  if (spentMs === null) return 0
  const { principal, clientId, nowMs } = context
  return request.take(principal.name, clientId, spentMs * PERCENT_OF_A_MS, nowMs)
}

/** Counts what a request that was counted before has taken since: it holds back the next one. */
export function addTime({ request }: ClientQuotas, context: Context, spentMs: number): void {
  const { principal, clientId, nowMs } = context
  request.add(principal.name, clientId, spentMs * PERCENT_OF_A_MS, nowMs)
}
