import { rooms } from '../../mutants/all.ts'
import type { Mutant } from '../../mutants/mutant.ts'
import type { Fault, Schedule } from '../faults.ts'
import { plainLayout } from '../topology.ts'

/** A deliberate bug, how a simulation says what it breaks, and faults that show it. */
export interface FoundBug {
  /** Words of the failure. */
  readonly shown: string
  readonly bug: Mutant
  readonly schedule: Schedule
  /** So many seeds may pass before one shows it: with other code the same faults come at other moments. */
  readonly seeds?: number
}

/** The deliberate bug that is told in this sentence. */
function told(about: string): Mutant {
  const found = Object.values(rooms)
    .flat()
    .filter((bug) => bug.about === about)
  if (found.length !== 1) throw new Error(`${found.length} deliberate bugs are told so: ${about}`)
  return found[0]!
}

const NODE = 1
/** As by default: whoever is fenced within seconds was not silent for so long. */
const WHOLE_SESSION = { 'broker.session.timeout.ms': '9000' }
const one = { layout: plainLayout(3), settings: WHOLE_SESSION } as const
const at = (atMs: number, fault: object, node: Fault['node'] = NODE): Fault =>
  ({ atMs, node, ...fault }) as Fault

/** It says nothing, and whoever dials is refused; nobody says that its connections have ended. */
const SILENT_AND_REFUSING: Schedule = {
  ...one,
  durationMs: 10_000,
  settings: { ...WHOLE_SESSION, 'connections.max.idle.ms': '1500' },
  faults: [at(4000, { type: 'refuse', forMs: 5000 }), at(4000, { type: 'pause', forMs: 5000 })],
}

/** The kernel closes what a process had open that was killed: its ports last. */
const PORTS_LAST: Schedule = {
  ...one,
  durationMs: 14_000,
  noticedWithinMs: 1500,
  faults: [0, 1, 2].map((node) =>
    at(2000 + 4000 * node, { type: 'kill', downMs: 2500, portsMs: 30 }, node),
  ),
}

/** In its second life nobody can connect to it from the first moment on. */
const NEVER_REACHED: Schedule = {
  ...one,
  durationMs: 11_000,
  faults: [
    at(2000, { type: 'kill', downMs: 300 }),
    at(2000, { type: 'refuse', forMs: 8000 }),
    at(7000, { type: 'pause', forMs: 3000 }),
    at(7050, { type: 'break' }),
  ],
}

/** Its connections break, and then there is nothing on the way to it. */
const BROKEN_AND_CUT: Schedule = {
  ...one,
  durationMs: 9000,
  faults: [at(4000, { type: 'break' }), at(4000, { type: 'cut', way: 'both', forMs: 4000 })],
}

/** Its connections break, and its port refuses for a moment; it stands still meanwhile. */
const REFUSED_ONCE: Schedule = {
  ...one,
  durationMs: 8000,
  faults: [
    at(3990, { type: 'pause', forMs: 2500 }),
    at(4000, { type: 'refuse', forMs: 80 }),
    at(4000, { type: 'break' }),
  ],
}

/** Its connections break, its port refuses, and it goes on. */
const BROKEN_AND_REFUSING: Schedule = {
  ...one,
  durationMs: 8000,
  faults: [at(4000, { type: 'refuse', forMs: 2500 }), at(4000, { type: 'break' })],
}

const COPIED: Schedule = {
  ...one,
  durationMs: 9000,
  faults: [at(3000, { type: 'copy', forMs: 5000 })],
}

/** One broker dies again and again. */
const DIES_OFTEN: Schedule = {
  ...one,
  durationMs: 18_000,
  faults: [0, 1, 2, 3].map((turn) => at(2500 + 3500 * turn, { type: 'kill', downMs: 300 })),
}

/** Whoever leads alone dies, and comes back before its session would be over. */
const LAST_IN_SYNC: Schedule = {
  ...one,
  durationMs: 16_000,
  settings: {
    ...WHOLE_SESSION,
    'unclean.leader.election.enable': 'true',
    'min.insync.replicas': '1',
  },
  faults: [
    ...[0, 2].map((peer) => at(2000, { type: 'cut', way: 'both', peer, forMs: 9000 })),
    at(10_900, { type: 'kill', downMs: 3000 }),
  ],
}

/** A broker dies soon after a controller has taken office, which has not heard of it by a heartbeat in its turn. */
const TAKEN_OVER: Schedule = {
  layout: { combined: 0, brokers: 3, controllers: 3 },
  settings: { ...WHOLE_SESSION, 'broker.heartbeat.interval.ms': '2000' },
  durationMs: 7000,
  noticedWithinMs: 2000,
  faults: [
    at(2000, { type: 'kill', downMs: 5000 }, 'controller'),
    at(3400, { type: 'kill', downMs: 3000, portsMs: 3 }, 0),
  ],
}

/** In its second life nobody can connect to it: when that ends, the third one is all that tells. */
const BACK_AT_ONCE: Schedule = {
  ...one,
  durationMs: 8000,
  servesWithinMs: 3000,
  faults: [
    at(2000, { type: 'kill', downMs: 300 }),
    at(2000, { type: 'refuse', forMs: 4000 }),
    at(4500, { type: 'kill', downMs: 20 }),
  ],
}

