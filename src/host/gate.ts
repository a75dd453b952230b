/** Lets so many pieces of work go on at a time; the others wait in the order in which they came. */
export function gate(atOnce: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      // The place goes to the next one as it is.
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
