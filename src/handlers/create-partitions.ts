import { CreatePartitions } from '../../protocol/messages/create-partitions.ts'
import { each } from './access.ts'
import { askController } from './ask-controller.ts'
import { MAX_CHANGES_COST_BYTES, handle } from './handler.ts'
import { inPieces } from './in-pieces.ts'

/** [KIP-599] Older clients wait, but are refused nothing. */
const FIRST_VERSION_WITH_QUOTA = 3

/** CreatePartitions: v0-3. Partitions can only be added; when the answer comes they serve. */
export const createPartitions = handle(CreatePartitions, {
  access: each('TOPIC', 'ALTER', {
    items: 'topics',
    nameOf: ({ name }) => name,
    answers: 'results',
    refuse: ({ name }, refusal) => ({ name, ...refusal }),
  }),
  at: 'controller',
  maxCostBytes: MAX_CHANGES_COST_BYTES,
}).by(async (request, context) => {
  const { topics, validateOnly, timeoutMs } = request
  const make = async (some: Readonly<typeof topics>, leftMs: number) => {
    const allowance = context.quota?.mutations(FIRST_VERSION_WITH_QUOTA)
    const command = { type: 'createPartitions', topics: some, validateOnly, allowance } as const
    const asked = await askController(context, command, leftMs)
    return asked.failed === null ? asked.reply : some.map(({ name }) => ({ name, ...asked.failed }))
  }
  const results = await inPieces(context.services, topics, ({ name }) => name, timeoutMs, make)
  await context.services.settled()
  return { results }
})