/** A combined node: the broker that is the active controller, too. Of the voters that are left none may have been removed by then. */
const CONTROLLER_DIES: Schedule = {
  layout: { combined: 3, brokers: 0, controllers: 0 },
  settings: WHOLE_SESSION,
  durationMs: 9000,
  noticedWithinMs: 3000,
  faults: [at(4000, { type: 'kill', downMs: 4000 }, 'controller')],
}

/** The host of the active controller goes with its process, as a container's does, before anybody can have taken its place. */
const CONTROLLER_WITH_HOST: Schedule = {
  layout: { combined: 3, brokers: 0, controllers: 0 },
  settings: WHOLE_SESSION,
  durationMs: 6500,
  noticedWithinMs: 700,
  faults: [
    at(3000, { type: 'kill', downMs: 3000 }, 'controller'),
    at(3030, { type: 'cut', way: 'both', forMs: 2900 }, 'controller'),
  ],
}

/**
 * Of each broker in turn nothing is heard any more, while it still takes what clients send; until these have gone on with
 * another leader, and that has more than the first one.
 */
export const DIVERGING: Schedule = {
  durationMs: 33_000,
  layout: plainLayout(3),
  faults: [0, 1, 2].map((node): Fault => ({
    atMs: 2000 + 10_000 * node,
    type: 'cut',
    way: 'from broker',
    forMs: 8000,
    node,
  })),
}

/** Of each broker in turn the others have nothing any more, while its clients go on; before they leave the ISR, it is killed. */
const ALONE_AND_KILLED: Schedule = {
  durationMs: 17_000,
  layout: plainLayout(3),
  faults: [0, 1, 2].flatMap((node) => [
    ...[0, 1, 2].flatMap((peer) =>
      peer === node
        ? []
        : [at(2000 + 5000 * node, { type: 'cut', way: 'both', peer, forMs: 1500 }, node)],
    ),
    at(3400 + 5000 * node, { type: 'kill', downMs: 2000 }, node),
  ]),
}

/** What was acknowledged, or read, is no more: something else stands there. */
const CONTENTS = ', and now it is'

export const foundBugs: readonly FoundBug[] = [
  {
    shown: 'ended by its machine: ',
    bug: told('A way that is cut for a while costs its broker its leadership.'),
    schedule: SILENT_AND_REFUSING,
  },
  {
    shown: 'proven: ',
    bug: told('A broker is fenced though nobody has ever reached it where it says it is.'),
    schedule: NEVER_REACHED,
  },
  {
    shown: 'refused twice: ',
    bug: told('A broker on a machine that is cut off is fenced as if it had ended.'),
    schedule: BROKEN_AND_CUT,
  },
  {
    shown: 'refused twice: ',
    bug: told('A broker is fenced though its port is used again, maybe by itself.'),
    schedule: REFUSED_ONCE,
  },
  {
    shown: 'noticed: ',
    bug: told(
      'A broker that is killed keeps its session now and then: its port was still being closed when it was dialled.',
    ),
    schedule: PORTS_LAST,
  },
  {
    shown: 'one process a broker: ',
    bug: told("A copy of a broker's directory takes the place of the broker that lives."),
    schedule: COPIED,
  },
  {
    shown: 'not heard of since: ',
    bug: told('A broker that is alive is fenced, though it has been heard of since.'),
    schedule: BROKEN_AND_REFUSING,
  },
  {
    shown: 'three times in ten minutes: ',
    bug: told(
      'A broker whose ports are closed to its controllers is fenced every few seconds, for ever.',
    ),
    schedule: DIES_OFTEN,
  },
  {
    shown: CONTENTS,
    bug: told('Who lacks records leads at once where a broker was only thought dead.'),
    schedule: LAST_IN_SYNC,
  },
  {
    shown: 'noticed: ',
    bug: told(
      'A broker that is killed in the first seconds of a new controller keeps its session.',
    ),
    schedule: TAKEN_OVER,
  },
  {
    shown: 'serves again: ',
    bug: told(
      'A broker that is started again at once is refused until its former session is over.',
    ),
    schedule: BACK_AT_ONCE,
  },
  {
    shown: 'noticed: ',
    bug: told(
      'A leader that dies together with the active controller is noticed when its session is over.',
    ),
    schedule: CONTROLLER_DIES,
  },
  {
    shown: 'noticed: ',
    bug: told(
      'Where the active controller dies with its host, what its broker led has its whole session.',
    ),
    schedule: CONTROLLER_WITH_HOST,
  },
  {
    shown: CONTENTS,
    bug: told('What the leader alone has is acknowledged, and lost with it.'),
    schedule: ALONE_AND_KILLED,
  },
  {
    shown: CONTENTS,
    bug: told("Consumers read what the other replicas don't have, and may never have."),
    schedule: DIVERGING,
  },
  {
    shown: 'no equal replicas',
    bug: told('A follower that has records which its leader does not have goes on behind them.'),
    schedule: DIVERGING,
  },
  {
    shown: CONTENTS,
    bug: told('An election loses records that no setting has given up.'),
    schedule: { ...LAST_IN_SYNC, settings: { ...WHOLE_SESSION, 'min.insync.replicas': '1' } },
  },
]
