import type { Mutant } from './mutant.ts'

const LIFECYCLE = 'src/broker/lifecycle.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/broker/broker.ts',
    text: '    await this.#lifecycle.serve()\n    await this.#replicas.settled()\n    await this.#listeners.takeFixedPorts()',
    replacement:
      '    await this.#listeners.takeFixedPorts()\n    await this.#lifecycle.serve()\n    await this.#replicas.settled()',
    about: 'The port of a broker that starts answers for the life of it that has ended.',
    killedBy: ['test/node'],
  },
  {
    file: 'src/broker/broker.ts',
    text: 'if (handsOver && !this.#isAlone) await',
    replacement: 'if (handsOver) await',
    about:
      'A node of its own refuses the requests in flight when it stops, though nobody else could answer them.',
    killedBy: ['test/node'],
  },
  {
    file: 'src/broker/broker.ts',
    text: 'if (handsOver && !this.#isAlone) await',
    replacement: 'if (handsOver && this.#isAlone) await',
    about: 'A broker that stops has its clients wait until its session is over.',
    killedBy: ['test/node'],
  },
  {
    file: 'src/broker/broker.ts',
    text: '    if (handsOver) await this.#lifecycle.shutDown()\n',
    replacement: '',
    about: 'A node of its own that has stopped is a serving one in its metadata.',
    killedBy: ['test/node'],
  },
  {
    file: 'src/broker/broker.ts',
    text: "isOrderly && this.#parts.config.get('controlled.shutdown.enable')",
    replacement: 'isOrderly',
    about: 'controlled.shutdown.enable=false does nothing.',
    killedBy: ['test/node'],
  },
  {
    file: LIFECYCLE,
    text: 'if (!reply.isCaughtUp) return NEXT_STEP_MS\n',
    replacement: '',
    about:
      'A broker goes by metadata that is older than its registration, and sets partitions aside that are its own.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: LIFECYCLE,
    text: "if (!reply.isFenced) this.#state = 'running'",
    replacement: "this.#state = 'running'",
    about: 'A broker opens its ports before the controller has it serve.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: LIFECYCLE,
    text: 'wantFence: !this.#wantsToServe,',
    replacement: 'wantFence: false,',
    about: 'A broker is unfenced, and leads, before it has opened its logs.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: LIFECYCLE,
    text: 'this.#offline.told(offlineLogDirs)',
    replacement: 'this.#offline.told(this.#offline.ids)',
    about: 'A directory that fails while a heartbeat is under way is taken for told.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: LIFECYCLE,
    text: 'this.#beatAfter(this.#isHurried ? 0 : delayMs)',
    replacement: 'this.#beatAfter(delayMs)',
    about: 'A failed directory is told with the next heartbeat only.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: LIFECYCLE,
    text: 'const limit = clock.after(limitMs, () => resolve(new Error(`No answer in ${limitMs} ms`)))',
    replacement:
      'const limit = clock.after(1e9, () => resolve(new Error(`No answer in ${limitMs} ms`)))',
    about: 'A broker whose controller was lost with its heartbeat never sends another one.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: LIFECYCLE,
    text: "reply.errorCode === 'STALE_BROKER_EPOCH') this.#replaced()",
    replacement: "reply.errorCode === 'FENCED_LEADER_EPOCH') this.#replaced()",
    about: 'A broker whose id another process has goes on without a word.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: LIFECYCLE,
    text: 'if (isFinal || clock.monotonic() >= deadline) {',
    replacement: 'if (clock.monotonic() >= deadline) {',
    about: 'A broker of another cluster is told so only after a minute.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: LIFECYCLE,
    text: 'if (isFinal || clock.monotonic() >= deadline) {',
    replacement: 'if (isFinal) {',
    about: 'A broker that finds no controller starts for ever.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: LIFECYCLE,
    text: '        if (reply.shouldShutDown) this.close()\n',
    replacement: '',
    about: 'Each stop of a broker takes half a minute.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: LIFECYCLE,
    text: "else if (this.#state === 'closed') reject(stoppedAtStart())\n",
    replacement: '',
    about: 'A start that fails never says so.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: 'src/broker/offline-directories.ts',
    text: '      this.#all.get(id)?.cancel()\n',
    replacement: '',
    about: 'A broker that told of its failed disk in time stops all the same.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: 'src/broker/offline-directories.ts',
    text: 'if (this.#all.has(id) || this.#isClosed) return\n',
    replacement: 'if (this.#all.has(id)) return\n',
    about: 'A broker that has stopped stops its process once more, half a minute later.',
    killedBy: ['broker/lifecycle'],
  },
  {
    file: 'src/broker/forwarding.ts',
    text: 'requestPrincipal: encodePrincipal(principal),',
    replacement: "requestPrincipal: encodePrincipal({ type: 'User', name: 'ANONYMOUS' }),",
    about: 'The controller refuses what a client may do, for it does not know the client.',
    killedBy: ['broker/forwarding'],
  },
  {
    file: 'src/broker/forwarding.ts',
    text: "if (errorCode === 'UNSUPPORTED_VERSION') return closeConnection",
    replacement: '',
    about: 'A client goes on in a version that the controller does not know.',
    killedBy: ['broker/forwarding'],
  },
  {
    file: 'src/broker/forwarding.ts',
    text: 'if (correlationId !== expected) reader.fail(`answer ${correlationId} in place of ${expected}`)',
    replacement: '',
    about: "A client gets another one's answer.",
    killedBy: ['broker/forwarding'],
  },
  {
    file: 'src/broker/automatic-topics.ts',
    text: 'await means.known(names.filter((name) => !refused.has(name)))',
    replacement: 'await means.known([])',
    about: 'A client that names a new topic is told that there is none, though it was made.',
    killedBy: ['broker/automatic-topics'],
  },
]
