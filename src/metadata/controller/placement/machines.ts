import type { BrokerImage } from '../../image.ts'

/**
 * What tells which machine a broker is on, by the addresses that it has registered: two are on one where all their listeners
 * have the same hosts. (One listener alone may be a proxy's, which all brokers are behind.)
 */
export function machineOf({ endPoints }: Pick<BrokerImage, 'endPoints'>): string {
  return endPoints
    .map(({ name, host }) => `${name} ${host.toLowerCase()}`)
    .sort()
    .join()
}

/**
 * Brokers in an order in which those of one machine are as far from each other as they can be: whoever takes them in turn meets
 * all machines alike.
 */
export function apart(
  brokers: readonly number[],
  machines: ReadonlyMap<number, string>,
): readonly number[] {
  const byMachine = new Map<string, number[]>()
  for (const id of brokers) {
    const machine = machines.get(id) ?? ''
    const there = byMachine.get(machine)
    if (there === undefined) byMachine.set(machine, [id])
    else there.push(id)
  }
  if (byMachine.size === 1) return brokers
  const placed = [...byMachine.values()].flatMap((there) =>
    there.map((id, index) => ({ id, at: (index + 0.5) / there.length })),
  )
  return placed.sort((left, right) => left.at - right.at).map(({ id }) => id)
}
