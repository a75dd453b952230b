import type { WantedChange } from '../../../../src/metadata/controller/partition/change.ts'
import { changeOf } from '../../../../src/metadata/controller/partition/change.ts'
import type { PartitionRules } from '../../../../src/metadata/controller/partition/rules.ts'
import type { BrokerImage, PartitionImage } from '../../../../src/metadata/image.ts'
import { LOST_DIRECTORY, UNASSIGNED_DIRECTORY } from '../../../../src/metadata/ids.ts'
import { newPartition } from '../../../../src/metadata/facts.ts'

const directory = (id: number): string => `${id}`.repeat(21) + 'Q'

function aliveBut(fenced: readonly number[]): ReadonlyMap<number, BrokerImage> {
  const brokers = [1, 2, 3, 4, 5].map((id) => ({
    id,
    epoch: id,
    incarnationId: 'i'.repeat(22),
    endPoints: [],
    features: [],
    rack: null,
    fenced: fenced.includes(id),
    inControlledShutdown: false,
    logDirs: [directory(id)],
    cordonedLogDirs: null,
  }))
  return new Map(brokers.map((broker) => [broker.id, broker]))
}

const PLAIN: PartitionRules = {
  minInsyncReplicas: 2,
  isUncleanAllowed: false,
  awaited: new Set(),
  keepsEligible: false,
}
const KEEPING: PartitionRules = { ...PLAIN, keepsEligible: true }

/** A partition on brokers 1 to 3, all in sync, led by the first; of brokers 1 to 5 all are alive but those in `fenced`. */
function changed(
  parts: Partial<PartitionImage>,
  wanted: WantedChange,
  { rules = PLAIN, fenced = [] as readonly number[] } = {},
) {
  const replicas = parts.replicas ?? [1, 2, 3]
  const before = { ...newPartition(replicas, replicas, replicas.map(directory)), ...parts }
  return changeOf(before, wanted, { rules, brokers: aliveBut(fenced) })
}

test('who may have lost records does not lead while the last leader is awaited', () => {
  const left = { leader: -1, isr: [], lastKnownElr: [1] }
  const unclean = (awaited: number[]) => {
    const rules = { ...KEEPING, isUncleanAllowed: true, awaited: new Set(awaited) }
    return changed(left, { election: 'unclean' }, { rules, fenced: [1] })
  }
  expect(unclean([1])).toBeNull()
  expect(unclean([])).toMatchObject({ leader: 2, isr: [2] })
})

describe('a partition', () => {
  test('that nothing is wanted of does not change', () => {
    expect(changed({}, {})).toBeNull()
    expect(changed({}, { isr: [1, 2, 3] }, { rules: KEEPING })).toBeNull()
    expect(changed({ leader: -1, isr: [3] }, {}, { fenced: [3] })).toBeNull()
  })

  test('whose ISR becomes smaller or larger goes on in its leader epoch', () => {
    expect(changed({}, { isr: [1, 3] })).toEqual({ isr: [1, 3] })
    expect(changed({ isr: [1] }, { isr: [1, 2] })).toEqual({ isr: [1, 2] })
  })

  test('whose leader leaves the ISR, or can not lead, is led by the next of its replicas in sync', () => {
    expect(changed({}, { isr: [2, 3] })).toEqual({ leader: 2, isr: [2, 3] })
    expect(changed({ replicas: [1, 3, 2] }, {}, { fenced: [1] })).toEqual({ leader: 3 })
    const lost = { directories: [LOST_DIRECTORY, directory(2), directory(3)] }
    expect(changed({}, lost)).toEqual({ leader: 2, ...lost })
  })

  test('that nobody can lead without loss has no leader, and the last one stays in sync', () => {
    expect(changed({ isr: [1] }, { isr: [] }, { fenced: [1] })).toEqual({ leader: -1 })
    expect(changed({ isr: [1] }, { isr: [], election: 'online' }, { fenced: [1] })).toEqual({
      leader: -1,
    })
  })

  test('gets its leader back when that is in sync', () => {
    expect(changed({ leader: -1, isr: [3] }, {})).toEqual({ leader: 3 })
  })
})

