import type { PartitionData } from '../replication/fetch/partition-data.ts'

const FIRST_FLEXIBLE = 12
const FIRST_WITH_TOPIC_IDS = 13
/** Kafka counts the length that stands before each answer, too. */
const LENGTH_BYTES = 4
/** Throttle time; from v7 on error and session. */
const HEAD_BYTES = 4
const SESSION_BYTES = 6
/** Partition, error, high watermark, last stable offset. */
const PARTITION_BYTES = 22
/** v5 */
const LOG_START_BYTES = 8
/** v11 */
const PREFERRED_BYTES = 4
const UUID_BYTES = 16
const ABORTED_BYTES = 16

/**
 * How many bytes an answer to Fetch has on its way to a consumer: what counts against its quota, as in Kafka. Errors, which
 * tell a leader besides, are counted as if they told none.
 */
export class FetchedSize {
  readonly #version: number
  #bytes = 0
  #topic = ''
  #topicPartitions = 0
  #topics = 0

  constructor(version: number) {
    this.#version = version
  }

  add({ target, sizeBytes, abortedTransactions }: PartitionData): void {
    const version = this.#version
    const isFlexible = version >= FIRST_FLEXIBLE
    const name = version >= FIRST_WITH_TOPIC_IDS ? target.topicId : target.topic
    if (this.#topics === 0 || name !== this.#topic) this.#nextTopic(name)
    this.#topicPartitions++
    const aborted = abortedTransactions?.length ?? 0
    this.#bytes += PARTITION_BYTES + sizeBytes + aborted * (ABORTED_BYTES + (isFlexible ? 1 : 0))
    this.#bytes += isFlexible ? lengthBytes(aborted) + lengthBytes(sizeBytes) + 1 : 8
    if (version >= 5) this.#bytes += LOG_START_BYTES
    if (version >= 11) this.#bytes += PREFERRED_BYTES
  }

  /** Of all that was added. */
  get bytes(): number {
    const isFlexible = this.#version >= FIRST_FLEXIBLE
    const head = LENGTH_BYTES + HEAD_BYTES + (this.#version >= 7 ? SESSION_BYTES : 0)
    const list = isFlexible ? lengthBytes(this.#topics) + 1 : 4
    return head + list + this.#bytes + this.#ofCount()
  }

  #nextTopic(name: string): void {
    this.#bytes += this.#ofCount()
    this.#topic = name
    this.#topics++
    this.#topicPartitions = 0
    const isFlexible = this.#version >= FIRST_FLEXIBLE
    if (this.#version >= FIRST_WITH_TOPIC_IDS) this.#bytes += UUID_BYTES
    else {
      const length = Buffer.byteLength(name)
      this.#bytes += length + (isFlexible ? lengthBytes(length) : 2)
    }
    if (isFlexible) this.#bytes += 1
  }

  /** What says how many partitions the topic has. */
  #ofCount(): number {
    if (this.#topics === 0) return 0
    return this.#version >= FIRST_FLEXIBLE ? lengthBytes(this.#topicPartitions) : 4
  }
}

/** Of the varint that says a length, which is one more. */
function lengthBytes(length: number): number {
  let bytes = 1
  for (let rest = (length + 1) >>> 7; rest > 0; rest >>>= 7) bytes++
  return bytes
}
