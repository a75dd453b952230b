import type { AnswerListener } from '../handlers/answer.ts'
import { tell } from '../handlers/answer.ts'
import type { Handler } from '../handlers/handler.ts'
import type { NodeServices } from '../handlers/services.ts'
import type { Context } from './request-context.ts'

/** Has the handler answer what of the request its principal may ask for; the answer tells what it may not. */
export function answerAllowed(
  { access, answer }: Handler<NodeServices>,
  request: object,
  context: Context,
  listener: AnswerListener<object>,
): void {
  const verdict = access.judge(request, context)
  if ('refused' in verdict) {
    context.isRefused = true
    return listener.given(verdict.refused)
  }
  const { complete } = verdict
  const answered = answer(verdict.request, context)
  if (complete === null) return tell(answered, listener)
  tell(answered, {
    given: (some) => listener.given(complete(some)),
    failed: (error) => listener.failed(error),
  })
}
