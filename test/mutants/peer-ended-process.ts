import type { Mutant } from './mutant.ts'

/** Of what a machine says of a process that has ended. */
export const mutants: readonly Mutant[] = [
  {
    file: 'src/peer/ended-process.ts',
    text: "({ dialled }) => dialled !== 'refused'",
    replacement: "({ dialled }) => dialled === 'accepted'",
    about: 'A broker on a machine that is cut off is fenced as if it had ended.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: 'if (again < 0) return null',
    replacement: 'if (again < 5) return null',
    about: 'A broker is fenced though its port is used again, maybe by itself.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: "each === 'accepted' || each === 'failed'",
    replacement: "each !== 'refused'",
    about: 'Clients wait nine seconds where a container has gone with its process.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: 'if (!isEnding || dials === MOST_DIALS) return said',
    replacement: 'return said',
    about:
      'A broker that is killed keeps its session now and then: its port was still being closed when it was dialled.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: "({ dialled }) => dialled !== 'refused'",
    replacement: "({ dialled }) => !['refused', 'ended', 'reset'].includes(dialled)",
    about: 'A broker behind a proxy is fenced as soon as that has ended a connection.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: "if (dialled === 'silent' && reset !== null) return",
    replacement: 'if (false) return',
    about:
      'A broker that has gone with its machine keeps its session where its port reset the dial when it was closed.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: "dialled === 'silent' && reset !== null",
    replacement: "dialled !== 'accepted' && reset !== null",
    about: 'A broker behind a proxy is fenced as soon as that has reset two connections.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: "reset = dialled === 'reset' ? said : null",
    replacement: "if (dialled === 'reset') reset = said",
    about: 'A broker that has ended a connection itself is fenced where it is cut off then.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: 'reset === null ? timeoutMs : againLimit(reset.tookMs)',
    replacement: 'timeoutMs',
    about:
      'Clients wait for another second where the machine of a leader is gone by the second dial.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: 'await new Promise<void>((resolve) => void host.clock.after(againMs, resolve))\n',
    replacement: '',
    about: 'A port that is closed for an instant costs a broker its leadership.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: 'Math.min(Math.max(SECOND_DIAL_TIMES * tookMs, LEAST_SECOND_DIAL_MS), DIAL_MS)',
    replacement: 'LEAST_SECOND_DIAL_MS',
    about: 'A broker far away that is restarted has no time to accept.',
    killedBy: ['quorum/wire/leader-watch'],
  },
]
