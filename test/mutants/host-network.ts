import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [
  {
    file: 'src/host/tcp-socket.ts',
    text: "this.#socket.removeAllListeners('data').on('data', events.data)",
    replacement: "this.#socket.on('data', events.data)",
    about: 'Without a shared buffer each request of a client that had to wait counts twice.',
    killedBy: [],
    equivalent:
      'Node has had the handle that is looked for since its first release: the branch without it is not run.',
  },
  {
    file: 'src/host/tcp-socket.ts',
    text: 'if (this.#reader !== null) this.#reader.data = events.data\n',
    replacement: 'if (this.#reader !== null) this.#reader.data ??= events.data\n',
    about: 'A client that waited for room is never heard again.',
    killedBy: ['host/network'],
  },
  {
    file: 'src/host/tcp-socket.ts',
    text: 'if (this.#closed) return setImmediateCall(() => events.close(this.#error))',
    replacement: 'if (this.#closed) return',
    about: 'A connection that broke before it was served is kept for ever.',
    killedBy: ['host/network'],
  },
  {
    file: 'src/host/tcp-socket.ts',
    text: '    this.#socket.resume()\n  }\n\n  write',
    replacement: '  }\n\n  write',
    about: 'No connection is ever read.',
    killedBy: ['host/network'],
  },
  {
    file: 'src/host/tcp-socket.ts',
    text: '    this.#closed = true\n    this.#events?.close(this.#error)',
    replacement: '    this.#closed = true',
    about: 'Nobody hears that a client has gone.',
    killedBy: ['host/network'],
  },
  {
    file: 'src/host/tcp-socket.ts',
    text: "socket.on('drain', () => this.#events?.drain())",
    replacement: '',
    about: 'A client that was slow once gets no more answers.',
    killedBy: ['host/network'],
  },
  {
    file: 'src/host/tcp-socket.ts',
    text: 'if (written !== undefined) setImmediateCall(written)\n',
    replacement: '',
    about: 'What was read for a client that has gone is held for ever.',
    killedBy: ['host/network'],
  },
  {
    file: 'src/host/tcp-socket.ts',
    text: '    socket.uncork()\n',
    replacement: '',
    about: 'Answers of several pieces are never sent.',
    killedBy: ['host/network'],
  },
  {
    file: 'src/host/tcp-socket.ts',
    text: 'this.#last.length !== length || this.#last.buffer !== buffer.buffer',
    replacement: 'this.#last.buffer !== buffer.buffer',
    about: 'A request is taken to be as long as the one before it.',
    killedBy: ['host/network'],
  },
  {
    file: 'src/host/tcp-socket.ts',
    text: 'if (this.#reader !== null) this.#reader.data = null\n',
    replacement: 'if (this.#reader !== null) this.#reader.data = () => undefined\n',
    about: 'A connection that is being closed reads on.',
    killedBy: [],
    equivalent: 'What is read is dropped in both forms.',
  },
  {
    file: 'src/host/tls.ts',
    text: 'super(socket, null, tcp)',
    replacement: 'super(socket, null)',
    about:
      'A client that resets its connection after the handshake has no address that rules could be about.',
    killedBy: ['host/tls.test'],
  },
  {
    file: 'src/host/network.ts',
    text: 'new TcpSocket(socket, reader).endWithPeer()',
    replacement: 'new TcpSocket(socket, reader)',
    about:
      'A broker answers who leads before it hears that the leader has ended, as whoever asks has heard.',
    killedBy: ['host/network'],
  },
  {
    file: 'src/host/peers-end.ts',
    text: "const BY_RST = ['ECONNRESET', 'EPIPE']",
    replacement: "const BY_RST = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT']",
    about: 'A way that is cut for minutes looks like a process that has ended.',
    killedBy: ['server/connection'],
  },
]
