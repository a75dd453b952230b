import type { NodeServices } from './services.ts'

/** So many elements of a request are answered before other work of the event loop has its turn. */
export const TURN_ELEMENTS = 100

/**
 * What `each` makes of the elements, in their order. Requests may have tens of thousands of elements, and each may take as
 * long as a small request: nobody else waits for more than a few of them.
 */
export async function inTurns<Element, Result>(
  { clock }: Pick<NodeServices, 'clock'>,
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
  services: Pick<NodeServices, 'clock'>,
  outer: readonly Outer[],
  elementsOf: (of: Outer) => readonly Element[],
  each: (element: Element, of: Outer) => Result | Promise<Result>,
  perTurn = TURN_ELEMENTS,
): Promise<{ of: Outer; results: Result[] }[]> {
  const all: { of: Outer; element: Element }[] = []
  const counts = outer.map((of) => {
    const elements = elementsOf(of)
    for (const element of elements) all.push({ of, element })
    return elements.length
  })
  const results = await inTurns(services, all, ({ of, element }) => each(element, of), perTurn)
  let from = 0
  return outer.map((of, index) => ({ of, results: results.slice(from, (from += counts[index]!)) }))
}

/** So many things that are stored, each as small as a partition in an answer, are answered in a turn. */
export const TURN_STEPS = 1000

/**
 * What `each` makes of things that are stored here, in their order, without those of which it makes nothing. A request need
 * not name them, so there may be any number of them, however small it is.
 * @param elements of a moment, or such as may change while they are gone through
 * @param stepsOf how much was done for one, where that is more than little: its partitions, say
 */
export async function inTurnsOfStored<Element, Result>(
  { clock }: Pick<NodeServices, 'clock'>,
  elements: Iterable<Element>,
  each: (element: Element) => Result | null,
  stepsOf: (element: Element) => number = () => 1,
): Promise<Result[]> {
  const results: Result[] = []
  let steps = 0
  for (const element of elements) {
    if (steps >= TURN_STEPS) {
      await nextTurn(clock)
      steps = 0
    }
    const result = each(element)
    if (result !== null) results.push(result)
    steps += stepsOf(element)
  }
  return results
}

/** Resolves when other work of the event loop has had its turn. */
export function nextTurn(clock: NodeServices['clock']): Promise<void> {
  return new Promise((resolve) => clock.endOfTurn(resolve))
}
