import type { Mutant } from './mutant.ts'

/** Of what a controller decides on signs that a broker's process has ended. */
export const mutants: readonly Mutant[] = [
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'if (!view.fencesOnEvidence || !isPresent ||',
    replacement: 'if (!isPresent ||',
    about: 'Evidence of dead brokers can not be switched off.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'const isPresent = view.image.brokers.get(brokerId)?.epoch === brokerEpoch',
    replacement: 'const isPresent = view.image.brokers.has(brokerId)',
    about: 'What is seen of a life of a broker that is over has the present one fenced.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'const isSame = broker?.epoch === brokerEpoch && !broker.fenced',
    replacement: 'const isSame = broker !== undefined && !broker.fenced',
    about: 'A broker that has just started again is fenced for the end of its former life.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'const isSame = broker?.epoch === brokerEpoch && !broker.fenced',
    replacement: 'const isSame = broker?.epoch === brokerEpoch',
    about: 'A broker that is fenced is fenced again, and counts as one that often looks dead.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'const isSilent = view.sessions.get(brokerId)?.suspectedAt === suspectedAt',
    replacement: 'const isSilent = view.sessions.get(brokerId)?.suspectedAt !== undefined',
    about: 'A broker is fenced that was heard of while its ports were dialled.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'if (!isSame || !isSilent || !mayEndEarly(view, brokerId)) {',
    replacement: 'if (!isSame || !isSilent) {',
    about:
      'A broker whose ports are closed to its controllers is fenced every few seconds, for ever.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'at.filter((time) => time > now - EARLY_FENCES_MS)',
    replacement: 'at.filter((time) => time <= now)',
    about: 'A broker that has died three times in its life is never fenced early again.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'withoutBroker(early.view, { brokerId, after',
    replacement: 'withoutBroker(view, { brokerId, after',
    about: 'Who lacks records leads at once where a broker was only thought dead.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'before === undefined || lacksLock',
    replacement: 'before === undefined',
    about: 'Two processes on one directory, which nothing keeps apart, take turns as one broker.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'logDirs.length === before.logDirs.length && ',
    replacement: '',
    about:
      'A broker that is there without one of its disks is taken for the proof that its former life is over.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'return isSuspected && hasSame &&',
    replacement: 'return hasSame &&',
    about: "A copy of a broker's directory takes the place of the broker that lives.",
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'return isSuspected && hasSame && (before.fenced || mayEndEarly(view, brokerId))',
    replacement: 'return isSuspected && hasSame',
    about: 'A broker that dies again and again has its partitions move each time.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/evidence-commands.ts',
    text: 'return isSuspected && hasSame && (before.fenced || mayEndEarly(view, brokerId))',
    replacement: 'return isSuspected && hasSame && before.fenced',
    about: 'A broker that is started again at once is refused until its former session is over.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/election-commands.ts',
    text: '{ ...rulesOf(view, topic), awaited: new Set<number>() }',
    replacement: 'rulesOf(view, topic)',
    about: 'An unclean election that an operator asks for is refused for seconds after a kill.',
    killedBy: ['metadata/controller/election-commands'],
  },
  {
    file: 'src/metadata/controller/partition/change.ts',
    text: '...eligibleLeaderReplicas, ...lastKnownElr]',
    replacement: '...eligibleLeaderReplicas]',
    about: 'Who lacks records leads while the last leader comes back from a kill.',
    killedBy: ['metadata/controller/partition/change'],
  },
  {
    file: 'src/metadata/controller/partition/change.ts',
    text: "return isAwaited ? 'online' : 'unclean'",
    replacement: "return 'unclean'",
    about: 'Records are lost for good since a broker was fenced a few seconds too soon.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/heartbeat-commands.ts',
    text: '    suspectedAt: null,\n',
    replacement: '    suspectedAt: view.sessions.get(brokerId)?.suspectedAt ?? null,\n',
    about: 'A broker that is alive is fenced, though it has been heard of since.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
  {
    file: 'src/metadata/controller/heartbeat-commands.ts',
    text: 'if (!view.fencesOnEvidence) continue',
    replacement: 'continue',
    about:
      'A new controller has those lead who lack records, for it does not know that a broker was fenced on evidence.',
    killedBy: ['metadata/controller/evidence-commands'],
  },
]
