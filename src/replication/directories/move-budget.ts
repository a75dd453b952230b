import type { ReplicationQuota } from '../quota/replication-quota.ts'

/** Has all moves between directories together keep to a quota. */
export class MoveBudget {
  readonly #quota: ReplicationQuota

  constructor(quota: ReplicationQuota) {
    this.#quota = quota
  }

  /** So much should be copied at once at most, for the rate to be kept from second to second. */
  atOnce(most: number): number {
    return Math.max(1, Math.min(most, this.#quota.bytesPerSecond))
  }

  spend(bytes: number): void {
    this.#quota.record(bytes)
  }

  /** Resolves when the quota is free, or nobody wants to go on; asked after each `wake`. */
  async ready(isWanted: () => boolean): Promise<void> {
    while (isWanted() && this.#quota.isExceeded) {
      await new Promise<void>((resolve) => this.#quota.wait({ quotaFree: resolve }))
    }
  }

  /** Lets all who wait look again. */
  wake(): void {
    this.#quota.changed()
  }
}
