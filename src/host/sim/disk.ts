import { systemClock } from '../clock.ts'
import type { Clock, Disk, DiskFile, DiskLock, DiskSpace, FileStat, Random } from '../host.ts'

/** A file as a test sees it, which looks at it again and again. Another one after each crash, and where a file replaces it. */
export interface SeenFile {
  /** Valid until the next change. */
  readonly content: Buffer
  /** How often something that it had was cut off or overwritten. */
  readonly rewrites: number
}

/** A file's bytes as programs see them, and as they would be found after a crash. */
interface FileNode extends SeenFile {
  readonly kind: 'file'
  /** The first bytes of `store`, which has room for more. */
  content: Buffer
  rewrites: number
  store: Buffer
  durable: Buffer
  modifiedMs: number
}

/** A directory, the entries that a crash would leave in it, and what was done to it since, in order. */
interface DirectoryNode {
  readonly kind: 'directory'
  readonly entries: Map<string, Node>
  readonly durable: Map<string, Node>
  readonly pending: (readonly [name: string, node: Node | null])[][]
}

type Node = FileNode | DirectoryNode

export type DiskOperation =
  | 'open'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'rename'
  | 'remove'
  | 'replace'
  | 'list'
  | 'make'
  | 'stat'
  | 'touch'

/**
 * What becomes of the bytes that weren't synced. `lost`: all of them go; `torn`: those written first survive, up to
 * anywhere in the middle; `scattered`: each page survives or not, as drives without order do it. Of a directory's changes
 * the first ones survive; `reordered`: as `scattered`, and each of these survives or not, since no standard says otherwise.
 */
export type CrashKind = 'lost' | 'torn' | 'scattered' | 'reordered'

export interface SimDiskOptions {
  readonly random: Random
  /** Where files have their times from; the machine's own where it is left out. */
  readonly clock?: Pick<Clock, 'now'>
  /** How many bytes all files together may have; then writes end with ENOSPC, halfway. */
  readonly capacityBytes?: number
  /** Runs what the thread pool would; by default in the next microtask. */
  readonly later?: (work: () => void) => void
}

const PAGE_BYTES = 4096

/**
 * A disk in memory that keeps after `crash()` only what was synced: bytes by a file's sync, names by a directory's. Not
 * for speed.
 */
export class SimDisk implements Disk {
  readonly #options: SimDiskOptions
  readonly #root: DirectoryNode
  readonly #locks = new Set<string>()
  readonly #clock: Pick<Clock, 'now'>
  #hasCrashed = false
  /** Asked before each operation: an error to fail it with. */
  fault: ((operation: DiskOperation, path: string) => Error | null) | null = null
  capacityBytes: number
  syncCount = 0
  /** By all reads of files so far. */
  bytesRead = 0

  constructor(options: SimDiskOptions, root: DirectoryNode = newDirectory()) {
    this.#options = options
    this.#root = root
    this.#clock = options.clock ?? systemClock()
    this.capacityBytes = options.capacityBytes ?? Infinity
  }

