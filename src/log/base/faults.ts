import type { ErrorName } from '../../../protocol/errors.ts'
import type { RecordError } from './results.ts'

/** Why an append is refused, in the words of Produce's answer. */
export interface AppendFault {
  readonly errorCode: ErrorName
  readonly errorMessage: string
  readonly recordErrors: readonly RecordError[]
}

export function faultOf(errorCode: ErrorName, errorMessage: string): AppendFault {
  return { errorCode, errorMessage, recordErrors: [] }
}

export function tooLarge(sizeBytes: number, name: string, maxMessageBytes: number): AppendFault {
  const errorMessage = `The record batch of ${sizeBytes} bytes for ${name} is larger than max.message.bytes (${maxMessageBytes})`
  return faultOf('MESSAGE_TOO_LARGE', errorMessage)
}
