import type { ControlRecordToWrite } from '../../protocol/state/control-records.ts'
import type { AppendDone } from '../../src/quorum/committed-reader.ts'
import type { KraftVersions, Voter } from '../../src/quorum/types.ts'
import { Reconfiguration } from '../../src/quorum/reconfiguration.ts'

const voter = (id: number): Voter => ({
  id,
  directoryId: String(id).repeat(22),
  endpoints: [{ name: 'CONTROLLER', host: `node${id}`, port: 9093 }],
})
const OFFERED = { min: 1, max: 2 }
const told = (id: number, kraftVersions = OFFERED) =>
  ({ kind: 'update', voter: voter(id), kraftVersions }) as const
const DONE = { errorCode: 'NONE', errorMessage: null }

/** A quorum of two that a node leads; what is appended stays uncommitted until `commit`. */
class Led {
  voters: readonly Voter[] = [voter(1), voter(2)]
  kraftVersion = 0
  isLeader = true
  readonly appended: ControlRecordToWrite[][] = []
  #uncommitted: AppendDone[] = []
  /** Ends the question to a node that is to vote. */
  answer: (offered: KraftVersions) => void = () => undefined
  readonly reconfiguration = new Reconfiguration(
    {
      view: () => {
        const { isLeader, kraftVersion, voters } = this
        return {
          isLeader,
          epoch: 3,
          kraftVersion,
          voters,
          isChanging: this.#uncommitted.length > 0,
        }
      },
      isCaughtUp: () => true,
      inTurn: (run, dropped) => void (this.isLeader ? run() : dropped()),
      append: async ({ voters, kraftVersion }, records, done) => {
        this.appended.push([...records])
        this.#uncommitted.push(done)
        Object.assign(this, { voters, kraftVersion })
        await Promise.resolve()
      },
    },
    {
      listenerName: 'CONTROLLER',
      kraftVersionsOf: () => new Promise((resolve) => (this.answer = resolve)),
    },
  )

  commit(failure: Error | null = null): void {
    for (const done of this.#uncommitted.splice(0)) done(failure)
  }

  /** The levels of kraft.version that the log gives each voter. */
  get levels(): unknown {
    const last = this.appended.at(-1)?.at(-1)
    if (last?.type !== 'KRAFT_VOTERS') return null
    return last.value.voters.map(({ kRaftVersionFeature: of }) => of)
  }
}

/** Outcomes as they come. */
function outcomesOf(promises: readonly Promise<unknown>[]): unknown[] {
  const outcomes: unknown[] = []
  for (const promise of promises) void promise.then((outcome) => outcomes.push(outcome))
  return outcomes
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a raise of kraft.version', () => {
  let led: Led
  beforeEach(async () => {
    led = new Led()
    for (const id of [1, 2]) expect(await led.reconfiguration.change(told(id))).toEqual(DONE)
  })

  test('is done when it is committed, for all who have asked for it by then', async () => {
    const outcomes = outcomesOf([1, 2].map(() => led.reconfiguration.raise(1, false)))
    await turn()
    expect([led.kraftVersion, led.appended.length, outcomes]).toEqual([1, 1, []])
    led.commit()
    await turn()
    expect(outcomes).toEqual([DONE, DONE])
    expect(await led.reconfiguration.raise(1, false)).toEqual(DONE)
  })

  test('comes to nothing with the lead, for all who have asked for it', async () => {
    const outcomes = outcomesOf([1, 2].map(() => led.reconfiguration.raise(1, false)))
    await turn()
    led.commit(new Error('The lead is lost'))
    await turn()
    const refused = expect.objectContaining({ errorCode: 'NOT_LEADER_OR_FOLLOWER' }) as unknown
    expect(outcomes).toEqual([refused, refused])
  })

  test('writes down what each voter has said it knows', async () => {
    outcomesOf([led.reconfiguration.raise(1, false)])
    await turn()
    const range = { minSupportedVersion: 1, maxSupportedVersion: 2 }
    expect(led.levels).toEqual([range, range])
  })

  test('that is only validated writes nothing', async () => {
    expect(await led.reconfiguration.raise(1, true)).toEqual(DONE)
    expect(led.appended).toEqual([])
  })
})

describe('a change of the voters', () => {
  let led: Led
  beforeEach(() => {
    led = new Led()
    led.kraftVersion = 1
  })

  test('has a node vote that says it can, and writes down what that knows', async () => {
    const adding = { kind: 'add', voter: voter(3), ackWhenCommitted: true } as const
    const outcomes = outcomesOf([led.reconfiguration.change(adding)])
    // No other one begins while it is asked.
    const removing = { kind: 'remove', voter: voter(2) } as const
    expect(await led.reconfiguration.change(removing)).toMatchObject({
      errorCode: 'REQUEST_TIMED_OUT',
    })
    led.answer(OFFERED)
    await turn()
    expect(led.levels).toEqual([
      { minSupportedVersion: 0, maxSupportedVersion: 1 },
      { minSupportedVersion: 0, maxSupportedVersion: 1 },
      { minSupportedVersion: 1, maxSupportedVersion: 2 },
    ])
    led.commit()
    await turn()
    expect(outcomes).toEqual([DONE])
  })

  test('is one where a voter that stays where it is knows other levels than before', async () => {
    outcomesOf([led.reconfiguration.change(told(2))])
    await turn()
    led.commit()
    expect(led.levels).toMatchObject([{ maxSupportedVersion: 1 }, { maxSupportedVersion: 2 }])
    expect(await led.reconfiguration.change(told(2))).toEqual(DONE)
    expect(led.appended.length).toBe(1)
    outcomesOf([led.reconfiguration.change(told(2, { min: 1, max: 3 }))])
    await turn()
    expect(led.levels).toMatchObject([{ maxSupportedVersion: 1 }, { maxSupportedVersion: 3 }])
  })

  test('is nothing that another one than the leader does', async () => {
    led.isLeader = false
    expect(await led.reconfiguration.change(told(2))).toMatchObject({
      errorCode: 'NOT_LEADER_OR_FOLLOWER',
    })
  })
})
