import type { Mutant } from './mutant.ts'

/** Of what a machine says of a process that has ended. */
export const mutants: readonly Mutant[] = [
  {
    file: 'src/peer/ended-process.ts',
    text: "(await dialUnlessEnding(host, place, DIAL_MS)) !== 'refused'",
    replacement: "(await dialUnlessEnding(host, place, DIAL_MS)) === 'accepted'",
    about: 'A broker on a machine that is cut off is fenced as if it had ended.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: 'return again === null ? null : `${again} accepts connections again`',
    replacement: 'return null',
    about: 'A broker is fenced though its port is used again, maybe by itself.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: "(await dial(host, place, limitMs)) === 'accepted'",
    replacement: "(await dial(host, place, limitMs)) !== 'refused'",
    about: 'Clients wait nine seconds where a container has gone with its process.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: "if (dialled !== 'ended' || dials === MOST_DIALS) return dialled",
    replacement: 'return dialled',
    about:
      'A broker that is killed keeps its session now and then: its port was still being closed when it was dialled.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/peer/ended-process.ts',
    text: "(await dialUnlessEnding(host, place, DIAL_MS)) !== 'refused'",
    replacement: "!['refused', 'ended'].includes(await dialUnlessEnding(host, place, DIAL_MS))",
    about: 'A broker behind a proxy is fenced as soon as that has ended a connection.',
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
    text: 'Math.min(Math.max(timeoutMs, LEAST_SECOND_DIAL_MS), DIAL_MS)',
    replacement: 'LEAST_SECOND_DIAL_MS',
    about: 'A broker far away that is restarted has no time to accept.',
    killedBy: ['quorum/wire/leader-watch'],
  },
]
