import { ZERO_UUID } from '../../protocol/schema.ts'
import type { Voter } from '../../src/quorum/types.ts'
import { changedVoters, type VoterChange } from '../../src/quorum/voter-changes.ts'

const DIRECTORY = 'd'.repeat(21) + 'Q'
const voter = (id: number, parts: Partial<Voter> = {}): Voter => ({
  id,
  directoryId: DIRECTORY,
  endpoints: [{ name: 'CONTROLLER', host: `node${id}`, port: 9093 }],
  ...parts,
})
const elsewhere = [{ name: 'OTHER', host: 'node2', port: 9093 }]

const changed = (change: VoterChange, parts: { kraftVersion?: number; alone?: boolean } = {}) =>
  changedVoters(
    {
      kraftVersion: parts.kraftVersion ?? 1,
      voters: [voter(1), voter(2)],
      peers: { listenerName: parts.alone ? null : 'controller' },
      isChanging: false,
      isCaughtUp: () => true,
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
    expect(changed({ kind: 'update', voter: moved })).toEqual(refused)
    expect(changed({ kind: 'update', voter: moved }, { kraftVersion: 0 })).toEqual(refused)
    const both = voter(3, { endpoints: [...elsewhere, ...voter(3).endpoints] })
    expect(changed(add(both))).toEqual([voter(1), voter(2), both])
    expect(changed({ kind: 'update', voter: moved }, { alone: true })).toEqual([voter(1), moved])
  })

  test('names the voter by its id and its directory', () => {
    const nowhere = { directoryId: ZERO_UUID }
    const changes: VoterChange[] = [
      add(voter(3, nowhere)),
      { kind: 'update', voter: voter(2, nowhere) },
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
