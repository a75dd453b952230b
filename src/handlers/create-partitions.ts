import { CreatePartitions } from '../../protocol/messages/create-partitions.ts'
import { askController } from './ask-controller.ts'
import { handle } from './handler.ts'

/** CreatePartitions: v0-3. Partitions can only be added; when the answer comes they serve. */
export const createPartitions = handle(CreatePartitions).by(async (request, context) => {
  const { topics, validateOnly, timeoutMs } = request
  const asked = await askController(
    context,
    { type: 'createPartitions', topics, validateOnly },
    timeoutMs,
  )
  if (asked.failed !== null) {
    const results = topics.map(({ name }) => ({ name, ...asked.failed }))
    return { throttleTimeMs: 0, results }
  }
  await context.replicas.settled()
  return { throttleTimeMs: 0, results: asked.reply }
})
