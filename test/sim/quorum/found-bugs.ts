import type { Mutant } from '../../mutants/mutant.ts'
import type { QuorumRule } from './history.ts'
import { DEFAULT_TIMEOUTS } from '../../../src/quorum/types.ts'
import type { QuorumFault, QuorumSchedule } from './faults.ts'

/** A deliberate bug that breaks a rule, and faults that show it. */
export interface FoundBug {
  readonly rule: QuorumRule
  readonly bug: Mutant
  readonly seed: number
  readonly schedule: QuorumSchedule
}

const killedBy = ['sim/quorum/bugs']

/** Faults that come again and again to a quorum of three whose voters stand in the settings. */
const again = (
  timeouts: QuorumSchedule['timeouts'],
  everyMs: number,
  fault: (atMs: number) => QuorumFault,
): QuorumSchedule => ({
  nodes: 'drivers',
  durationMs: 28_000,
  timeouts,
  isDynamic: false,
  voters: 3,
  observers: 0,
  maxIdleIntervalMs: 0,
  faults: Array.from({ length: Math.floor(24_000 / everyMs) }, (_, index) =>
    fault(2000 + everyMs * index),
  ),
})

/** What a search drew: voters come, go and lose their disks, while others crash and are cut off. */
const CHANGES_AND_CRASHES: QuorumSchedule = {
  nodes: 'drivers',
  durationMs: 40000,
  timeouts: { electionTimeoutMs: 40, fetchTimeoutMs: 700 },
  isDynamic: true,
  voters: 3,
  observers: 0,
  maxIdleIntervalMs: 0,
  faults: [
    { atMs: 944, type: 'join', node: 0 },
    { atMs: 3087, type: 'cut', node: 'leader', way: 'from', forMs: 6951 },
    { atMs: 4123, type: 'slow disk', node: 0, factor: 9, forMs: 512 },
    { atMs: 5011, type: 'join', node: 0 },
    { atMs: 5787, type: 'join', node: 2 },
    { atMs: 5975, type: 'remove', node: 'leader' },
    { atMs: 7491, type: 'remove', node: 'leader' },
    { atMs: 7793, type: 'cut', node: 'leader', way: 'both', forMs: 106 },
    { atMs: 8369, type: 'power', node: 2, survives: 'torn', downMs: 3765 },
    { atMs: 9152, type: 'wipe', node: 'leader', downMs: 964 },
    { atMs: 9346, type: 'stop', node: 'leader', downMs: 2109 },
    { atMs: 10416, type: 'join', node: 2 },
    { atMs: 13621, type: 'clock', node: 'leader', byMs: -57506239 },
    { atMs: 16620, type: 'cut', node: 'leader', way: 'from', forMs: 6729 },
    { atMs: 20248, type: 'clock', node: 'leader', byMs: -53711543 },
    { atMs: 21323, type: 'power', node: 1, survives: 'lost', downMs: 5435 },
    { atMs: 22142, type: 'clock', node: 'leader', byMs: 17273216 },
    { atMs: 22469, type: 'stop', node: 1, downMs: 4326 },
    { atMs: 24471, type: 'loss', perMillion: 60463, forMs: 4043 },
    { atMs: 25104, type: 'power', node: 0, survives: 'scattered', downMs: 1980 },
    { atMs: 26154, type: 'wipe', node: 2, downMs: 1133 },
    { atMs: 26216, type: 'join', node: 2 },
    { atMs: 26588, type: 'move', node: 1, port: 9550 },
    { atMs: 28613, type: 'move', node: 1, port: 9404 },
    { atMs: 30024, type: 'clock', node: 'leader', byMs: -4207260 },
    { atMs: 31699, type: 'move', node: 1, port: 9428 },
    { atMs: 31930, type: 'cut', node: 'leader', way: 'both', forMs: 3615 },
    { atMs: 32377, type: 'clock', node: 'leader', byMs: 58550258 },
    { atMs: 33116, type: 'join', node: 2 },
    { atMs: 34043, type: 'remove', node: 0 },
    { atMs: 34785, type: 'move', node: 2, port: 9833 },
    { atMs: 36688, type: 'slow disk', node: 2, factor: 45, forMs: 2556 },
    { atMs: 37421, type: 'kill', node: 'leader', downMs: 5511 },
    { atMs: 37450, type: 'loss', perMillion: 273476, forMs: 4269 },
    { atMs: 37567, type: 'kill', node: 2, downMs: 704 },
    { atMs: 38101, type: 'loss', perMillion: 234581, forMs: 2129 },
  ],
}

