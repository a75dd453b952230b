import type { Services } from './services.ts'

/** So many elements of a request are answered before other work of the event loop has its turn. */
export const TURN_ELEMENTS = 100

/**
 * What `each` makes of the elements, in their order. Requests may have tens of thousands of elements, and each may take as
 * long as a small request: nobody else waits for more than a few of them.
 */
export async function inTurns<Element, Result>(
  { clock }: Pick<Services, 'clock'>,
  elements: readonly Element[],
  each: (element: Element) => Result | Promise<Result>,
  perTurn = TURN_ELEMENTS,
): Promise<Result[]> {
  if (elements.length <= perTurn) return Promise.all(elements.map(each))
  const results: Result[] = []
  for (let from = 0; from < elements.length; from += perTurn) {
    if (from > 0) await nextTurn(clock)
    const some = elements.slice(from, from + perTurn).map(each)
    results.push(...(await Promise.all(some)))
  }
  return results
}

/** The same for elements that have elements, such as the partitions of topics: what `each` makes of those of each one. */
export async function inTurnsOfEach<Outer, Element, Result>(
  services: Pick<Services, 'clock'>,
  outer: readonly Outer[],
  elementsOf: (of: Outer) => readonly Element[],
  each: (element: Element, of: Outer) => Result | Promise<Result>,
): Promise<{ of: Outer; results: Result[] }[]> {
  const all: { of: Outer; element: Element }[] = []
  const counts = outer.map((of) => {
    const elements = elementsOf(of)
    for (const element of elements) all.push({ of, element })
    return elements.length
  })
  const results = await inTurns(services, all, ({ of, element }) => each(element, of))
  let from = 0
  return outer.map((of, index) => ({ of, results: results.slice(from, (from += counts[index]!)) }))
}

/** Resolves when other work of the event loop has had its turn. */
export function nextTurn(clock: Services['clock']): Promise<void> {
  return new Promise((resolve) => clock.endOfTurn(resolve))
}
