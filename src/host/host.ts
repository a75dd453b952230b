import type { Codecs } from '../../protocol/records/codecs.ts'
import type { WorkerJob } from './job.ts'

/**
 * The one door to the machine. Everything that a node reads from or does to the outside goes through its Host, and all
 * state that a node owns hangs on it: two nodes in one process don't disturb each other, and a simulated Host runs a
 * whole cluster from one seed.
 *
 * After `crash()` of a simulated Host no pending or later call of it settles or calls back.
 */
export interface Host {
  readonly clock: Clock
  readonly disk: Disk
  readonly network: Network
  readonly random: Random
  readonly workers: Workers
  readonly log: Logger
}

export interface Clock {
  /** Wall-clock time in whole milliseconds since 1970; may jump. For timestamps that users see. */
  now(): number
  /** Milliseconds since an arbitrary start, with fractions; never goes back. For time-outs and durations. */
  monotonic(): number
  /** Calls back once, `delayMs` from now at the earliest. A pending timer doesn't keep the process alive. */
  after(delayMs: number, callback: () => void): Timer
  /** Calls back after all input that has arrived in this turn of the event loop was handled. */
  endOfTurn(callback: () => void): void
  /** Calls back when what runs now has ended, before the event loop looks for anything else. */
  afterTask(callback: () => void): void
}

export interface Timer {
  /** Prevents the callback; harmless when it has run already. */
  cancel(): void
}

export interface Random {
  /** Cryptographically strong where the Host is real; from the seed where it is simulated. */
  bytes(length: number): Buffer
  /** A uniform integer in [0, limit). */
  below(limit: number): number
}

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** A logger whose lines all carry these fields too. */
  child(fields: object): Logger
}

/**
 * Files. Failures are thrown (or reject) as errors with the operating system's `code` (ENOSPC, EIO, EACCES, ...).
 * The synchronous calls are for start-up and for writes into the page cache; `sync` always runs on the thread pool.
 */
export interface Disk {
  /**
   * Opens a file. `read`: must exist. `write`: read and write, must exist. `create`: read and write, made when missing.
   */
  open(path: string, mode: 'read' | 'write' | 'create'): DiskFile
  exists(path: string): boolean
  /** The path from the root, without `.` and `..`. */
  absolutePath(path: string): string
  stat(path: string): FileStat
  /** Sets when a file was last written to, in milliseconds since 1970: for one that takes an older one's place. */
  setModified(path: string, modifiedMs: number): void
  /** The volume that a file or directory is on. */
  space(path: string): DiskSpace
  /** How many files and sockets this process may have open together; null where the machine doesn't say. */
  openFileLimit(): number | null
  /** The names in a directory, in no particular order. */
  list(path: string): string[]
  /** Makes a directory and those above it; one that is there already is fine. */
  makeDirectory(path: string): void
  rename(from: string, to: string): void
  remove(path: string): void
  /** Removes a directory with all that is in it. */
  removeDirectory(path: string): void
  readFile(path: string): Buffer
  /**
   * Replaces a whole file so that after a crash either the old or the new content is there: writes `path.tmp`, syncs it,
   * renames it, and syncs the directory.
   */
  replaceFile(path: string, content: string | Uint8Array): void
  /** `replaceFile` with the syncs on the thread pool. */
  replaceFileAsync(path: string, content: string | Uint8Array): Promise<void>
  /** Makes renames, creations and removals in a directory durable. */
  syncDirectory(path: string): void
  /** The same on the thread pool. */
  syncDirectoryAsync(path: string): Promise<void>
  /**
   * Takes an exclusive lock that Java's FileLock respects as well.
   * @returns null when somebody else holds it; `advisory: false` when this machine can't lock and nobody was excluded.
   */
  lock(path: string): DiskLock | null
}

/**
 * Heavy work off the event loop: every group's heartbeat waits behind what takes more than a few milliseconds on it.
 * Results come in any order.
 */
export interface Workers {
  /**
   * Runs a job in a thread. Task and answer are copied by structured clone: objects of classes lose their methods, and a
   * `Buffer` arrives as a plain `Uint8Array`, with all of the memory that it is a part of; so send bytes that have their
   * memory to themselves (`new Uint8Array(bytes)`), and name that memory in `transfer` to move it instead. Both happen
   * when a thread is free: until the answer nothing of the task may change.
   *
   * Rejects with what the job throws: a CorruptRecordError as such, anything else as an Error with the same message and
   * `code`. Where the thread itself ends (out of memory, `close`) the code is WORKER_ENDED.
   */
  run<Task, Answer>(
    job: WorkerJob<Task, Answer>,
    task: Task,
    options?: WorkerOptions,
  ): Promise<Answer>
  /** Ends the threads; what is under way is rejected. */
  close(): Promise<void>
}

export interface WorkerOptions {
  /** Memory that the thread gets and this one loses. */
  readonly transfer?: readonly ArrayBuffer[]
  /** Lets the job know that it should stop; what it does then is its own affair. */
  readonly signal?: AbortSignal
}

/** What a job may use besides its task. */
export interface WorkerParts {
  readonly disk: Disk
  readonly codecs: Codecs
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** Whether the job's signal was given. A job that runs long looks often. */
  isStopped(): boolean
  /** Holds this thread up, for throttling; returns early when the job should stop. */
  sleep(durationMs: number): void
  /**
   * Bytes for the answer that move to the other thread rather than being copied. What shares its memory with others, or
   * lies in memory that a native library keeps, is copied here. They are gone once the job has returned.
   */
  handOver(bytes: Uint8Array): Uint8Array<ArrayBuffer>
}

