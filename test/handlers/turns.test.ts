import {
  TURN_ELEMENTS,
  TURN_STEPS,
  inTurns,
  inTurnsOfEach,
  inTurnsOfStored,
} from '../../src/handlers/turns.ts'

describe('things that are stored', () => {
  const turning = () => {
    const ended: number[] = []
    const seen: number[] = []
    const clock = {
      endOfTurn: (callback: () => void) => {
        ended.push(seen.length)
        setImmediate(callback)
      },
    }
    return { seen, ended, context: { clock } as unknown as Parameters<typeof inTurns>[0] }
  }
  function* upTo(count: number) {
    for (let element = 0; element < count; element++) yield element
  }

  test('are gone through a thousand in a turn, those of which nothing is made among them', async () => {
    const { seen, ended, context } = turning()
    const even = await inTurnsOfStored(context, upTo(2 * TURN_STEPS + 1), (element) => {
      seen.push(element)
      return element % 2 === 0 ? element : null
    })
    expect(even).toEqual(Array.from({ length: TURN_STEPS + 1 }, (_, index) => 2 * index))
    expect(ended).toEqual([TURN_STEPS, 2 * TURN_STEPS])
  })

  test('are fewer in a turn where more is done for each', async () => {
    const { seen, ended, context } = turning()
    await inTurnsOfStored(
      context,
      upTo(7),
      (element) => seen.push(element),
      () => TURN_STEPS / 4,
    )
    expect(ended).toEqual([4])
  })
})

describe('many elements of a request', () => {
  /** How many elements were begun when each turn ended. */
  const turning = () => {
    const begun: number[] = []
    const ended: number[] = []
    const clock = {
      endOfTurn: (callback: () => void) => {
        ended.push(begun.length)
        setImmediate(callback)
      },
    }
    return { begun, ended, context: { clock } as unknown as Parameters<typeof inTurns>[0] }
  }
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

  test('are answered a hundred in a turn of the event loop, in their order', async () => {
    const { begun, ended, context } = turning()
    const doubled = await inTurns(context, numbers(250), async (element) => {
      begun.push(element)
      if (element % 7 === 0) await null
      return 2 * element
    })
    expect(doubled).toEqual(numbers(250).map((element) => 2 * element))
    expect(begun).toEqual(numbers(250))
    expect(ended).toEqual([100, 200])
  })

  test('are answered at once where they are few', async () => {
    const { begun, ended, context } = turning()
    const pushed = await inTurns(context, numbers(TURN_ELEMENTS), (element) => begun.push(element))
    expect(pushed).toHaveLength(TURN_ELEMENTS)
    expect(ended).toEqual([])
  })

  test('are fewer in a turn where each takes longer', async () => {
    const { begun, ended, context } = turning()
    await inTurns(context, numbers(9), (element) => begun.push(element), 4)
    expect(ended).toEqual([4, 8])
  })

  test('end with the first that fails', async () => {
    const { begun, context } = turning()
    const failing = inTurns(context, numbers(300), (element) => {
      begun.push(element)
      if (element === 150) throw new Error('150')
    })
    await expect(failing).rejects.toThrow('150')
    expect(begun).toHaveLength(151)
  })

  test('of several things go back to each of them', async () => {
    const { ended, context } = turning()
    const outer = [numbers(130), [], [7], [8, 9]]
    const answered = await inTurnsOfEach(
      context,
      outer,
      (of) => of,
      (element, of) => `${element} of ${of.length}`,
    )
    expect(answered.map(({ of }) => of)).toEqual(outer)
    expect(answered[0]!.results).toEqual(numbers(130).map((element) => `${element} of 130`))
    expect(answered.slice(1).map(({ results }) => results)).toEqual([
      [],
      ['7 of 1'],
      ['8 of 2', '9 of 2'],
    ])
    expect(ended).toHaveLength(1)
  })
})
