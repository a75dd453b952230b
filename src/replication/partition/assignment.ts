/** What the cluster has agreed on for a partition. */
export interface PartitionAssignment {
  /** -1 when there is none. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly replicas: readonly number[]
  /** Of each replica, the id of its directory. */
  readonly directories: readonly string[]
  readonly isr: readonly number[]
}
