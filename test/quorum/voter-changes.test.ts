import { ZERO_UUID } from '../../protocol/schema.ts'
import type { KraftVersions, Voter } from '../../src/quorum/types.ts'
import { changedVoters, offeredVersions, type VoterChange } from '../../src/quorum/voter-changes.ts'

const DIRECTORY = 'd'.repeat(21) + 'Q'
const voter = (id: number, parts: Partial<Voter> = {}): Voter => ({
  id,
  directoryId: DIRECTORY,
  endpoints: [{ name: 'CONTROLLER', host: `node${id}`, port: 9093 }],
  ...parts,
})
const kraftVersions = { min: 0, max: 1 }
const elsewhere = [{ name: 'OTHER', host: 'node2', port: 9093 }]

const changed = (
  change: VoterChange,
  parts: { kraftVersion?: number; alone?: boolean; behind?: boolean } = {},
) =>
  changedVoters(
    {
      kraftVersion: parts.kraftVersion ?? 1,
      voters: [voter(1), voter(2)],
      peers: { listenerName: parts.alone ? null : 'controller' },
      isChanging: false,
      isCaughtUp: () => parts.behind !== true,
    },
    change,
  )
const add = (of: Voter): VoterChange => ({ kind: 'add', voter: of, ackWhenCommitted: true })

describe('a change of the voters', () => {
  test('takes nobody whom the others could not reach', () => {
    const refused = {
      errorCode: 'INVALID_REQUEST',
      errorMessage: expect.stringMatching('controller'),
    }
    expect(changed(add(voter(3, { endpoints: [] })))).toEqual(refused)
    expect(changed(add(voter(3, { endpoints: elsewhere })))).toEqual(refused)
    const moved = voter(2, { endpoints: elsewhere })
    expect(changed({ kind: 'update', kraftVersions, voter: moved })).toEqual(refused)
    expect(changed({ kind: 'update', kraftVersions, voter: moved }, { kraftVersion: 0 })).toEqual(
      refused,
    )
    const both = voter(3, { endpoints: [...elsewhere, ...voter(3).endpoints] })
    expect(changed(add(both))).toEqual([voter(1), voter(2), both])
    expect(changed({ kind: 'update', kraftVersions, voter: moved }, { alone: true })).toEqual([
      voter(1),
      { ...moved, kraftVersions },
    ])
  })

  test('takes nobody who has not all that the leader has: it may be that nobody has started him', () => {
    expect(changed(add(voter(3)), { behind: true })).toMatchObject({
      errorCode: 'REQUEST_TIMED_OUT',
      errorMessage: expect.stringContaining('start it first'),
    })
  })

  test('names the voter by its id and its directory', () => {
    const nowhere = { directoryId: ZERO_UUID }
    const changes: VoterChange[] = [
      add(voter(3, nowhere)),
      { kind: 'update', kraftVersions, voter: voter(2, nowhere) },
      { kind: 'remove', voter: voter(2, nowhere) },
    ]
    for (const change of changes) {
      expect(changed(change)).toMatchObject({
        errorCode: 'INVALID_REQUEST',
        errorMessage: expect.stringMatching('directory') as string,
      })
    }
    expect(changed(add(voter(-1)))).toMatchObject({ errorCode: 'INVALID_REQUEST' })
    expect(changed({ kind: 'remove', voter: voter(2) })).toEqual([voter(1)])
  })
})

describe('a node that is to vote', () => {
  const asked = (offered: KraftVersions | null | Error, kraftVersion = 1) =>
    offeredVersions(
      {
        kraftVersionsOf: () =>
          offered instanceof Error ? Promise.reject(offered) : Promise.resolve(offered),
      },
      voter(3),
      kraftVersion,
    )

  test('has to offer the kraft.version that the quorum has', async () => {
    expect(await asked({ min: 0, max: 1 })).toEqual({ min: 0, max: 1 })
    expect(await asked({ min: 1, max: 1 })).toEqual({ min: 1, max: 1 })
    const refused = { errorCode: 'INVALID_REQUEST' }
    expect(await asked({ min: 0, max: 0 })).toMatchObject(refused)
    expect(await asked({ min: 2, max: 3 })).toMatchObject({
      ...refused,
      errorMessage: `3 with the directory ${DIRECTORY} offers kraft.version 2 to 3, and this quorum has 1`,
    })
    expect(await asked(null)).toMatchObject(refused)
  })

  test('may not be there yet: whoever asks for it may do so again', async () => {
    expect(await asked(new Error('Nothing listens on node3:9093'))).toMatchObject({
      errorCode: 'REQUEST_TIMED_OUT',
      errorMessage: expect.stringMatching('Nothing listens') as string,
    })
  })
})
