import type { Disk, DiskFile } from '../../host/host.ts'

/**
 * A file that is opened when it is needed and may be closed behind its owner's back when too many are open; never while
 * it is retained.
 */
export class FileHandle {
  readonly #files: OpenFiles
  #path: string
  #file: DiskFile | null = null
  #users = 0
  #isClosing = false

  constructor(files: OpenFiles, path: string) {
    this.#files = files
    this.#path = path
  }

  get path(): string {
    return this.#path
  }

  get isIdle(): boolean {
    return this.#users === 0
  }

  /** For a call that ends before this turn does. A missing file is made only with `create`. */
  open(mode: 'write' | 'create' = 'write'): DiskFile {
    this.#file ??= this.#files.openFile(this.#path, mode)
    this.#files.touch(this)
    return this.#file
  }

  /**
   * Opens the file and keeps it open until `use` settles. May wait until others are done with their files, so `use` must
   * not ask for another one.
   */
  async using<Result>(use: (file: DiskFile) => Promise<Result>): Promise<Result> {
    if (this.#files.isExhausted) await this.#files.untilOneIsIdle()
    else this.#files.retain()
    try {
      return await this.#use(use)
    } finally {
      this.#files.letGo()
    }
  }

  async #use<Result>(use: (file: DiskFile) => Promise<Result>): Promise<Result> {
    const file = this.open()
    this.#users++
    try {
      return await use(file)
    } finally {
      this.#users--
      if (this.#isClosing) this.close()
    }
  }

  /** Closes the file now, or as soon as nobody uses it. It may be opened again. */
  close(): void {
    this.#isClosing = this.#users > 0
    if (this.#isClosing || this.#file === null) return
    this.#files.forget(this)
    this.#file.close()
    this.#file = null
  }

  /** The file has another name now; whoever has it open needn't mind. */
  renamed(path: string): void {
    this.#path = path
  }
}

/** Of sockets and others there may be more than was reckoned with: so many files make room then. */
const CLOSED_FOR_ROOM = 64

/** All files of the logs of a node, of which a bounded number is open: those used least recently are closed. */
export class OpenFiles {
  readonly disk: Disk
  readonly #limit: number
  /** In order of use. */
  readonly #open = new Set<FileHandle>()
  #retained = 0
  readonly #waiting: (() => void)[] = []

  constructor(disk: Disk, limit: number) {
    this.disk = disk
    this.#limit = limit
  }

  get count(): number {
    return this.#open.size
  }

  /** As many are in use as may be open. */
  get isExhausted(): boolean {
    return this.#retained >= this.#limit
  }

  /** Resolves with a place: as of `retain`. */
  untilOneIsIdle(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  retain(): void {
    this.#retained++
  }

  letGo(): void {
    // The place goes to the next one as it is.
    const next = this.#waiting.shift()
    if (next === undefined) this.#retained--
    else next()
  }

  /** Opens a file; where the process has too many open, after some others have been closed. */
  openFile(path: string, mode: 'write' | 'create'): DiskFile {
    try {
      return this.disk.open(path, mode)
    } catch (error) {
      if (!isExhaustion(error) || !this.#makeRoom()) throw error
      return this.disk.open(path, mode)
    }
  }

  #makeRoom(): boolean {
    let closed = 0
    while (closed < CLOSED_FOR_ROOM && this.#closeOne(null)) closed++
    return closed > 0
  }

  touch(handle: FileHandle): void {
    this.#open.delete(handle)
    this.#open.add(handle)
    if (this.#open.size > this.#limit) this.#closeOne(handle)
  }

  forget(handle: FileHandle): void {
    this.#open.delete(handle)
  }

  #closeOne(spared: FileHandle | null): boolean {
    for (const handle of this.#open) {
      if (!handle.isIdle || handle === spared) continue
      handle.close()
      return true
    }
    return false
  }
}

function isExhaustion(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === 'EMFILE' || code === 'ENFILE'
}
