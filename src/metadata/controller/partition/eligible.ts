/** The replicas that a partition's ISR and those eligible to lead (KIP-966) are taken from. */
interface Replicas {
  readonly isr: readonly number[]
  readonly eligibleLeaderReplicas: readonly number[]
}

/**
 * [KIP-966] Who is eligible to lead when a partition's ISR becomes another one. As long as fewer than `min.insync.replicas` are
 * in sync nothing is acknowledged, so those that were in sync when it became fewer lack nothing of what was.
 * @param isr who is in sync from now on
 * @param lost brokers that have ended without flushing what they had
 */
export function eligibleAfter(
  before: Replicas,
  isr: readonly number[],
  minInsyncReplicas: number,
  lost: readonly number[],
): readonly number[] {
  if (isr.length >= minInsyncReplicas) return []
  const eligible: number[] = []
  const add = (id: number): void => {
    if (!isr.includes(id) && !lost.includes(id) && !eligible.includes(id)) eligible.push(id)
  }
  before.eligibleLeaderReplicas.forEach(add)
  before.isr.forEach(add)
  return eligible
}
