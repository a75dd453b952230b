import { AlterPartitionReassignments } from '../../../protocol/messages/alter-partition-reassignments.ts'
import { ElectLeaders } from '../../../protocol/messages/elect-leaders.ts'
import { ListPartitionReassignments } from '../../../protocol/messages/list-partition-reassignments.ts'
import type { Client } from '../../../bin/client/client.ts'
import { throwUnlessNone } from '../../../bin/client/errors.ts'
import { PARTITIONS, persist, sleep, TOPIC, untilOver, type ClientParts } from '../clients.ts'

const TIMEOUT_MS = 5000
const PREFERRED = 0

/** Moves partitions to other brokers, has moves cancelled, and has preferred leaders elected. */
export async function runMover(parts: ClientParts, replicas: number): Promise<void> {
  const { host, bootstrap } = parts
  await untilOver(parts, async (client) => {
    await sleep(parts, 2500)
    const partition = host.random.below(PARTITIONS)
    const kind = host.random.below(6)
    if (kind === 0) await electPreferred(client, partition)
    else {
      const all = Array.from({ length: bootstrap.length }, (_, index) => index + 1)
      while (all.length > replicas) all.splice(host.random.below(all.length), 1)
      // Whoever comes first is the preferred leader.
      const first = all.splice(host.random.below(all.length), 1)
      await move(client, partition, kind === 1 ? null : [...first, ...all])
    }
  })
}

/** @param replicas null: a move that is under way is cancelled */
async function move(client: Client, partitionIndex: number, replicas: number[] | null) {
  const partitions = [{ partitionIndex, replicas }]
  const { errorCode } = await client.request(AlterPartitionReassignments, {
    timeoutMs: TIMEOUT_MS,
    topics: [{ name: TOPIC, partitions }],
  })
  // What is refused of a partition, as where nothing can be cancelled, is no matter.
  throwUnlessNone(errorCode, 'A move')
}

async function electPreferred(client: Client, partition: number): Promise<void> {
  const { errorCode } = await client.request(ElectLeaders, {
    electionType: PREFERRED,
    topicPartitions: [{ topic: TOPIC, partitions: [partition] }],
    timeoutMs: TIMEOUT_MS,
  })
  throwUnlessNone(errorCode, 'An election')
}

/** Resolves when nothing is being moved any more. */
export function untilMoved(parts: ClientParts): Promise<void> {
  return persist(parts, async (client) => {
    const request = { timeoutMs: TIMEOUT_MS, topics: null }
    const { errorCode, topics } = await client.request(ListPartitionReassignments, request)
    return errorCode === 'NONE' && topics.length === 0
  })
}
