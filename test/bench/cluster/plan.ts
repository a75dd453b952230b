import type { Client } from '../client.ts'
import type { Progress } from '../load.ts'
import type { Compared } from '../samples.ts'
import { type Counts, type Shape, inTopics, ofTopics } from './partitions.ts'

/** How much is made. */
export interface Sizes {
  /** Made, described and deleted, one after the other; during the last one that has a topic for many, controllers fail over. */
  readonly partitions: readonly Shape[]
  /** The one on one broker, which starts with it. */
  readonly started: Counts
  /** The one on brokers that don't run. */
  readonly image: Counts
}

export interface ClusterBench {
  readonly brokers: readonly Compared[]
  readonly directory: string
  readonly client: Client
  readonly nodeFlags: readonly string[]
  readonly sizes: Sizes
  /** How often a controller is killed. */
  readonly rounds: number
  readonly progress: Progress
}

const unreplicated = (counts: Counts): Shape => ({ ...counts, replicas: 1 })

/** @param isQuick a tenth of everything */
export const sizesOf = (isQuick: boolean): Sizes => ({
  partitions: isQuick
    ? [unreplicated(inTopics(1_000)), unreplicated(ofTopics(1_000))]
    : [
        unreplicated(inTopics(1_000)),
        unreplicated(ofTopics(10_000)),
        unreplicated(inTopics(10_000)),
      ],
  started: inTopics(isQuick ? 1_000 : 10_000),
  image: { topics: isQuick ? 10 : 100, partitionsEach: 1_000, topicsInRequest: 1 },
})
