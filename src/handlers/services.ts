/** What the handlers need of the broker. The broker puts one such object together and hands it to every request. */
export interface Services {
  /** The APIs as ApiVersions tells them. */
  apis(): { apiKey: number; minVersion: number; maxVersion: number }[]
  features(): FeatureLevels
}

/** KIP-584. `supported`: what this broker could do; `finalized`: what the cluster has agreed on, as of `epoch`. */
export interface FeatureLevels {
  readonly supported: readonly { name: string; minVersion: number; maxVersion: number }[]
  readonly finalized: readonly { name: string; minVersionLevel: number; maxVersionLevel: number }[]
  readonly epoch: number
}
