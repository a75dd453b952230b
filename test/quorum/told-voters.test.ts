import { ZERO_UUID } from '../../protocol/schema.ts'
import { ToldVoters } from '../../src/quorum/told-voters.ts'
import type { Voter } from '../../src/quorum/types.ts'

const named = [1, 2].map((id): Voter => ({ id, directoryId: ZERO_UUID, endpoints: [] }))
const voter = (id: number, disk = String(id)): Voter => ({
  id,
  directoryId: disk.repeat(22),
  endpoints: [{ name: 'CONTROLLER', host: `node${id}`, port: 9093 }],
})
const told = (of: Voter, most = 1) => ({
  kind: 'update' as const,
  voter: of,
  kraftVersions: { min: 0, max: most },
})
/** As the log is to name it. */
const raised = (id: number, disk?: string): Voter => ({
  ...voter(id, disk),
  kraftVersions: { min: 0, max: 1 },
})

describe('what static voters have told their leader', () => {
  test('names them with their disks as soon as all have, the last word of each', () => {
    const voters = new ToldVoters()
    voters.note(3, told(voter(2, 'x')))
    expect(voters.raised(3, named, 1)).toMatchObject({
      errorCode: 'INVALID_UPDATE_VERSION',
      errorMessage: expect.stringMatching(/: voter 1 has not told its directory yet$/) as string,
    })
    voters.note(3, told(voter(1)))
    voters.note(3, told(voter(2)))
    voters.note(3, told(voter(9)))
    expect(voters.raised(3, named, 1)).toEqual([raised(1), raised(2)])
  })

  test('is forgotten with the epoch: a disk may be another one by then', () => {
    const voters = new ToldVoters()
    for (const id of [1, 2]) voters.note(3, told(voter(id)))
    expect(voters.raised(4, named, 1)).toMatchObject({ errorCode: 'INVALID_UPDATE_VERSION' })
    voters.note(4, told(voter(1)))
    expect(voters.raised(4, named, 1)).toMatchObject({
      errorMessage: expect.stringContaining('voter 2 has not told') as string,
    })
  })

  test('is forgotten of one whose disk was replaced since', () => {
    const voters = new ToldVoters()
    for (const id of [1, 2]) voters.note(3, told(voter(id)))
    voters.forget(2)
    expect(voters.raised(3, named, 1)).toMatchObject({ errorCode: 'INVALID_UPDATE_VERSION' })
    voters.note(3, told(voter(2, 'x')))
    expect(voters.raised(3, named, 1)).toEqual([raised(1), raised(2, 'x')])
  })

  test('names nobody who does not know the level', () => {
    const voters = new ToldVoters()
    voters.note(3, told(voter(1)))
    voters.note(3, told(voter(2), 0))
    expect(voters.raised(3, named, 1)).toMatchObject({
      errorCode: 'INVALID_UPDATE_VERSION',
      errorMessage: expect.stringMatching(/: voter 2 does not know it$/) as string,
    })
  })
})