  /** The machine loses its power. Nothing more comes from this disk; the one returned is what is found afterwards. */
  crash(kind: CrashKind): SimDisk {
    this.#hasCrashed = true
    const root = afterCrash(this.#root, kind, this.#options.random, new Map()) as DirectoryNode
    return new SimDisk(this.#options, root)
  }

  /** The process ends, and the machine goes on: all that was written is there, and what wasn't synced may still go. */
  leave(): SimDisk {
    this.#hasCrashed = true
    return new SimDisk(this.#options, this.#root)
  }

  /** Another disk with all that is on this one. */
  copy(options: SimDiskOptions): SimDisk {
    return new SimDisk(options, copyOf(this.#root) as DirectoryNode)
  }

  get usedBytes(): number {
    return usedBytes(this.#root)
  }

  nowMs(): number {
    return this.#clock.now()
  }

  /** Fails the operation where it is to fail. */
  check(operation: DiskOperation, path: string): void {
    if (this.#hasCrashed) throw errorOf('EIO', 'the machine has crashed', path)
    const error = this.fault?.(operation, path) ?? null
    if (error !== null) throw error
  }

  /** Does something on the simulated thread pool. */
  async later<Result>(work: () => Result): Promise<Result> {
    const run = this.#options.later ?? ((each: () => void) => void Promise.resolve().then(each))
    return new Promise((resolve, reject) => {
      run(() => {
        if (this.#hasCrashed) return
        try {
          resolve(work())
        } catch (error) {
          reject(error as Error)
        }
      })
    })
  }

  open(path: string, mode: 'read' | 'write' | 'create'): DiskFile {
    this.check('open', path)
    const { parent, name } = this.#parentOf(path)
    let node = parent.entries.get(name)
    if (node === undefined && mode === 'create') {
      node = newFile(Buffer.alloc(0), this.nowMs())
      change(parent, [[name, node]])
    }
    if (node?.kind !== 'file') throw errorOf(node === undefined ? 'ENOENT' : 'EISDIR', 'open', path)
    return new SimFile(this, path, node)
  }

  /** Simulated paths begin at the root. */
  absolutePath(path: string): string {
    return path
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined
  }

  stat(path: string): FileStat {
    this.check('stat', path)
    const node = this.#get(path)
    if (node.kind === 'directory') return { size: 0, isDirectory: true, modifiedMs: 0 }
    return { size: node.content.length, isDirectory: false, modifiedMs: node.modifiedMs }
  }

  setModified(path: string, modifiedMs: number): void {
    this.check('touch', path)
    const node = this.#get(path)
    if (node.kind === 'file') node.modifiedMs = modifiedMs
  }

  space(path: string): DiskSpace {
    this.#get(path)
    const totalBytes = Math.min(this.capacityBytes, Number.MAX_SAFE_INTEGER)
    return { totalBytes, usableBytes: Math.max(0, totalBytes - this.usedBytes) }
  }

  openFileLimit(): null {
    return null
  }

  list(path: string): string[] {
    this.check('list', path)
    return [...this.#directory(path).entries.keys()]
  }

  makeDirectory(path: string): void {
    this.check('make', path)
    let at = this.#root
    for (const name of namesOf(path)) {
      let next = at.entries.get(name)
      if (next === undefined) change(at, [[name, (next = newDirectory())]])
      if (next.kind !== 'directory') throw errorOf('ENOTDIR', 'mkdir', path)
      at = next
    }
  }

  rename(from: string, to: string): void {
    this.check('rename', from)
    const node = this.#get(from)
    const source = this.#parentOf(from)
    const target = this.#parentOf(to)
    if (source.parent === target.parent) {
      change(source.parent, [
        [source.name, null],
        [target.name, node],
      ])
    } else {
      change(source.parent, [[source.name, null]])
      change(target.parent, [[target.name, node]])
    }
  }

  remove(path: string): void {
    this.check('remove', path)
    this.#get(path)
    const { parent, name } = this.#parentOf(path)
    change(parent, [[name, null]])
  }

  removeDirectory(path: string): void {
    this.remove(path)
  }

  readFile(path: string): Buffer {
    this.check('read', path)
    const node = this.#get(path)
    if (node.kind !== 'file') throw errorOf('EISDIR', 'read', path)
    this.bytesRead += node.content.length
    return Buffer.from(node.content)
  }

  /** The files of a directory, without copies of them. */
  *filesOf(path: string): Iterable<readonly [name: string, file: SeenFile]> {
    for (const [name, node] of this.#directory(path).entries) {
      if (node.kind === 'file') yield [name, node]
    }
  }

  replaceFile(path: string, content: string | Uint8Array): void {
    this.check('replace', path)
    const bytes = Buffer.from(content)
    this.makeRoom(bytes.length, path)
    const { parent, name } = this.#parentOf(path)
    change(parent, [[name, newFile(bytes, this.nowMs())]])
    settle(parent)
    this.syncCount++
  }

  replaceFileAsync(path: string, content: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(content)
    return this.later(() => this.replaceFile(path, bytes))
  }

  syncDirectory(path: string): void {
    this.check('sync', path)
    this.syncCount++
    settle(this.#directory(path))
  }

  syncDirectoryAsync(path: string): Promise<void> {
    return this.later(() => this.syncDirectory(path))
  }

  lock(path: string): DiskLock | null {
    if (this.#locks.has(path)) return null
    this.open(path, 'create')
    this.#locks.add(path)
    return { advisory: true, release: () => void this.#locks.delete(path) }
  }

  /** How many more bytes fit, at most `wanted`; throws where there is no room at all. */
  makeRoom(wanted: number, path: string): number {
    if (this.capacityBytes === Infinity) return wanted
    const room = Math.max(0, this.capacityBytes - this.usedBytes)
    if (room === 0 && wanted > 0) throw errorOf('ENOSPC', 'write', path)
    return Math.min(room, wanted)
  }

  #find(path: string): Node | undefined {
    return this.#walk(namesOf(path), 0)
  }

  /** @param left so many of the last names are not followed */
  #walk(names: readonly string[], left: number): Node | undefined {
    let node: Node | undefined = this.#root
    for (let at = 0; at < names.length - left; at++) {
      if (node?.kind !== 'directory') return undefined
      node = node.entries.get(names[at]!)
    }
    return node
  }

  #get(path: string): Node {
    return found(this.#find(path), path)
  }

  #directory(path: string): DirectoryNode {
    return asDirectory(this.#get(path), path)
  }

  #parentOf(path: string): { parent: DirectoryNode; name: string } {
    const names = namesOf(path)
    const parent = asDirectory(found(this.#walk(names, 1), path), path)
    return { parent, name: names.at(-1) ?? '' }
  }
}

class SimFile implements DiskFile {
  readonly path: string
  readonly #disk: SimDisk
  readonly #node: FileNode
  #isClosed = false

  constructor(disk: SimDisk, path: string, node: FileNode) {
    this.#disk = disk
    this.path = path
    this.#node = node
  }

  size(): number {
    return this.#node.content.length
  }

  readSync(target: Uint8Array, position: number): number {
    this.#check('read')
    if (position >= this.size()) return 0
    const count = this.#node.content.copy(target, 0, position, position + target.length)
    this.#disk.bytesRead += count
    return count
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.#disk.later(() => this.readSync(target, position))
  }

  writeSync(chunks: readonly Uint8Array[], position: number): void {
    this.#check('write')
    const bytes = Buffer.concat(chunks)
    const grownBytes = Math.max(0, position + bytes.length - this.size())
    const missing = grownBytes - this.#disk.makeRoom(grownBytes, this.path)
    const written = bytes.subarray(0, bytes.length - missing)
    if (position < this.size()) this.#node.rewrites++
    this.#resize(Math.max(this.size(), position + written.length))
    written.copy(this.#node.content, position)
    if (missing > 0) throw errorOf('ENOSPC', 'write', this.path)
  }

  write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    return this.#disk.later(() => this.writeSync(chunks, position))
  }

  truncate(length: number): void {
    this.#check('truncate')
    this.#resize(length)
  }

  #resize(length: number): void {
    const node = this.#node
    node.modifiedMs = this.#disk.nowMs()
    const { content } = node
    if (length < content.length) node.rewrites++
    if (length > node.store.length) {
      node.store = Buffer.alloc(Math.max(length, 2 * node.store.length))
      content.copy(node.store)
    }
    node.content = node.store.subarray(0, length)
    node.content.fill(0, content.length)
  }

  syncNow(): void {
    this.#check('sync')
    this.#disk.syncCount++
    this.#node.durable = Buffer.from(this.#node.content)
  }

  sync(): Promise<void> {
    return this.#disk.later(() => this.syncNow())
  }

  close(): void {
    this.#isClosed = true
  }

  #check(operation: DiskOperation): void {
    if (this.#isClosed) throw errorOf('EBADF', operation, this.path)
    this.#disk.check(operation, this.path)
  }
}

/** A file whose content is durable. */
function newFile(content: Buffer, modifiedMs: number): FileNode {
  const durable = Buffer.from(content)
  return { kind: 'file', content, store: content, durable, modifiedMs, rewrites: 0 }
}

function newDirectory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), durable: new Map(), pending: [] }
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

function found(node: Node | undefined, path: string): Node {
  if (node === undefined) throw errorOf('ENOENT', 'find', path)
  return node
}

function asDirectory(node: Node, path: string): DirectoryNode {
  if (node.kind !== 'directory') throw errorOf('ENOTDIR', 'list', path)
  return node
}

function errorOf(code: string, what: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${what} '${path}'`), { code, path })
}

/** Changes that become durable together or not at all. */
function change(
  directory: DirectoryNode,
  changes: (readonly [name: string, node: Node | null])[],
): void {
  apply(directory.entries, changes)
  directory.pending.push(changes)
}

function apply(
  entries: Map<string, Node>,
  changes: readonly (readonly [name: string, node: Node | null])[],
): void {
  for (const [name, node] of changes) {
    if (node === null) entries.delete(name)
    else entries.set(name, node)
  }
}

function settle(directory: DirectoryNode): void {
  for (const changes of directory.pending.splice(0)) apply(directory.durable, changes)
}

function usedBytes(node: Node): number {
  if (node.kind === 'file') return node.content.length
  let sum = 0
  for (const entry of node.entries.values()) sum += usedBytes(entry)
  return sum
}

/** As a program copies it that reads all files. */
function copyOf(node: Node): Node {
  if (node.kind === 'file') return newFile(Buffer.from(node.content), node.modifiedMs)
  const result = newDirectory()
  for (const [name, entry] of node.entries) {
    const copy = copyOf(entry)
    result.entries.set(name, copy)
    result.durable.set(name, copy)
  }
  return result
}

function afterCrash(node: Node, kind: CrashKind, random: Random, done: Map<Node, Node>): Node {
  const known = done.get(node)
  if (known !== undefined) return known
  if (node.kind === 'file') {
    const content = survivingBytes(node, kind, random)
    const file = newFile(content, node.modifiedMs)
    done.set(node, file)
    return file
  }
  const result = newDirectory()
  done.set(node, result)
  const entries = new Map(node.durable)
  for (const changes of survivingChanges(node, kind, random)) apply(entries, changes)
  for (const [name, entry] of entries) {
    const survivor = afterCrash(entry, kind, random, done)
    result.entries.set(name, survivor)
    result.durable.set(name, survivor)
  }
  return result
}

function survivingChanges(
  { pending }: DirectoryNode,
  kind: CrashKind,
  random: Random,
): DirectoryNode['pending'] {
  if (kind === 'reordered') return pending.filter(() => random.below(2) === 0)
  return kind === 'lost' ? [] : pending.slice(0, random.below(pending.length + 1))
}

function survivingBytes(file: FileNode, kind: CrashKind, random: Random): Buffer {
  const { content, durable } = file
  if (kind === 'lost' || content.equals(durable)) return Buffer.from(durable)
  const grownBytes = Math.max(0, content.length - durable.length)
  const length = Math.min(durable.length, content.length) + random.below(grownBytes + 1)
  const result = Buffer.alloc(length)
  content.copy(result)
  if (kind === 'torn') return result
  for (let at = 0; at < length; at += PAGE_BYTES) {
    if (random.below(2) === 0) continue
    const end = Math.min(at + PAGE_BYTES, length)
    result.fill(0, at, end)
    if (at < durable.length) durable.copy(result, at, at, end)
  }
  return result
}
