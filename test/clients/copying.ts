import { type Driver } from './driver.ts'
import { checkCopied } from './records.ts'
import { eventually, until } from './wait.ts'

const copiedCount = 2000
const patienceMs = 150_000
/** How many records a copier has committed at least and at most when it, or the broker, is killed. */
const earliest = 40
const latest = 600

/** What a client needs to copy a topic to another one in transactions while it and the broker are killed. */
export interface Copying {
  /** Part of the names of topics, group and transactional id. */
  readonly name: string
  /** Makes the topics, fills the source, asks for what is committed, and reads the target unless there is a reader. */
  readonly driver: Driver
  /** Another client's driver that reads the target, where this client shows records of aborted transactions. */
  readonly reader?: Driver | undefined
  /** Of the source and of the target. */
  readonly partitions: readonly [number, number]
  /** Starts a process that is to copy. */
  readonly copier: () => Driver
  /** Kills the broker, or one of several, and brings it back. */
  readonly disturb: () => Promise<void>
  /** When it is killed. */
  readonly chance: (bound: number) => number
}

/**
 * Fails unless the committed records of a topic have just these values, each once. So many more are written behind them that each
 * partition gets some: whoever has read those has read all that is before them.
 */
export const checkCommitted = async (
  writer: Driver,
  reader: Driver,
  topic: string,
  values: readonly string[],
): Promise<void> => {
  const ends = Array.from({ length: 40 }, (_, index) => `end-${index}`)
  const records = ends.map((end) => [end, end, []] as const)
  await writer.call('produce', { topic, codec: 'none', records })
  const all = [...values, ...ends]
  const read = await reader.call('consume', { topic, count: all.length })
  checkCopied(all, read.records)
}

/** KIP-98's promise: each record is copied once, whoever dies, and whenever. */
export const copyInTransactions = async (copying: Copying): Promise<void> => {
  const { name, driver, reader = driver, partitions, disturb, chance } = copying
  const topic = `source-${name}`
  const target = `target-${name}`
  const group = `copiers-${name}`
  const ask = { source: topic, target, group, transactional: `copier-${name}` }
  await driver.call('create', { topic, partitions: partitions[0] })
  await driver.call('create', { topic: target, partitions: partitions[1] })
  const texts = Array.from({ length: copiedCount }, (_, index) => `${index}`)
  const records = texts.map((text) => [text, text, []] as const)
  await driver.call('produce', { topic, codec: 'none', records })
  const copier = (): Driver => {
    const started = copying.copier()
    // It fails when its process is killed.
    started.call('copy', { stream: 'copy', ...ask }, 1_000_000).catch(() => {})
    return started
  }
  const someWay = async (copier: Driver): Promise<void> => {
    const count = earliest + chance(latest - earliest)
    await until(
      () => (copier.acked.get('copy') ?? 0) >= count,
      () => `${count} records to be copied: ${copier.acked.get('copy') ?? 0}`,
      patienceMs,
    )
  }
  const first = copier()
  await someWay(first)
  await first.kill9()
  const second = copier()
  await someWay(second)
  await disturb()
  let count = 0
  const isCopied = async (): Promise<boolean> => {
    const { offsets } = await driver.call('committed', { topic, group })
    count = Object.values(offsets).reduce((sum, offset) => sum + offset, 0)
    return count >= copiedCount
  }
  await eventually(isCopied, () => `${copiedCount} records to be copied: ${count}`, patienceMs)
  await second.call('stop', { stream: 'copy' })
  await checkCommitted(driver, reader, target, texts)
}