describe('an unclean election', () => {
  const unclean = { election: 'unclean' } as const

  test('takes whom it can without loss', () => {
    expect(changed({ isr: [1, 3] }, { ...unclean, isr: [3] })).toEqual({ leader: 3, isr: [3] })
  })

  test('takes the first replica that can lead where none can without loss, and says that it has to recover', () => {
    expect(changed({ isr: [1] }, { ...unclean, isr: [] }, { fenced: [1] })).toEqual({
      leader: 2,
      isr: [2],
      leaderRecoveryState: 1,
    })
    const again = { leader: -1, isr: [1], leaderRecoveryState: 1 }
    expect(changed(again, unclean, { fenced: [1, 2] })).toEqual({ leader: 3, isr: [3] })
  })

  test('finds nobody where all are down', () => {
    expect(changed({ leader: -1, isr: [1] }, unclean, { fenced: [1, 2, 3] })).toBeNull()
  })
})

describe('a leader that was elected without being in sync', () => {
  test('says that it is whole with the ISR', () => {
    const before = { isr: [1], leaderRecoveryState: 1 }
    expect(changed(before, { isr: [1, 2], leaderRecoveryState: 0 })).toEqual({
      isr: [1, 2],
      leaderRecoveryState: 0,
    })
    expect(changed(before, { isr: [1], leaderRecoveryState: 1 })).toBeNull()
  })
})

describe('the preferred election', () => {
  const preferred = { election: 'preferred' } as const

  test('gives the lead to the first of the replicas where it is in sync', () => {
    expect(changed({ leader: 2 }, preferred)).toEqual({ leader: 1 })
    expect(changed({ leader: 2, isr: [2, 3] }, preferred)).toBeNull()
    expect(changed({ leader: 2 }, preferred, { fenced: [1] })).toBeNull()
  })
})

// KIP-966.
describe('who is eligible to lead', () => {
  const keeping = (fenced: readonly number[] = []) => ({ rules: KEEPING, fenced })

  test('is who leaves an ISR that becomes smaller than min.insync.replicas', () => {
    expect(changed({}, { isr: [1, 3] }, keeping())).toEqual({ isr: [1, 3] })
    expect(changed({ isr: [1, 2] }, { isr: [1] }, keeping())).toEqual({
      isr: [1],
      eligibleLeaderReplicas: [2],
    })
    expect(changed({}, { isr: [1] }, keeping())).toEqual({
      isr: [1],
      eligibleLeaderReplicas: [2, 3],
    })
  })

  test('stays so as long as the ISR is too small, and no longer', () => {
    const before = { isr: [1], eligibleLeaderReplicas: [2] }
    expect(changed(before, { isr: [1, 3] }, keeping())).toEqual({
      isr: [1, 3],
      eligibleLeaderReplicas: [],
    })
    const three = { rules: { ...KEEPING, minInsyncReplicas: 3 } }
    expect(changed(before, { isr: [1, 2] }, three)).toEqual({
      isr: [1, 2],
      eligibleLeaderReplicas: [],
    })
    expect(changed(before, { isr: [1, 3] }, three)).toEqual({ isr: [1, 3] })
  })

  test('leads where nobody is in sync, alone in sync then', () => {
    expect(changed({ isr: [1], eligibleLeaderReplicas: [2] }, { isr: [] }, keeping([1]))).toEqual({
      leader: 2,
      isr: [2],
      eligibleLeaderReplicas: [1],
    })
    const left = { leader: -1, isr: [], eligibleLeaderReplicas: [3, 2], lastKnownElr: [1] }
    expect(changed(left, {}, keeping([1, 2]))).toEqual({
      leader: 3,
      isr: [3],
      eligibleLeaderReplicas: [2],
      lastKnownElr: [],
    })
  })

  test('does not lead before who is in sync', () => {
    const before = { leader: -1, isr: [1], eligibleLeaderReplicas: [2] }
    expect(changed(before, {}, keeping([1]))).toBeNull()
  })

  test('is not who has lost what it had not flushed, nor who is no replica any more', () => {
    expect(changed({ isr: [1] }, { isr: [], lost: [1] }, keeping([1]))).toEqual({
      leader: -1,
      isr: [],
      lastKnownElr: [1],
    })
    const kept = { isr: [1], eligibleLeaderReplicas: [2, 3] }
    expect(changed(kept, { lost: [2] }, keeping())).toEqual({ eligibleLeaderReplicas: [3] })
    const two = { replicas: [1, 2], addingReplicas: [], removingReplicas: [] }
    expect(changed(kept, { assignment: two }, keeping())).toEqual({
      leader: 1,
      replicas: [1, 2],
      directories: [directory(1), directory(2)],
      eligibleLeaderReplicas: [2],
    })
  })

  test('may still lead, and is forgotten, in a cluster that keeps nobody any more', () => {
    expect(changed({ leader: -1, isr: [], eligibleLeaderReplicas: [2, 3] }, {})).toEqual({
      leader: 2,
      isr: [2],
      eligibleLeaderReplicas: [],
    })
    expect(changed({ isr: [1], eligibleLeaderReplicas: [2] }, { isr: [1] })).toEqual({
      eligibleLeaderReplicas: [],
    })
  })
})

