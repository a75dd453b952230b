import { IncrementalAlterConfigs } from '../../../protocol/messages/incremental-alter-configs.ts'
import { pause } from '../processes.ts'
import { activeController, clientsOf, connect, limitMs, startAll } from './asking.ts'
import type { Node, Place } from './nodes.ts'

/** So many ask each broker at the same time, so that one request that hangs doesn't hide that others are answered. */
const askersOfEach = 4
const againMs = 5
const topicResource = 2

/** Changes a setting of a topic, again and again, until it is taken; gives up when others were faster. */
const untilChanged = async (at: Place, topic: string, isOver: () => boolean): Promise<void> => {
  const value = String(86_400_000 + Math.floor(Math.random() * 1e9))
  const configs = [{ name: 'retention.ms', configOperation: 0, value }]
  const resources = [{ resourceType: topicResource, resourceName: topic, configs }]
  const end = performance.now() + limitMs
  while (!isOver() && performance.now() < end) {
    try {
      const connection = await connect(at, 5_000)
      try {
        while (!isOver()) {
          const body = { resources, validateOnly: false }
          const { responses } = await connection.request(IncrementalAlterConfigs, body)
          if (responses.every(({ errorCode }) => errorCode === 'NONE')) return
          await pause(againMs)
        }
      } finally {
        connection.close()
      }
    } catch {
      // Whatever it is, the next one may be answered.
      await pause(againMs)
    }
  }
  if (!isOver()) throw new Error('no change was accepted')
}

/**
 * Kills the active controller and asks the brokers that are left for a change until one is accepted; then has the node
 * back.
 * @returns milliseconds from the kill to the first change
 */
export const failOver = async (nodes: readonly Node[], topic: string): Promise<number> => {
  const active = await activeController(nodes[0]!.client!)
  const killed = nodes.find(({ id }) => id === active)
  if (killed === undefined) throw new Error('no controller is active')
  const left = clientsOf(nodes.filter((node) => node !== killed))
  const startedMs = performance.now()
  await killed.process.kill9()
  let isOver = false
  const askers = left.flatMap((at) =>
    Array.from({ length: askersOfEach }, () => untilChanged(at, topic, () => isOver)),
  )
  await Promise.any(askers)
  const tookMs = performance.now() - startedMs
  isOver = true
  await Promise.allSettled(askers)
  // Its session has to end before it may register again.
  await startAll([killed], nodes.length)
  return tookMs
}
