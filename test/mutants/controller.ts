import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/controller/registration.ts',
    text: 'return known || !features.has(METADATA_VERSION)',
    replacement: 'return known',
    about: 'A controller registers before the metadata say in which version records are written.',
    killedBy: [],
    equivalent: 'Who leads writes the first records of a cluster before it takes other commands.',
  },
  {
    file: 'src/controller/registration.ts',
    text: '    const known = controllers.get(controllerId)?.incarnationId === incarnationId\n',
    replacement: '    const known = controllers.has(controllerId)\n',
    about: 'A controller that comes back elsewhere is looked for where it was.',
    killedBy: ['controller/quorum-member'],
  },
  {
    file: 'src/controller/own-vote.ts',
    text: 'if (!joins || kraftVersion === 0) return null',
    replacement: 'if (kraftVersion === 0) return null',
    about: 'A controller that only follows votes after a while, though nobody has asked for it.',
    killedBy: ['controller/voters'],
  },
  {
    file: 'src/controller/own-vote.ts',
    text: 'if (known !== undefined) {\n      const body',
    replacement: 'if (known === null) {\n      const body',
    about: 'A controller with a new disk never votes again.',
    killedBy: ['controller/voters'],
  },
  {
    file: 'src/controller/others-stopping.ts',
    text: 'if (leader === undefined || !isAnyStopping(metadata.image, nodeId)) return Promise.resolve()',
    replacement: 'if (nodeId >= 0) return Promise.resolve()',
    about: 'Where all nodes are told to stop, the last ones wait for controllers that have left.',
    killedBy: ['controller/others-stopping'],
  },
  {
    file: 'src/controller/own-vote.ts',
    text: 'if (directoryId === this.#strangeDirectory) return',
    replacement: 'if (directoryId !== this.#strangeDirectory) return',
    about: 'A controller whose disk was wiped follows without a word.',
    killedBy: ['controller/voters'],
  },
  {
    file: 'src/controller/quorum-member.ts',
    text: "if (config.get('process.roles').includes('broker')) return\n    applyDynamicConfig(config, this.metadata.image, host.log)\n",
    replacement: "if (config.get('process.roles').includes('broker')) return\n",
    about:
      'A controller that starts again goes by its file until somebody changes a setting of the cluster.',
    killedBy: ['controller/quorum-member'],
  },
  {
    file: 'src/controller/quorum-member.ts',
    text: 'followDynamicConfig(config, delta, image, host.log)',
    replacement: 'void [followDynamicConfig, delta, image]',
    about:
      'Settings of the cluster that are changed count for its controllers when they start again.',
    killedBy: ['controller/quorum-member'],
  },
  {
    file: 'src/controller/quorum-member.ts',
    text: '    this.#checkOwnId()\n',
    replacement: '',
    about: 'What a broker with the id of a controller has on its disk counts as that controller’s.',
    killedBy: ['controller/bad-input'],
  },
  {
    file: 'src/controller/quorum-member.ts',
    text: 'if (this.#role !== null) return\n    const { nodeId: id, directoryId }',
    replacement: 'const { nodeId: id, directoryId }',
    about: 'A controller of a static quorum does not start again once it has registered.',
    killedBy: ['controller/quorum-member', 'controller/kraft-version'],
  },
  {
    file: 'src/controller/quorum-member.ts',
    text: 'this.metadata.onChange((delta, image) => one.follow(delta, image))',
    replacement: '',
    about: 'Rules count from the next start on.',
    killedBy: ['system/acls'],
  },
]