// KIP-966.
describe('who led last', () => {
  const left = { leader: -1, isr: [], lastKnownElr: [2] }

  test('is kept when nobody is in sync any more, until somebody leads', () => {
    const emptied = changed({ isr: [1] }, { isr: [] }, { rules: KEEPING, fenced: [1] })
    expect(emptied).toEqual({
      leader: -1,
      isr: [],
      eligibleLeaderReplicas: [1],
      lastKnownElr: [1],
    })
    // It died before the cluster kept anybody, and left the ISR when it came back.
    const leaderless = { leader: -1, isr: [1] }
    const lost = { isr: [], lost: [1] }
    expect(changed(leaderless, lost, { rules: KEEPING, fenced: [1] })).toEqual({
      isr: [],
      lastKnownElr: [1],
    })
    // It has led on while nobody was in sync any more.
    const alone = { isr: [], eligibleLeaderReplicas: [1] }
    expect(changed(alone, {}, { rules: KEEPING, fenced: [1] })).toEqual({
      leader: -1,
      lastKnownElr: [1],
    })
    // Nobody knows who of them has led.
    const two = { leader: -1, isr: [1, 2] }
    expect(changed(two, { isr: [] }, { rules: KEEPING, fenced: [1, 2] })).toEqual({
      isr: [],
      eligibleLeaderReplicas: [1, 2],
    })
  })

  test('leads where nobody else can be trusted, whatever the settings say, and has to recover', () => {
    expect(changed(left, {}, { rules: KEEPING })).toEqual({
      leader: 2,
      isr: [2],
      lastKnownElr: [],
      leaderRecoveryState: 1,
    })
  })

  test('does not lead when it is down, or one of several, or in a cluster that keeps nobody', () => {
    expect(changed(left, {}, { rules: KEEPING, fenced: [2] })).toBeNull()
    expect(changed({ ...left, lastKnownElr: [2, 3] }, {}, { rules: KEEPING })).toBeNull()
    expect(changed(left, {})).toBeNull()
  })
})

// KIP-455.
describe('a reassignment', () => {
  const moving = {
    replicas: [4, 5, 1, 2, 3],
    addingReplicas: [4, 5],
    removingReplicas: [1, 2, 3],
    isr: [1, 2, 3],
    leader: 1,
  }

  test('is done when all that are to stay are in sync, in a new epoch, led by one of them', () => {
    expect(changed(moving, { isr: [1, 2, 3, 4] })).toEqual({ isr: [1, 2, 3, 4] })
    expect(changed(moving, { isr: [1, 2, 4, 5] })).toEqual({
      leader: 4,
      isr: [4, 5],
      replicas: [4, 5],
      directories: [directory(4), directory(5)],
      addingReplicas: [],
      removingReplicas: [],
    })
  })

  test('that leaves the leader where it is begins a new epoch, which tells those that go', () => {
    const fewer = { replicas: [1, 2, 3], addingReplicas: [], removingReplicas: [3] }
    expect(changed({}, { assignment: fewer })).toEqual({
      leader: 1,
      isr: [1, 2],
      replicas: [1, 2],
      directories: [directory(1), directory(2)],
    })
  })

  test('gives new replicas the directory of their broker, or leaves it to that', () => {
    const more = { replicas: [1, 2, 3, 4, 9], addingReplicas: [4, 9], removingReplicas: [] }
    expect(changed({}, { assignment: more })).toEqual({
      replicas: more.replicas,
      addingReplicas: [4, 9],
      directories: [...[1, 2, 3, 4].map(directory), UNASSIGNED_DIRECTORY],
    })
  })

  test('to another order of the same replicas changes neither leader nor epoch', () => {
    const other = { replicas: [3, 2, 1], addingReplicas: [], removingReplicas: [] }
    expect(changed({}, { assignment: other })).toEqual({
      replicas: [3, 2, 1],
      directories: [3, 2, 1].map(directory),
    })
  })
})
