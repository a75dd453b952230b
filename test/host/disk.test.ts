import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { nodeHost } from '../../src/host/node.ts'

const bytes = (text: string): Buffer => Buffer.from(text)

describe('the files of a Node host', () => {
  const { disk } = nodeHost({ log: { level: 'silent' } })
  let directory = ''
  const at = (name: string): string => path.join(directory, name)

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ottla-disk-'))
  })
  afterEach(() => {
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
    disk.rename(at('a/b/c'), at('a/d'))
    disk.removeDirectory(at('a/b'))
    expect(disk.list(at('a'))).toEqual(['d'])
    disk.remove(at('a/d'))
    expect(disk.exists(at('a/d'))).toBe(false)
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
