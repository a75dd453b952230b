import type { ErrorName } from '../../protocol/errors.ts'
import { CoordinatorError } from '../coordinators/runtime/errors.ts'

/** The answer of a coordinator, or the answer that tells why there is none: it is elsewhere, it loads, ... */
export async function coordinated<Answer>(
  answer: Promise<Answer>,
  refuse: (errorCode: ErrorName) => Answer,
): Promise<Answer> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof CoordinatorError) return refuse(error.code)
    throw error
  }
}
