import { SimDisk } from '../../src/host/sim/disk.ts'
import { readElection, writeElection } from '../../src/quorum/election-file.ts'
import type { ElectionState } from '../../src/quorum/types.ts'
import { seeded, simulatedHost } from '../log/seeded.ts'

const FILE = '/quorum-state'
const directoryId = 'd'.repeat(21) + 'Q'

function onDisk(content?: string) {
  const disk = new SimDisk({ random: seeded(1) })
  if (content !== undefined) disk.replaceFile(FILE, content)
  return { disk, host: simulatedHost(disk) }
}

test.each<ElectionState>([
  { epoch: 7, leaderId: -1, votedFor: null },
  { epoch: 7, leaderId: 0, votedFor: { id: 0, directoryId } },
  { epoch: 7, leaderId: 3, votedFor: { id: 2, directoryId } },
])('what is written of elections is there after a power cut: %j', (election) => {
  const { disk, host } = onDisk()
  writeElection(host, '', election, null)
  const after = simulatedHost(disk.crash('lost'))
  expect(readElection(after, '')).toEqual(election)
})

test('is written as Apache Kafka writes it for kraft.version 1', () => {
  const { disk, host } = onDisk()
  writeElection(host, '', { epoch: 7, leaderId: 3, votedFor: null }, null)
  expect(JSON.parse(disk.readFile(FILE).toString())).toEqual({
    leaderId: 3,
    leaderEpoch: 7,
    votedId: -1,
    votedDirectoryId: 'A'.repeat(22),
    data_version: 1,
  })
})

test('is written as Apache Kafka writes it for kraft.version 0', () => {
  const { disk, host } = onDisk()
  const voters = [1, 2].map((id) => ({ id, directoryId: 'A'.repeat(22), endpoints: [] }))
  writeElection(host, '', { epoch: 1, leaderId: -1, votedFor: { id: 2, directoryId } }, voters)
  expect(disk.readFile(FILE).toString()).toBe(
    '{"clusterId":"","leaderId":-1,"leaderEpoch":1,"votedId":2,"appliedOffset":0,"currentVoters":[{"voterId":1},{"voterId":2}],"data_version":0}',
  )
})

test('the form of kraft.version 0, which has no directories, is read', () => {
  const content = { leaderId: 1, leaderEpoch: 4, votedId: 1, clusterId: '', data_version: 0 }
  const { host } = onDisk(JSON.stringify(content))
  const votedFor = { id: 1, directoryId: 'A'.repeat(22) }
  expect(readElection(host, '')).toEqual({ epoch: 4, leaderId: 1, votedFor })
})

test('without the file nothing is known; damage is not taken for nothing', () => {
  expect(readElection(onDisk().host, '')).toBeNull()
  for (const content of ['', '{', '{}', '{"leaderId":1,"leaderEpoch":4,"votedId":-1}', 'null']) {
    expect(() => readElection(onDisk(content).host, '')).toThrow()
  }
  const later = { leaderId: 1, leaderEpoch: 4, votedId: 1, data_version: 2 }
  expect(() => readElection(onDisk(JSON.stringify(later)).host, '')).toThrow(/version 0 or 1/)
})
