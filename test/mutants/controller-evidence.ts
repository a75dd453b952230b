import type { Mutant } from './mutant.ts'

/** Of how a controller looks into signs that a broker's process has ended. */
export const mutants: readonly Mutant[] = [
  {
    file: 'src/controller/dead-brokers.ts',
    text: "if (leaving !== 'ended' || this",
    replacement: 'if (this',
    about: 'A way that is cut for a while costs its broker its leadership.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: '?.epoch !== brokerEpoch) return\n    const known',
    replacement: '?.epoch === -2) return\n    const known',
    about: "The late end of a former life's connection is taken for that of the present one.",
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: 'if (places.length === 0) return Promise.resolve(NEVER_REACHED)',
    replacement: '',
    about: 'A broker is fenced though nobody has ever reached it where it says it is.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: 'if (!hasEnded) await this.#pause(FIRST_HEARTBEAT_MS)\n',
    replacement: '',
    about: 'A new controller dials every broker before any of them can have been heard of.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: 'if (this.#office !== office || this.#heard.get(life.id)?.brokerEpoch === life.epoch) return',
    replacement: 'if (this.#office !== office) return',
    about: 'A controller that takes office dials brokers that it hears of.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: '!fenced && id !== nodeId',
    replacement: '!fenced',
    about: 'A controller that takes office fences the broker in its own process.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: ' || !isCombined) return null',
    replacement: ') return null',
    about: 'A broker is suspected since a controller has ended that only has its id.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: 'isLookedAfter ? look : null',
    replacement: 'null',
    about:
      'Where the active controller dies with its host, what its broker led has its whole session.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: 'was !== null || places.length === 0',
    replacement: 'was !== null',
    about: 'A broker is fenced of which the controller knows no place that it could ask.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: 'return signOfReturn(this.#options.host, places)',
    replacement: 'return was',
    about: 'A broker is fenced that accepts again when its controller decides.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: ' && host.clock.monotonic() - look.sinceMs < LOOK_COUNTS_MS',
    replacement: '',
    about: 'A broker is fenced since it had ended some time ago.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: 'if (suspectedAt === null) return\n',
    replacement: '',
    about: 'A broker is fenced that its controller does not suspect.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: 'this.#unfollow = metadata.onOffice(() => this.#officeChanged())',
    replacement: '',
    about:
      'A leader that dies together with the active controller is noticed when its session is over.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/endpoint-proofs.ts',
    text: 'if (proven !== null) return void',
    replacement: 'return void',
    about: 'A stranger on the port of a broker counts as that broker.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/endpoint-proofs.ts',
    text: '=> securityProtocol === PLAINTEXT',
    replacement: '=> securityProtocol >= PLAINTEXT',
    about: 'Controllers speak in plain text to listeners that are encrypted.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/endpoint-proofs.ts',
    text: 'life.isOver = true\n      this.#lives.delete(id)',
    replacement: 'life.isOver = true',
    about: 'What one life of a broker has proven counts for the next one.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/endpoint-proofs.ts',
    text: 'const goesOn = broker !== undefined && !broker.fenced && isOf(life, broker, image)',
    replacement: 'const goesOn = broker !== undefined && isOf(life, broker, image)',
    about: 'A broker that was fenced is dialled later where it was reached before.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/endpoint-proofs.ts',
    text: 'Math.max(0, tries - FIRST_TRIES)',
    replacement: 'tries',
    about: 'A broker that is killed soon after it has begun to serve keeps its session.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: 'this.#office = null\n      return',
    replacement:
      'this.#office = null\n      for (const [id, heard] of this.#heard) this.#forget(id, heard)\n      return',
    about:
      'Where the same controller is elected again, a broker that dies soon after keeps its session.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/dead-brokers.ts',
    text: 'this.#proofs.hurry()',
    replacement: '',
    about:
      'A broker that was out of reach of a controller before that took office keeps its session when it dies.',
    killedBy: ['controller/dead-brokers'],
  },
  {
    file: 'src/controller/endpoint-proofs.ts',
    text: 'if (await this.#pause(life, delayMs(tries))) tries = 0',
    replacement: 'return',
    about: 'A broker that takes its ports a moment after it serves is never proven.',
    killedBy: ['controller/dead-brokers'],
  },
]