export const foundBugs: readonly FoundBug[] = [
  {
    rule: 'one vote an epoch',
    bug: {
      file: 'src/quorum/election.ts',
      text: "return reply('NONE', upToDate && isKeyOf(candidate, role.votedFor))",
      replacement: "return reply('NONE', upToDate)",
      about: 'a node votes for everybody who asks',
      killedBy,
    },
    seed: 3,
    // The two others stand at the same moment, and who was the leader is back by then.
    schedule: again({ electionTimeoutMs: 40, fetchTimeoutMs: 700 }, 900, (atMs) => ({
      atMs,
      type: 'kill',
      node: 'leader',
      downMs: 20,
    })),
  },
  {
    rule: 'log matching',
    bug: {
      file: 'src/quorum/rules.ts',
      text: 'if (known.epoch === lastFetchedEpoch && known.offset >= fetchOffset) return null',
      replacement: 'if (known.epoch >= 0) return null',
      about: 'a follower goes on behind records that its leader never had',
      killedBy,
    },
    seed: 5,
    // What the leader appends meanwhile nobody else has.
    schedule: again(DEFAULT_TIMEOUTS, 6000, (atMs) => ({
      atMs,
      type: 'cut',
      node: 'leader',
      way: 'both',
      forMs: 4500,
    })),
  },
  {
    rule: 'one leader an epoch',
    bug: {
      file: 'src/quorum/raft-state.ts',
      text: 'return Math.floor(this.voters.length / 2) + 1',
      replacement: 'return Math.floor(this.voters.length / 2)',
      about: 'fewer than half of the votes are enough',
      killedBy,
    },
    seed: 6,
    schedule: {
      nodes: 'drivers',
      durationMs: 40000,
      timeouts: { electionTimeoutMs: 1000, fetchTimeoutMs: 2000 },
      isDynamic: true,
      voters: 3,
      observers: 0,
      maxIdleIntervalMs: 500,
      faults: [
        { atMs: 1349, type: 'stop', node: 1, downMs: 2737 },
        { atMs: 1354, type: 'remove', node: 0 },
        { atMs: 2546, type: 'move', node: 1, port: 9822 },
        { atMs: 3189, type: 'slow disk', node: 0, factor: 40, forMs: 86 },
        { atMs: 3936, type: 'kill', node: 1, downMs: 519 },
        { atMs: 7756, type: 'cut', node: 'leader', way: 'to', forMs: 6753 },
        { atMs: 8304, type: 'cut', node: 1, way: 'from', forMs: 2384 },
        { atMs: 11495, type: 'cut', node: 'leader', way: 'both', forMs: 7462 },
        { atMs: 13086, type: 'power', node: 'leader', survives: 'torn', downMs: 1559 },
        { atMs: 13257, type: 'power', node: 'leader', survives: 'torn', downMs: 993 },
        { atMs: 15952, type: 'slow disk', node: 0, factor: 87, forMs: 1643 },
        { atMs: 19099, type: 'cut', node: 'leader', way: 'to', forMs: 3841 },
        { atMs: 26660, type: 'join', node: 1 },
        { atMs: 28352, type: 'power', node: 0, survives: 'scattered', downMs: 5296 },
        { atMs: 28412, type: 'cut', node: 1, way: 'to', forMs: 7233 },
        { atMs: 28680, type: 'wipe', node: 'leader', downMs: 1893 },
        { atMs: 31293, type: 'cut', node: 'leader', way: 'to', forMs: 1684 },
        { atMs: 32103, type: 'move', node: 1, port: 9696 },
        { atMs: 34148, type: 'power', node: 1, survives: 'reordered', downMs: 5272 },
        { atMs: 37890, type: 'power', node: 2, survives: 'scattered', downMs: 5686 },
      ],
    },
  },
  {
    rule: 'leader completeness',
    bug: {
      file: 'src/quorum/election.ts',
      text: 'const upToDate = !isAhead(state.log.end, { offset: lastOffset, epoch: lastEpoch })',
      replacement: 'const upToDate = lastOffset >= 0 && lastEpoch >= 0',
      about: 'a candidate that lacks committed records is elected',
      killedBy,
    },
    seed: 2,
    schedule: CHANGES_AND_CRASHES,
  },
  {
    rule: 'nothing committed is lost',
    bug: {
      file: 'src/quorum/quorum.ts',
      text: '      this.#own.add(batch, index === parts.length - 1 ? done : null)\n',
      replacement:
        '      this.#own.add(batch, null)\n      if (index === parts.length - 1) done(null)\n',
      about: 'what is not written yet is acknowledged',
      killedBy,
    },
    seed: 2,
    schedule: CHANGES_AND_CRASHES,
  },
  {
    rule: 'equal states at equal offsets',
    bug: {
      file: 'src/quorum/committed-reader.ts',
      text: '        records += this.#deliver(own.batch)\n',
      replacement: '        this.#deliveredTo = own.nextOffset\n',
      about: 'a leader does not tell its own state machine what it has committed',
      killedBy,
    },
    seed: 2,
    schedule: CHANGES_AND_CRASHES,
  },
  {
    rule: 'liveness',
    bug: {
      file: 'src/quorum/raft-state.ts',
      text: 'return (this.isVoter && this.newcomer === null) || this.isLeaving',
      replacement: 'return this.isVoter && this.newcomer === null',
      about: 'who has removed itself does not stand, though the others lack that record',
      killedBy,
    },
    seed: 17,
    schedule: {
      nodes: 'drivers',
      durationMs: 40000,
      timeouts: { electionTimeoutMs: 1000, fetchTimeoutMs: 2000 },
      isDynamic: true,
      voters: 3,
      observers: 0,
      maxIdleIntervalMs: 500,
      faults: [
        { atMs: 2253, type: 'slow disk', node: 'leader', factor: 34, forMs: 1888 },
        { atMs: 2929, type: 'cut', node: 'leader', way: 'from', forMs: 7062 },
        { atMs: 4654, type: 'cut', node: 'leader', way: 'to', forMs: 5795 },
        { atMs: 4808, type: 'join', node: 1 },
        { atMs: 11468, type: 'remove', node: 'leader' },
        { atMs: 12088, type: 'power', node: 2, survives: 'torn', downMs: 1211 },
        { atMs: 21644, type: 'join', node: 1 },
        { atMs: 21805, type: 'wipe', node: 'leader', downMs: 1448 },
        { atMs: 25578, type: 'remove', node: 0 },
        { atMs: 26369, type: 'join', node: 1 },
        { atMs: 26763, type: 'power', node: 1, survives: 'lost', downMs: 3357 },
        { atMs: 29288, type: 'remove', node: 2 },
        { atMs: 29411, type: 'cut', node: 'leader', way: 'both', forMs: 2306 },
        { atMs: 29521, type: 'power', node: 1, survives: 'lost', downMs: 4890 },
        { atMs: 29983, type: 'move', node: 1, port: 9075 },
        { atMs: 30516, type: 'join', node: 2 },
        { atMs: 31470, type: 'wipe', node: 'leader', downMs: 197 },
        { atMs: 35520, type: 'remove', node: 0 },
        { atMs: 35792, type: 'remove', node: 0 },
        { atMs: 36430, type: 'join', node: 1 },
      ],
    },
  },
]