export interface FileStat {
  readonly size: number
  readonly isDirectory: boolean
  /** When it was last written to, in milliseconds since 1970. */
  readonly modifiedMs: number
}

export interface DiskSpace {
  readonly totalBytes: number
  /** What this user may still write. */
  readonly usableBytes: number
}

export interface DiskLock {
  readonly advisory: boolean
  release(): void
}

export interface DiskFile {
  readonly path: string
  size(): number
  /** Reads up to `target.length` bytes at `position`; returns how many, fewer only at the end of the file. */
  readSync(target: Uint8Array, position: number): number
  read(target: Uint8Array, position: number): Promise<number>
  /** Writes all chunks one after the other at `position` (one `writev` where possible), or throws. */
  writeSync(chunks: readonly Uint8Array[], position: number): void
  write(chunks: readonly Uint8Array[], position: number): Promise<void>
  truncate(length: number): void
  syncNow(): void
  sync(): Promise<void>
  close(): void
}

export interface Network {
  /** The name of this machine, for clients of listeners that name none. */
  readonly hostName: string
  /** Listens; port 0 takes a free one. Rejects with EADDRINUSE, EACCES, EADDRNOTAVAIL. */
  listen(host: string, port: number, accept: (socket: Socket) => void): Promise<Listener>
  connect(host: string, port: number): Promise<Socket>
  /** TLS over the sockets of this network. */
  readonly tls: Tls
  readonly http: Http
}

/** Documents that other servers have, which don't speak Kafka's protocol. */
export interface Http {
  /**
   * Gets the document of an address that begins with `http://` or `https://`.
   * Rejects with the reason where it isn't there, whole, in time; redirections are not followed
   */
  get(url: string, options: HttpOptions): Promise<Buffer>
  /**
   * Sends something to such an address.
   * @returns what is answered, whatever its status; redirections are not followed
   * Rejects with the reason where no whole answer comes in time
   */
  post(url: string, sent: HttpSent, options: HttpOptions): Promise<HttpAnswer>
}

export interface HttpSent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface HttpAnswer {
  readonly status: number
  readonly body: Buffer
}

export interface HttpOptions {
  /** For all of it, from looking up the name to the last byte. */
  readonly timeoutMs: number
  readonly maxBytes: number
  /** Nobody waits any more. */
  readonly signal: AbortSignal
  /** Whom to trust, and what to show, at an address of https; null: well-known authorities, and nothing. */
  readonly tls: TlsContext | null
}

/** TLS over sockets that nobody has attached to yet. While a handshake goes on, destroying the socket ends it. */
export interface Tls {
  /** @throws Error with OpenSSL's words where keys and certificates are none, or don't belong together */
  context(material: TlsMaterial): TlsContext
  /**
   * The server's side of a handshake.
   * Rejects with the reason; its code is `NOT_TLS` where what came first was none of TLS
   */
  accept(socket: Socket, context: TlsContext): Promise<TlsSocket>
  /**
   * The client's side.
   * Rejects with the reason: its code is OpenSSL's or Node's, `NOT_TLS` as above, or `CLOSED_IN_HANDSHAKE`
   * @param name that the other side's certificate must be for; null: any
   */
  connect(socket: Socket, context: TlsContext, name: string | null): Promise<TlsSocket>
}

/** What one side of a handshake shows, and takes from the other side. */
export interface TlsMaterial {
  /** As PEM. Null for a client that shows nothing. */
  readonly identity: {
    readonly key: string
    readonly passphrase: string | null
    readonly certificates: string
  } | null
  /** Certificates in PEM, each of which is trusted; null: those of well-known authorities. */
  readonly trusted: readonly string[] | null
  /** What a server asks of its client: a certificate may be, or must be shown. */
  readonly clientAuth: 'none' | 'requested' | 'required'
  readonly versions: readonly TlsVersion[]
  /** By OpenSSL's names; empty: the usual ones. */
  readonly ciphers: readonly string[]
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** TlsMaterial as the machine's TLS has taken it; made once, used for many handshakes. */
export interface TlsContext {
  readonly clientAuth: TlsMaterial['clientAuth']
}

/** A socket whose handshake is done. */
export interface TlsSocket extends Socket {
  /** The other side's certificate in DER, which somebody vouches for who is trusted; null where none was shown. */
  readonly peerCertificate: Buffer | null
}

export interface Listener {
  readonly host: string
  readonly port: number
  /** Stops accepting; accepted sockets live on. */
  close(): Promise<void>
}

export interface Socket {
  readonly remoteAddress: string
  readonly remotePort: number
  /** What was written and the system has not taken yet. While it is 0, chunks that were written may change. */
  readonly unsentBytes: number
  /**
   * Names the one who is told from now on, in place of the one before. `data` is only valid during the call: the bytes are
   * overwritten afterwards.
   */
  attach(events: {
    data: (bytes: Buffer) => void
    /** What was written has gone out, after `write` said false. */
    drain: () => void
    /** Called once, last; with the error that ended the connection, if one did. */
    close: (error?: Error) => void
  }): void
  /**
   * Sends the chunks in order under one cork. They must not change until `written` is called, which always happens,
   * after this call has returned: when they have gone out, or when the connection has ended without that.
   * @returns false when the caller should wait for `drain` before it writes more.
   */
  write(chunks: readonly Uint8Array[], written?: () => void): boolean
  pause(): void
  resume(): void
  /** Sends what was written, then closes. */
  end(): void
  /** Closes at once. */
  destroy(): void
}
