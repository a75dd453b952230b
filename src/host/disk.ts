import fs from 'node:fs'
import { dirname, resolve as resolvePath } from 'node:path'
import { openFile } from './file.ts'
import { openFileLimit } from './file-limit.ts'
import { gate } from './gate.ts'
import type { Disk } from './host.ts'
import { fileLocks } from './lock.ts'

/** So many files are replaced or directories synced at a time: thousands at once would run out of open files. */
const SYNCED_AT_ONCE = 64

/** The operating system's files. */
export function systemDisk(): Disk {
  const oneOfSome = gate(SYNCED_AT_ONCE)
  const { replaceFile, replaceFileAsync } = replacements(oneOfSome)
  return {
    open: openFile,
    exists: (path) => fs.existsSync(path),
    absolutePath: (path) => resolvePath(path),
    stat: (path) => {
      const stats = fs.statSync(path)
      return {
        size: stats.size,
        isDirectory: stats.isDirectory(),
        modifiedMs: Math.floor(stats.mtimeMs),
      }
    },
    setModified: (path, modifiedMs) => {
      const modified = new Date(modifiedMs)
      fs.utimesSync(path, modified, modified)
    },
    space: (path) => {
      const { bsize, blocks, bavail } = fs.statfsSync(path)
      return { totalBytes: bsize * blocks, usableBytes: bsize * bavail }
    },
    list: (path) => fs.readdirSync(path),
    makeDirectory,
    rename: (from, to) => fs.renameSync(from, to),
    remove: (path) => fs.unlinkSync(path),
    removeDirectory: (path) => fs.rmSync(path, { recursive: true }),
    readFile: (path) => fs.readFileSync(path),
    replaceFile,
    replaceFileAsync,
    syncDirectory,
    syncDirectoryAsync: (path) => oneOfSome(() => syncDirectoryAsync(path)),
    openFileLimit,
    lock: fileLocks(),
  }
}

/** Node's own recursive form never ends where a file system says ENOENT to every new name, as /proc does. */
function makeDirectory(path: string): void {
  try {
    return fs.mkdirSync(path)
  } catch (error) {
    if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error
    makeDirectory(parent)
  }
  fs.mkdirSync(path)
}

/** Windows can't open a directory, and there a rename is durable by itself. */
const canSyncDirectories = process.platform !== 'win32'

function syncDirectory(path: string): void {
  if (!canSyncDirectories) return
  const descriptor = fs.openSync(path, 'r')
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

async function syncDirectoryAsync(path: string): Promise<void> {
  if (canSyncDirectories) await syncAndClose(fs.openSync(path, 'r'))
}

async function syncAndClose(descriptor: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      fs.fsync(descriptor, (error) => (error === null ? resolve() : reject(error)))
    })
  } finally {
    fs.closeSync(descriptor)
  }
}

function writeTemporary(path: string, content: string | Uint8Array): number {
  const descriptor = fs.openSync(path, 'w', 0o644)
  try {
    fs.writeFileSync(descriptor, content)
    return descriptor
  } catch (error) {
    fs.closeSync(descriptor)
    throw error
  }
}

/** One asynchronous replacement of a file, from its call until it is durable. */
interface Turn {
  /** A newer, synchronous replacement is in place: this one has nothing left to do. */
  overtaken: boolean
  settled: Promise<void>
}

/** Both ways of replacing a file. They share `path.tmp`, so calls for one path take turns, or are overtaken. */
function replacements(
  oneOfSome: ReturnType<typeof gate>,
): Pick<Disk, 'replaceFile' | 'replaceFileAsync'> {
  const turns = new Map<string, Turn[]>()

  function replaceFile(path: string, content: string | Uint8Array): void {
    for (const turn of turns.get(path) ?? []) turn.overtaken = true
    const descriptor = writeTemporary(`${path}.tmp`, content)
    try {
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
    fs.renameSync(`${path}.tmp`, path)
    syncDirectory(dirname(path))
  }

  async function takeTurn(
    path: string,
    content: string | Uint8Array,
    turn: Turn,
    before: Promise<void> | undefined,
  ): Promise<void> {
    await before?.catch(() => undefined)
    await oneOfSome(async () => {
      if (turn.overtaken) return
      await syncAndClose(writeTemporary(`${path}.tmp`, content))
      if (turn.overtaken) return
      fs.renameSync(`${path}.tmp`, path)
      await syncDirectoryAsync(dirname(path))
    })
  }

  async function replaceFileAsync(path: string, content: string | Uint8Array): Promise<void> {
    const queue = turns.get(path) ?? []
    turns.set(path, queue)
    const turn: Turn = { overtaken: false, settled: Promise.resolve() }
    turn.settled = takeTurn(path, content, turn, queue.at(-1)?.settled)
    queue.push(turn)
    try {
      await turn.settled
    } finally {
      queue.splice(queue.indexOf(turn), 1)
      if (queue.length === 0 && turns.get(path) === queue) turns.delete(path)
    }
  }

  return { replaceFile, replaceFileAsync }
}
