import fs from 'node:fs'
import type { DiskFile } from './host.ts'

const { O_RDONLY, O_RDWR, O_CREAT } = fs.constants
const FLAGS = { read: O_RDONLY, write: O_RDWR, create: O_RDWR | O_CREAT }

/** Opens a file of the operating system. */
export function openFile(path: string, mode: 'read' | 'write' | 'create'): DiskFile {
  return new SystemFile(path, fs.openSync(path, FLAGS[mode], 0o644))
}

class SystemFile implements DiskFile {
  readonly path: string
  #descriptor: number

  constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size
  }

  readSync(target: Uint8Array, position: number): number {
    let filled = 0
    while (filled < target.length) {
      const count = fs.readSync(
        this.#descriptor,
        target,
        filled,
        target.length - filled,
        position + filled,
      )
      if (count === 0) break
      filled += count
    }
    return filled
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      let filled = 0
      const next = (error: Error | null, count: number): void => {
        if (error !== null) return reject(error)
        filled += count
        if (count === 0 || filled === target.length) return resolve(filled)
        step()
      }
      const step = (): void =>
        fs.read(this.#descriptor, target, filled, target.length - filled, position + filled, next)
      if (target.length === 0) resolve(0)
      else step()
    })
  }

  writeSync(chunks: readonly Uint8Array[], position: number): void {
    let left = withoutEmpty(chunks)
    let at = position
    while (left.length > 0) {
      const count =
        left.length === 1
          ? fs.writeSync(this.#descriptor, left[0]!, 0, left[0]!.length, at)
          : fs.writevSync(this.#descriptor, left, at)
      if (count === 0) throw nothingWritten(this.path)
      at += count
      left = after(left, count)
    }
  }

  write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let left = withoutEmpty(chunks)
      let at = position
      const next = (error: Error | null, count: number): void => {
        if (error !== null) return reject(error)
        if (count === 0) return reject(nothingWritten(this.path))
        at += count
        left = after(left, count)
        step()
      }
      const step = (): void => {
        if (left.length === 0) return resolve()
        fs.writev(this.#descriptor, left, at, next)
      }
      step()
    })
  }

  truncate(length: number): void {
    fs.ftruncateSync(this.#descriptor, length)
  }

  syncNow(): void {
    fs.fdatasyncSync(this.#descriptor)
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#descriptor, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  /** A descriptor's number is used again by the system: a second close, or a call after it, must not reach another file. */
  close(): void {
    if (this.#descriptor === -1) return
    const descriptor = this.#descriptor
    this.#descriptor = -1
    fs.closeSync(descriptor)
  }
}

/** Writing nothing says 0, which otherwise means that the device takes no more. */
function withoutEmpty(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  for (const chunk of chunks) {
    if (chunk.length === 0) return chunks.filter((each) => each.length > 0)
  }
  return chunks
}

/** What remains of the chunks when `count` bytes have been written. */
function after(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let index = 0
  let rest = count
  while (index < chunks.length && rest >= chunks[index]!.length) rest -= chunks[index++]!.length
  if (index === chunks.length) return []
  const left = chunks.slice(index)
  if (rest > 0) left[0] = left[0]!.subarray(rest)
  return left
}

function nothingWritten(path: string): Error {
  return Object.assign(new Error(`EIO: the device took no bytes, write '${path}'`), {
    code: 'EIO',
    path,
  })
}
