import { CreateTopics } from '../../protocol/messages/create-topics.ts'
import type { Handler } from '../../src/handlers/handler.ts'
import { handlers } from '../../src/handlers/index.ts'
import { Writer } from '../../protocol/wire/writer.ts'
import { MAX_ANSWER_BYTES, Reply } from '../../src/server/reply.ts'
import { CallCounter } from '../support/calls.ts'
import { scale, soaking } from '../soak.ts'
import { TestNode } from '../handlers/test-node.ts'
import { costOf, dearestRequests, frameOf } from '../support/dearest-request.ts'
import type { DearRequest, Known } from '../support/dearest-request.ts'

const MEGABYTE = 1_000_000
/** An answer may have so many bytes for one byte of memory that its request costs. */
const MOST_ANSWERED = 3
/** These answer more than is named; they spend it. */
const ANSWER_MORE: ReadonlySet<string> = new Set(['DescribeConfigs'])
/** What a request may call before other work has its turn, about: at 20 ns each that is some 30 ms. */
const MOST_CALLS = 1_500_000
/** A turn that is cut off by what it has done has that of a whole request: some 1.5 ms. */
const CALLS_OF_A_TURN = 75_000
/** A fortieth of a request is held against a fortieth of the limits; in soak, a whole one, and of all versions. */
const SHARE = scale(0.025, 1)

let node: TestNode
let known: Known
let counter: CallCounter

beforeEach(async () => {
  node = new TestNode()
  const topicId = await node.addTopic('known', { partitions: [{}, {}, {}] })
  await node.addGroups()
  counter = new CallCounter(node.clock)
  node.controller = () => {
    throw Object.assign(new Error('not now'), { code: 'ERR_TOO_LARGE' })
  }
  known = { topic: 'known', topicId, group: 'group' }
})

/** What the request comes to: the sizes of the pieces that its answer is sent in; null for none, or a connection that ends. */
async function piecesOf({ frame }: DearRequest): Promise<number[] | null> {
  const outcome = await node.start(frame)
  if (outcome === null) return null
  if (!(outcome instanceof Reply)) {
    // Refused with a line in the log; anything that was thrown would be a bug.
    expect(outcome.cause).toBeUndefined()
    expect(outcome.fault).toMatch(/more than|may be/)
    return null
  }
  const writer = new Writer()
  expect(outcome.writeTo(writer)).toBeNull()
  outcome.sent()
  return writer.chunks().map(({ length }) => length)
}

/** What its elements take besides. */
type Costly = DearRequest & { readonly cost: number }

/**
 * Fails where the request takes more memory, or does more in a turn, than this share of what one may.
 * @param isCounted whether calls are counted now
 */
async function check(
  request: Costly,
  { maxCostBytes, api }: Handler,
  share: number,
  isCounted: boolean,
) {
  const { about, cost } = request
  let pieces: number[] | null = null
  const run = async (): Promise<void> => {
    pieces = await piecesOf(request)
  }
  let calls = isCounted ? await counter.allOf(run) : (await run(), 0)
  const mostCalls = Math.max(CALLS_OF_A_TURN, share * MOST_CALLS)
  if (calls > mostCalls) calls = await counter.mostOf(run)
  // What else this process did meanwhile is counted too; it doesn't come twice.
  if (calls > mostCalls) calls = Math.min(calls, await counter.mostOf(run))
  const bytes = ((pieces ?? []) as number[]).reduce((sum, size) => sum + size, 0)
  const most = ANSWER_MORE.has(api.name) ? MAX_ANSWER_BYTES : 1000 + MOST_ANSWERED * cost
  expect({
    about,
    isDear: cost > share * maxCostBytes,
    isLong: bytes > most,
    isBusy: calls > mostCalls,
  }).toEqual({ about, isDear: false, isLong: false, isBusy: false })
}

async function checkAll(handler: Handler, share: number): Promise<void> {
  const { api, versions, maxCostBytes } = handler
  const [first, last] = versions
  const step = soaking ? 1 : Math.max(1, last - first)
  for (let version = first; version <= last; version += step) {
    const namings = version === last ? undefined : (['distinct'] as const)
    const cost = share * maxCostBytes
    const dearest = dearestRequests(api, version, share * MEGABYTE, known, cost, namings)
    const requests = Array.from(dearest, (request): Costly => ({
      ...request,
      cost: costOf(api, version, request.frame),
    }))
    // To count takes far longer than what is counted, and the versions differ little in what they do.
    const isCounted = version === last || soaking
    const checked = async (): Promise<void> => {
      for (const request of requests) await check(request, handler, share, isCounted)
    }
    await (isCounted ? counting(checked) : checked())
  }
}

async function counting<Result>(run: () => Promise<Result>): Promise<Result> {
  counter.start()
  try {
    return await run()
  } finally {
    counter.stop()
  }
}

const all = handlers.map((handler) => [handler.api.name, handler] as const)

describe('the dearest request takes no more memory and does no more in a turn than is counted', () => {
  test.each(all)('%s (soak)', (_name, handler) => checkAll(handler, SHARE))
})

test('what is counted is what is called', async () => {
  const few = frameOf(CreateTopics as never, 7, { topics: [], timeoutMs: 0, validateOnly: false })
  const about = { api: CreateTopics as never, version: 7, about: '', frame: few }
  const calls = await counting(() => counter.mostOf(() => piecesOf(about)))
  expect(calls).toBeGreaterThan(10)
  expect(calls).toBeLessThan(1000)
})
