import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileLocks } from '../../src/host/lock.ts'
import { nodeHost } from '../../src/host/node.ts'

const bytes = (text: string): Buffer => Buffer.from(text)

/** Has the system take or give only so many bytes in a call, as it may. */
function limitCalls(most: number): void {
  const { readSync, writeSync } = fs
  type Callback = (error: null, count: number) => void
  const read = (
    file: number,
    target: NodeJS.ArrayBufferView,
    at: number,
    length: number,
    position: number,
  ) => readSync(file, target, at, Math.min(length, most), position)
  const write = (file: number, [chunk]: readonly Buffer[], position: number) =>
    most === 0 ? 0 : writeSync(file, chunk!, 0, Math.min(chunk!.length, most), position)
  jest.spyOn(fs, 'readSync').mockImplementation(read as typeof fs.readSync)
  jest
    .spyOn(fs, 'read')
    .mockImplementation(
      ((file, target, at, length, position, callback: Callback) =>
        void callback(null, read(file, target, at, length, position as number))) as typeof fs.read,
    )
  jest
    .spyOn(fs, 'writeSync')
    .mockImplementation(((file: number, chunk: Buffer, _at: number, _length: number, to: number) =>
      write(file, [chunk], to)) as typeof fs.writeSync)
  jest.spyOn(fs, 'writevSync').mockImplementation(write as typeof fs.writevSync)
  jest
    .spyOn(fs, 'writev')
    .mockImplementation(
      ((file: number, chunks: Buffer[], to: number, callback: Callback) =>
        void callback(null, write(file, chunks, to))) as typeof fs.writev,
    )
}

