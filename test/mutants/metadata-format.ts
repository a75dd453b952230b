import type { Mutant } from './mutant.ts'

/** Of what a node's directories begin with. */
export const mutants: readonly Mutant[] = [
  {
    file: 'src/metadata/format.ts',
    text: 'if (hasMetadata && bootstrap !== null) {',
    replacement: 'if (bootstrap !== null) {',
    about: 'Each log directory of a controller gets a metadata log of its own.',
    killedBy: ['bin/storage'],
  },
  {
    file: 'src/metadata/format.ts',
    text: 'const directoryId = agreed ?? randomId(host.random)',
    replacement: 'const directoryId = randomId(host.random); void agreed',
    about:
      'No first controller is the voter that the others know: the quorum never elects anybody.',
    killedBy: ['bin/storage'],
  },
  {
    file: 'src/metadata/format.ts',
    text: 'if (used !== undefined && !options.ignoreFormatted) {',
    replacement: 'if (used === undefined && !options.ignoreFormatted) {',
    about: 'A second format says that it has done something.',
    killedBy: ['bin/storage'],
  },
  {
    file: 'src/metadata/format.ts',
    text: '  checkOwners(directories, { nodeId, clusterId })\n',
    replacement: '',
    about: "Formatting the rest of another cluster's directories mixes two clusters.",
    killedBy: ['bin/storage'],
  },
  {
    file: 'src/metadata/first-levels.ts',
    text: '  if (level === 0) return\n',
    replacement: '',
    about: "What turns a feature off that isn't here is refused.",
    killedBy: ['bin/storage'],
  },
  {
    file: 'src/metadata/first-levels.ts',
    text: 'if (level >= least && level <= most) return level',
    replacement: 'if (level >= least) return level',
    about: 'A cluster begins at a level whose records cannot be written.',
    killedBy: ['bin/storage'],
  },
  {
    file: 'src/metadata/first-levels.ts',
    text: 'const own = isDynamic ? 1 : 0',
    replacement: 'const own = 1',
    about: 'Voters that the settings name are looked for in the log.',
    killedBy: ['bin/storage'],
  },
  {
    file: 'src/metadata/releases.ts',
    text: 'if (metadataVersion >= since)',
    replacement: 'if (metadataVersion > since)',
    about: "A release's feature is left out at the very level that brought it.",
    killedBy: ['metadata/releases'],
  },
  {
    file: 'src/metadata/releases.ts',
    text: 'NAMES.findLastIndex',
    replacement: 'NAMES.findIndex',
    about: 'A cluster for a release begins at a level from before it was done.',
    killedBy: ['metadata/releases'],
  },
  {
    file: 'src/metadata/ids.ts',
    text: 'bytes.readBigUInt64BE(8) >= RESERVED',
    replacement: 'bytes.readBigUInt64BE(8) >= 0n',
    about: 'A directory gets the id that stands for one that is lost.',
    killedBy: ['bin/storage'],
  },
]
