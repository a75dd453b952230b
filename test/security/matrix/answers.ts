import type { AnswersTo } from './asking.ts'
import { inWords } from './asking.ts'

/**
 * The answers to one question: those that differ, and which of them each of the principals gets, as a letter for each.
 */
export interface Answers {
  readonly answers: readonly string[]
  readonly of: string
}

const FIRST_LETTER = 97

/** As they are written down. */
export function compact(answers: AnswersTo): Record<string, Answers> {
  const entries = Array.from(answers, ([question, all]) => {
    const told = all.map((each) => each ?? 'not asked')
    const different = [...new Set(told)]
    if (different.length > 26) throw new Error(`${inWords(question)}: too many answers`)
    const of = told.map((each) => String.fromCharCode(FIRST_LETTER + different.indexOf(each)))
    return [inWords(question), { answers: different, of: of.join('') }] as const
  })
  return Object.fromEntries(entries)
}

/** The answers as they were, in the order of the principals. */
export function expanded({ answers, of }: Answers): string[] {
  return Array.from(of, (letter) => answers[letter.charCodeAt(0) - FIRST_LETTER]!)
}