describe('the files of a Node host', () => {
  const { disk } = nodeHost({ log: { level: 'silent' } })
  let directory = ''
  const at = (name: string): string => path.join(directory, name)

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ottla-disk-'))
  })
  afterEach(() => {
    jest.restoreAllMocks()
    fs.rmSync(directory, { recursive: true, force: true })
  })

  test('a file that is missing opens only in the mode that creates it', () => {
    expect(() => disk.open(at('log'), 'read')).toThrow(expect.objectContaining({ code: 'ENOENT' }))
    expect(() => disk.open(at('log'), 'write')).toThrow(expect.objectContaining({ code: 'ENOENT' }))
    const file = disk.open(at('log'), 'create')
    expect(file.size()).toBe(0)
    file.close()
  })

  test('chunks are written one after the other at a position and read back, short only at the end', async () => {
    const file = disk.open(at('log'), 'create')
    file.writeSync([bytes('ab'), bytes(''), bytes('cde')], 3)
    await file.write([bytes('fg'), bytes('h')], 8)
    await file.sync()
    const target = Buffer.alloc(20)
    expect(file.readSync(target, 3)).toBe(8)
    expect(target.toString('latin1', 0, 8)).toBe('abcdefgh')
    expect(await file.read(target, 10)).toBe(1)
    expect(await file.read(target, 11)).toBe(0)
    file.truncate(5)
    expect(file.size()).toBe(5)
    file.close()
  })

  test('more chunks than one system call takes are all written', async () => {
    const file = disk.open(at('log'), 'create')
    const chunks = Array.from({ length: 3000 }, (_, index) => bytes(String(index % 10)))
    const expected = Buffer.concat(chunks)
    file.writeSync(chunks, 0)
    await file.write(chunks, 3000)
    expect(disk.readFile(at('log'))).toEqual(Buffer.concat([expected, expected]))
    file.close()
  })

  test('a failed write carries the code of the operating system', async () => {
    const file = disk.open('/dev/full', 'write')
    expect(() => file.writeSync([bytes('x')], 0)).toThrow(
      expect.objectContaining({ code: 'ENOSPC' }),
    )
    await expect(file.write([bytes('x'), bytes('y')], 0)).rejects.toMatchObject({ code: 'ENOSPC' })
    file.close()
  })

  test('what is flushed in vain says so', async () => {
    const file = disk.open(at('log'), 'create')
    const failure = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
    jest.spyOn(fs, 'fdatasync').mockImplementation((_, callback) => callback(failure))
    jest.spyOn(fs, 'fdatasyncSync').mockImplementation(() => {
      throw failure
    })
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' })
    expect(() => file.syncNow()).toThrow(failure)
    file.close()
  })

  test('nothing to write is no call, and no failure', async () => {
    const file = disk.open(at('log'), 'create')
    file.writeSync([bytes('')], 0)
    await file.write([bytes(''), bytes('')], 0)
    file.writeSync([], 0)
    await file.write([], 0)
    expect(file.size()).toBe(0)
    expect(await file.read(Buffer.alloc(0), 0)).toBe(0)
    file.close()
  })

  test('a call that the system cuts short is gone on with', async () => {
    const file = disk.open(at('log'), 'create')
    limitCalls(2)
    file.writeSync([bytes('abcde'), bytes('f'), bytes('gh')], 0)
    file.writeSync([bytes('ijklm')], 8)
    await file.write([bytes('nopqr'), bytes('s'), bytes('t')], 13)
    const target = Buffer.alloc(30)
    expect(file.readSync(target, 0)).toBe(20)
    expect(target.toString('latin1', 0, 20)).toBe('abcdefghijklmnopqrst')
    target.fill(0)
    expect(await file.read(target, 0)).toBe(20)
    expect(target.toString('latin1', 0, 20)).toBe('abcdefghijklmnopqrst')
    file.close()
  })

  test('a device that takes no bytes is an error, and no endless loop', async () => {
    const file = disk.open(at('log'), 'create')
    limitCalls(0)
    const failure = { code: 'EIO', path: at('log') }
    expect(() => file.writeSync([bytes('a')], 0)).toThrow(expect.objectContaining(failure))
    await expect(file.write([bytes('a')], 0)).rejects.toMatchObject(failure)
    file.close()
  })

  test('a closed file refuses everything instead of touching another one', async () => {
    const file = disk.open(at('log'), 'create')
    file.close()
    file.close()
    expect(() => file.writeSync([bytes('x')], 0)).toThrow()
    await expect(file.write([bytes('x')], 0)).rejects.toThrow()
  })

  test('replacing a file leaves the new content and no temporary file', async () => {
    disk.replaceFile(at('checkpoint'), 'old')
    await disk.replaceFileAsync(at('checkpoint'), 'new')
    expect(disk.readFile(at('checkpoint')).toString()).toBe('new')
    expect(disk.list(directory)).toEqual(['checkpoint'])
  })

  test('replacements of one file take effect in the order of their calls', async () => {
    const first = disk.replaceFileAsync(at('checkpoint'), 'first')
    const second = disk.replaceFileAsync(at('checkpoint'), 'second')
    await Promise.all([first, second])
    expect(disk.readFile(at('checkpoint')).toString()).toBe('second')
    const third = disk.replaceFileAsync(at('checkpoint'), 'third')
    disk.replaceFile(at('checkpoint'), 'fourth')
    await third
    expect(disk.readFile(at('checkpoint')).toString()).toBe('fourth')
    expect(disk.list(directory)).toEqual(['checkpoint'])
  })

  test('a replacement that fails says so, and those behind it are made', async () => {
    disk.replaceFile(at('checkpoint'), 'old')
    const failure = Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' })
    jest.spyOn(fs, 'fsync').mockImplementationOnce((_, callback) => callback(failure))
    const first = disk.replaceFileAsync(at('checkpoint'), 'first')
    const second = disk.replaceFileAsync(at('checkpoint'), 'second')
    await expect(first).rejects.toMatchObject({ code: 'EIO' })
    expect(disk.readFile(at('checkpoint')).toString()).toBe('old')
    await second
    expect(disk.readFile(at('checkpoint')).toString()).toBe('second')
    expect(disk.list(directory)).toEqual(['checkpoint'])
  })

  test('a directory that can not be made is refused, where every new name is missing too', () => {
    // Node's own recursive form never comes back from here.
    if (process.platform === 'linux') {
      expect(() => disk.makeDirectory('/proc/none/of/these')).toThrow('ENOENT')
    }
    disk.replaceFile(at('file'), 'x')
    expect(() => disk.makeDirectory(at('file'))).toThrow('EEXIST')
    expect(() => disk.makeDirectory(at('file/in'))).toThrow('ENOTDIR')
  })

  test('directories are made with their parents and removed with their content', () => {
    disk.makeDirectory(at('a/b'))
    disk.makeDirectory(at('a/b'))
    disk.replaceFile(at('a/b/c'), 'x')
    expect(disk.stat(at('a/b'))).toMatchObject({ isDirectory: true })
    expect(disk.stat(at('a/b/c'))).toMatchObject({ isDirectory: false, size: 1 })
    disk.setModified(at('a/b/c'), 1_700_000_000_000)
    expect(disk.stat(at('a/b/c')).modifiedMs).toBe(1_700_000_000_000)
    disk.rename(at('a/b/c'), at('a/d'))
    disk.removeDirectory(at('a/b'))
    expect(disk.list(at('a'))).toEqual(['d'])
    disk.remove(at('a/d'))
    expect(disk.exists(at('a/d'))).toBe(false)
  })

  test('without the native package, locks of this disk exclude each other, however a path is written', () => {
    const lock = fileLocks(() => null)
    const first = lock(at('.lock'))
    expect(first).toMatchObject({ advisory: false })
    expect(lock(at('.lock'))).toBeNull()
    expect(lock(`${directory}/./.lock`)).toBeNull()
    first!.release()
    const second = lock(at('.lock'))
    expect(second).not.toBeNull()
    // Released twice, it takes nobody else's.
    first!.release()
    expect(lock(at('.lock'))).toBeNull()
    second!.release()
  })

  test('a lock excludes this host and others of the same process until it is released', () => {
    const other = nodeHost({ log: { level: 'silent' } }).disk
    const lock = disk.lock(at('.lock'))
    expect(lock).not.toBeNull()
    expect(disk.lock(at('.lock'))).toBeNull()
    if (lock!.advisory) expect(other.lock(at('.lock'))).toBeNull()
    lock!.release()
    lock!.release()
    const second = other.lock(at('.lock'))
    expect(second).not.toBeNull()
    second!.release()
  })
})
