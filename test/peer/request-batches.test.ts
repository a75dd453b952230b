import { RequestBatches } from '../../src/peer/request-batches.ts'

interface Item {
  readonly key: string
  readonly weight?: number
}

/** Brokers that answer when a test says so. */
function batches() {
  const sent: { to: number; keys: string[]; answer: () => void; fail: (why: Error) => void }[] = []
  const asked = new RequestBatches<Item, string>({
    send: (to, items) =>
      new Promise((resolve, reject) => {
        const keys = items.map(({ key }) => key)
        sent.push({ to, keys, answer: () => resolve(keys), fail: reject })
      }),
    keyOf: ({ key }) => key,
    weightOf: ({ weight = 1 }) => weight,
  })
  return { sent, ask: (to: number, key: string, weight = 1) => asked.ask(to, { key, weight }) }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('what is asked of brokers together', () => {
  test('goes at once where nothing is under way, and what comes meanwhile in one request', async () => {
    const { sent, ask } = batches()
    const answers = [ask(1, 'a'), ask(1, 'b'), ask(1, 'c'), ask(2, 'd')]
    expect(sent.map(({ to, keys }) => [to, keys])).toEqual([
      [1, ['a']],
      [2, ['d']],
    ])
    sent[0]!.answer()
    await turn()
    expect(sent[2]!.keys).toEqual(['b', 'c'])
    for (const { answer } of sent) answer()
    expect(await Promise.all(answers)).toEqual(['a', 'b', 'c', 'd'])
    await turn()
    const later = ask(1, 'e')
    expect(sent[3]!.keys).toEqual(['e'])
    sent[3]!.answer()
    expect(await later).toBe('e')
  })

  test('has no two of one key in a request, nor more than goes into one', async () => {
    const { sent, ask } = batches()
    void ask(1, 'first')
    for (const [key, weight] of [
      ['a', 600],
      ['a', 1],
      ['b', 600],
      ['c', 400],
      ['d', 5000],
    ] as const) {
      void ask(1, key, weight)
    }
    for (let at = 0; at < sent.length; at++) {
      sent[at]!.answer()
      await turn()
    }
    expect(sent.map(({ keys }) => keys)).toEqual([['first'], ['a', 'c'], ['a', 'b'], ['d']])
  })

  test('fails together, and the next goes on', async () => {
    const { sent, ask } = batches()
    const first = ask(1, 'a')
    const second = ask(1, 'b')
    sent[0]!.fail(new Error('lost'))
    await expect(first).rejects.toThrow('lost')
    await turn()
    sent[1]!.answer()
    expect(await second).toBe('b')
  })
})
