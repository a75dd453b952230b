import { readdirSync, readFileSync } from 'node:fs'
import type { Client } from '../../bin/client/index.ts'
import { Produce } from '../../protocol/messages/produce.ts'
import { readBatches, setBatchBaseOffset } from '../../protocol/records/batch.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'

/** Sends the batches of a partition's directory, one a request, to a partition that has none yet. */
export async function sendBatches(client: Client, directory: string, topic: string, index: number) {
  for (const name of readdirSync(directory).sort()) {
    if (!name.endsWith('.log')) continue
    for (const original of readBatches(readFileSync(`${directory}/${name}`))) {
      const records = Buffer.from(original)
      setBatchBaseOffset(records, 0, 0)
      const { responses } = await client.request(
        Produce,
        {
          transactionalId: null,
          acks: -1,
          timeoutMs: 30_000,
          topicData: [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index, records }] }],
        },
        { version: 11 },
      )
      const { errorCode, errorMessage } = responses[0]!.partitionResponses[0]!
      if (errorCode !== 'NONE') throw new Error(`${errorCode}: ${errorMessage}`)
    }
  }
}

/**
 * The files of a partition, by name: those of closed segments whole, of the active one only the log, as its indexes are
 * finished when it is closed.
 */
export function filesOf(directory: string): Map<string, string> {
  const names = readdirSync(directory).filter((name) =>
    /^\d{20}\.(?:log|index|timeindex|snapshot)$/.test(name),
  )
  const active = names
    .filter((name) => name.endsWith('.log'))
    .sort()
    .at(-1)!
  const kept = names.filter((name) => name === active || name.slice(0, 20) < active.slice(0, 20))
  return new Map(
    kept.sort().map((name) => [name, readFileSync(`${directory}/${name}`).toString('base64')]),
  )
}
