import { readFileSync } from 'node:fs'
import type { Assignment } from './client/assignments.ts'
import { UsageError } from './errors.ts'
import type { Terminal } from './terminal.ts'

/** A plan in the form of Kafka's kafka-reassign-partitions, a partition a line. */
export function planText(assignments: readonly Assignment[]): string {
  const lines = assignments.map(({ topic, partition, replicas }) =>
    JSON.stringify({ topic, partition, replicas }),
  )
  const body = lines.length === 0 ? '' : `\n  ${lines.join(',\n  ')}\n`
  return `{"version":1,"partitions":[${body}]}`
}

/** A plan's text; `-` is standard input. Throws UsageError. */
export async function readPlan(file: string, { input }: Terminal): Promise<string> {
  if (file === '-') {
    const parts: Buffer[] = []
    for await (const part of input) parts.push(Buffer.from(part))
    return Buffer.concat(parts).toString()
  }
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(`The plan ${file} can't be read: ${reason}`)
  }
}

/** What is in a plan. Throws UsageError where it is none. */
export function parsePlan(text: string, file: string): Assignment[] {
  const refuse = (why: string): never => {
    throw new UsageError(`The plan ${file} ${why}; ottla reassign plan makes one`)
  }
  const plan = parsed(text)
  if (plan === null) return refuse('is no JSON')
  if (plan.version !== 1) refuse('is not of version 1')
  const { partitions } = plan
  if (!Array.isArray(partitions)) return refuse('has no list of partitions')
  return partitions.map((one: Partial<Assignment> | null) => {
    const { topic, partition, replicas } = one ?? {}
    const isWhole =
      typeof topic === 'string' &&
      isId(partition) &&
      Array.isArray(replicas) &&
      replicas.length > 0 &&
      replicas.every(isId)
    if (!isWhole)
      refuse(`has a partition without topic, number or replicas: ${JSON.stringify(one)}`)
    return { topic: topic!, partition: partition!, replicas: [...replicas!] }
  })
}

/** Null where it is no JSON. */
function parsed(text: string): { version?: unknown; partitions?: unknown } | null {
  try {
    return JSON.parse(text) as { version?: unknown; partitions?: unknown } | null
  } catch {
    return null
  }
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0
}
