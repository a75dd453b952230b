import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/metadata/node.ts',
    text: 'leading: () => this.#takeOffice(),',
    replacement: 'leading: () => undefined,',
    about:
      'A node of several that wins an election never takes a command: the cluster has no controller.',
    killedBy: ['metadata/controller/office'],
  },
  {
    file: 'src/metadata/node.ts',
    text: 'resigned: () => this.#office.leave(),',
    replacement: 'resigned: () => undefined,',
    about: 'A node that leads no longer goes on deciding, from an image that is no longer right.',
    killedBy: ['metadata/controller/office'],
  },
  {
    file: 'src/metadata/node.ts',
    text: 'beforeVoters: () => this.#office.flush(),',
    replacement: 'beforeVoters: () => undefined,',
    about:
      'A broker that registers as the voters change has an epoch that no controller to come knows.',
    killedBy: ['metadata/voters'],
  },
  {
    file: 'src/metadata/controller/controller.ts',
    text: '      nextOffset,\n      now,',
    replacement: '      nextOffset: this.#nextOffset,\n      now,',
    about: 'After a change of the voters the next broker that registers ends the controller.',
    killedBy: ['metadata/voters'],
  },
  {
    file: 'src/metadata/controller/office.ts',
    text: '    if (cause instanceof NotLeaderError) return\n',
    replacement: '',
    about: 'A controller that loses the lead with a change under way ends its process.',
    killedBy: ['metadata/controller/office'],
  },
  {
    file: 'src/metadata/controller/office.ts',
    text: 'this.#failed(cause instanceof Error ? cause : error)',
    replacement: '',
    about: 'A controller whose disk fails takes no command any more, and nobody is told.',
    killedBy: [],
    equivalent: 'A log that fails says so itself, too; what remains are bugs of the controller.',
  },
  {
    file: 'src/metadata/loader.ts',
    text: '    this.#replay.loadSnapshot(id, snapshot)\n    this.#build()',
    replacement: '    this.#replay.loadSnapshot(id, snapshot)',
    about: 'A snapshot from the leader counts only from the next change on, which may be far off.',
    killedBy: ['metadata/loader'],
  },
  {
    file: 'src/metadata/loader.ts',
    text: 'if (isBootstrap(id)) return',
    replacement: '',
    about:
      'A cluster begins with an image that its log knows nothing of, and its log never gets it.',
    killedBy: ['metadata/node'],
  },
  {
    file: 'src/metadata/replay.ts',
    text: 'return isWhole && before !== EMPTY_IMAGE ? differenceOf(before, image) : delta',
    replacement: 'return delta',
    about: 'Topics that were deleted while a broker was cut off stay on it for ever.',
    killedBy: ['metadata/loader'],
  },
  {
    file: 'src/metadata/replay.ts',
    text: '    this.#builder = null\n    this.#isWhole = false\n',
    replacement: '    this.#builder = null\n',
    about:
      'After a snapshot each batch is compared with the whole image: a change takes as long as the cluster is large.',
    killedBy: [],
    equivalent: 'It only takes longer.',
  },
  {
    file: 'src/metadata/image-difference.ts',
    text: 'else if (!isSame(old.partitions, topic.partitions)) changedTopics.push(topic)',
    replacement: 'else changedTopics.push(topic)',
    about: 'A snapshot has a broker look at each partition anew, though nothing of it changed.',
    killedBy: ['metadata/loader'],
  },
  {
    file: 'src/metadata/image-difference.ts',
    text: '  for (const key of before.keys()) if (!after.has(key)) changed.push(key)\n',
    replacement: '',
    about: 'Settings that were taken back while a broker was cut off go on there.',
    killedBy: ['metadata/loader'],
  },
  {
    file: 'src/metadata/image-difference.ts',
    text: '  if (entries.length !== Object.keys(right).length) return false\n',
    replacement: '',
    about: 'Partitions that were added while a broker was cut off are not made there.',
    killedBy: ['metadata/loader'],
  },
  {
    file: 'src/metadata/image-difference.ts',
    text: 'if (old === undefined || !isEqual(old, after.get(key)!)) changed.push(key)',
    replacement: 'if (old === undefined) changed.push(key)',
    about: 'Settings that were changed while a broker was cut off keep their old values there.',
    killedBy: ['metadata/loader'],
  },
]
