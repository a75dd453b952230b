import { appendFileSync } from 'node:fs'

/** Where a run of the tests writes down what it does, for whoever has to end it. */
export const PROGRESS_VARIABLE = 'OTTLA_TEST_PROGRESS'

interface Test {
  readonly path: string
}

/** A reporter of jest: a line as each test file begins, and one as it ends. */
class Progress {
  readonly #file = process.env[PROGRESS_VARIABLE]

  onTestFileStart({ path }: Test): void {
    this.#write('begins', path)
  }

  onTestFileResult({ path }: Test): void {
    this.#write('ends', path)
  }

  #write(event: string, path: string): void {
    if (this.#file !== undefined) appendFileSync(this.#file, `${event} ${path}\n`)
  }
}

/** The test files that have begun and not ended, from what the reporter wrote. */
export function unended(progress: string): string[] {
  const running = new Set<string>()
  for (const line of progress.split('\n')) {
    const [, event, path] = /^(begins|ends) (.*)$/.exec(line) ?? []
    if (event === 'begins') running.add(path!)
    else if (event === 'ends') running.delete(path!)
  }
  return [...running]
}

export { Progress as default }
