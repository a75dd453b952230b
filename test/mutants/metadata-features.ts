import type { Mutant } from './mutant.ts'

/** Of features and their levels, and of the records that a cluster begins with. */
export const mutants: readonly Mutant[] = [
  {
    file: 'src/metadata/features.ts',
    text: 'const LATEST_METADATA_VERSION = 33',
    replacement: 'const LATEST_METADATA_VERSION = 34',
    about: 'New clusters are at a level that no released Kafka knows, and have no way to Kafka.',
    killedBy: ['system/features', 'metadata/format'],
  },
  {
    file: 'src/metadata/features.ts',
    text: 'const LATEST_METADATA_VERSION = 33',
    replacement: 'const LATEST_METADATA_VERSION = 30',
    about: 'A directory of Kafka 4.4 is refused.',
    killedBy: ['system/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: 'const OLDEST_METADATA_VERSION = 25',
    replacement: 'const OLDEST_METADATA_VERSION = 26',
    about: 'A directory of Kafka 4.0 is refused.',
    killedBy: ['system/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: 'const CORDONED_DIRECTORIES = 30',
    replacement: 'const CORDONED_DIRECTORIES = 31',
    about: 'A cluster of Kafka 4.3 forgets at a restart which directories take no new partitions.',
    killedBy: ['metadata/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: "['share.version', 2]",
    replacement: "['share.version', 1]",
    about: 'A directory that Kafka 4.4 formatted is refused.',
    killedBy: ['system/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: 'const LATEST_TRANSACTION_VERSION = 2',
    replacement: 'const LATEST_TRANSACTION_VERSION = 3',
    about:
      "A feature that nobody knows yet is taken for harmless, and what it needs isn't written.",
    killedBy: ['system/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: 'return level >= 1 && level',
    replacement: 'return level',
    about: 'A feature at a level below 1 counts as kept.',
    killedBy: ['metadata/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: 'if (range !== undefined) checkRange(range, level)\n    else if',
    replacement: 'if',
    about: 'A directory of a newer or older Kafka than can be written is written to.',
    killedBy: ['system/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: 'if (level >= minSupportedVersion && level <= maxSupportedVersion) return',
    replacement: 'if (level > minSupportedVersion && level <= maxSupportedVersion) return',
    about: 'A cluster at the oldest level that is supported is refused.',
    killedBy: ['system/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: 'if ((image.features.get(ELIGIBLE_LEADER_REPLICAS) ?? 0) > 0) checkReplicas(image)',
    replacement: '',
    about:
      'With several replicas nobody writes down who may still lead, and Kafka makes one the leader that lacks records.',
    killedBy: ['metadata/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: 'replicas.length > 1',
    replacement: 'replicas.length > 2',
    about: 'A partition of two replicas passes for one that has nobody else to lead it.',
    killedBy: ['metadata/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: 'return knowsCordoned(features) ? 4 : 3',
    replacement: 'return knowsCordoned(features) ? 4 : 4',
    about: "Kafka 4.2 can't read the metadata log any more, and does not start.",
    killedBy: ['metadata/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: 'if (kraftVersion > 0) levels.set(KRAFT_VERSION, kraftVersion)',
    replacement: 'levels.delete(KRAFT_VERSION)',
    about: "Tools say that voters can't be changed, though they can.",
    killedBy: ['system/features'],
  },
  {
    file: 'src/metadata/features.ts',
    text: '.filter(({ name }) => SUPPORTED_FEATURES.some((feature) => feature.name === name))',
    replacement: '',
    about: "Clients are told of features that aren't served, and use them.",
    killedBy: ['system/features'],
  },
  {
    file: 'src/metadata/bootstrap.ts',
    text: ', `${metadataDirectory}/${OLD_BOOTSTRAP}`]',
    replacement: ']',
    about:
      'A directory that Kafka 4.3 formatted and never started is raised to 4.4, and has no way back.',
    killedBy: ['system/features'],
  },
  {
    file: 'src/metadata/bootstrap.ts',
    text: 'if (records.length > 0) return',
    replacement: 'return',
    about:
      'The levels beside the log are not looked for where Kafka 4.3 left a snapshot with voters alone.',
    killedBy: ['system/features'],
  },
  {
    file: 'src/metadata/bootstrap.ts',
    text: 'const records = recordsOf(features).map(encodeMetadataRecord)',
    replacement: 'const records: Buffer[] = []; void features',
    about: 'Kafka takes its own newest levels for those of a directory that Ottla formatted.',
    killedBy: ['metadata/node', 'metadata/format'],
  },
  {
    file: 'src/metadata/controller/broker-commands.ts',
    text: '(level >= least && level <= most) || isKept(name, level)',
    replacement: '(level >= least && level < most) || isKept(name, level)',
    about:
      'A broker is refused where the cluster is at the newest level that it knows: nothing starts.',
    killedBy: ['metadata/controller/controller', 'system/features'],
  },
  {
    file: 'src/metadata/image-builder.ts',
    text: '        this.#controllers.delete(record.value.controllerId)\n',
    replacement: '',
    about: 'A controller that was unregistered is still told of, and stays in each snapshot.',
    killedBy: ['metadata/snapshot'],
  },
  {
    file: 'src/metadata/image-builder.ts',
    text: 'if (record.value.featureLevel === 0) this.#features.delete(record.value.name)\n        else this',
    replacement: 'this',
    about: 'A feature that was turned off is still said to be there, at level 0.',
    killedBy: ['metadata/snapshot'],
  },
  {
    file: 'src/metadata/node.ts',
    text: '(listSnapshots(host, path)[0]?.offset ?? 0)',
    replacement: '(listSnapshots(host, path).at(-1)?.offset ?? 0)',
    about: 'A restart forgets the epochs that voters who are behind ask for.',
    killedBy: ['metadata/node'],
  },
]
