import { UsageError } from './errors.ts'

/** A topic, or some of its partitions. */
export interface PartitionChoice {
  readonly topic: string
  /** Null for all. */
  readonly partitions: number[] | null
}

/** `orders`, or `orders:0,2`; names of topics have no colon. Throws UsageError. */
export function parsePartitions(text: string): PartitionChoice {
  const match = /^([^:]+)(?::(\d+(?:,\d+)*))?$/.exec(text)
  if (match === null) {
    throw new UsageError(
      `Partitions are named as in orders or orders:0,2: not ${JSON.stringify(text)}`,
    )
  }
  const [, topic, numbers] = match
  return {
    topic: topic!,
    partitions: numbers === undefined ? null : numbers.split(',').map(Number),
  }
}

/** Whether a partition is one of those chosen; all are where nothing was. */
export function isChosen(
  choices: readonly PartitionChoice[],
  topic: string,
  partition: number,
): boolean {
  if (choices.length === 0) return true
  return choices.some(
    (choice) => choice.topic === topic && (choice.partitions?.includes(partition) ?? true),
  )
}
