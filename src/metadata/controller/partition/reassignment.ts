import type { PartitionImage } from '../../image.ts'

/** Who has the replicas of a partition, and on the way to which others it is (KIP-455). */
export interface Assignment {
  /** Those wanted, in their order, and those that are to go behind them. */
  readonly replicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
}

export function isReassigning({ addingReplicas, removingReplicas }: Assignment): boolean {
  return addingReplicas.length + removingReplicas.length > 0
}

/** The replicas from before a reassignment. */
function originalReplicas({ replicas, addingReplicas }: Assignment): readonly number[] {
  return replicas.filter((id) => !addingReplicas.includes(id))
}

/**
 * The way to other replicas: all that are new come in, and none that is there goes before they are in sync. Where one is on its
 * way already, what it adds goes on counting as added, so that cancelling leads back to where it all began.
 */
export function towards(before: Assignment, wanted: readonly number[]): Assignment {
  const removingReplicas = before.replicas
    .filter((id) => !wanted.includes(id))
    .sort((left, right) => left - right)
  const replicas = [...wanted, ...removingReplicas]
  const original = originalReplicas(before)
  return {
    replicas,
    addingReplicas: replicas.filter((id) => !original.includes(id)),
    removingReplicas,
  }
}

/** How many replicas a partition has when its reassignment is done. */
export function replicationFactorOf({ replicas, removingReplicas }: Assignment): number {
  return replicas.filter((id) => !removingReplicas.includes(id)).length
}

/** What is left when a reassignment is done; null while there is none, or replicas that are to stay are not all in sync. */
export function completed(
  assignment: Assignment,
  isr: readonly number[],
): { readonly assignment: Assignment; readonly isr: readonly number[] } | null {
  if (!isReassigning(assignment)) return null
  const stays = (id: number): boolean => !assignment.removingReplicas.includes(id)
  const replicas = assignment.replicas.filter(stays)
  const inSync = isr.filter(stays)
  if (inSync.length === 0 || !replicas.every((id) => inSync.includes(id))) return null
  return { assignment: { replicas, addingReplicas: [], removingReplicas: [] }, isr: inSync }
}

/** What is left when a reassignment is given up: the replicas from before it. */
export interface Reverted {
  readonly assignment: Assignment
  readonly isr: readonly number[]
  /** None of them is in sync: the first one is taken for it, and records may be lost. */
  readonly isUnclean: boolean
}

export function reverted(partition: PartitionImage): Reverted {
  const replicas = originalReplicas(partition)
  const inSync = partition.isr.filter((id) => replicas.includes(id))
  return {
    assignment: { replicas, addingReplicas: [], removingReplicas: [] },
    isr: inSync.length > 0 ? inSync : replicas.slice(0, 1),
    isUnclean: inSync.length === 0,
  }
}
