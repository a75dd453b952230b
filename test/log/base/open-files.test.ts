import type { DiskFile } from '../../../src/host/host.ts'
import { FileHandle, OpenFiles } from '../../../src/log/base/open-files.ts'
import { simulatedDisk } from '../seeded.ts'

/** Handles of so many files, and how many of them the disk has open. */
function filesOf(count: number, limit: number) {
  const disk = simulatedDisk()
  let open = 0
  let most = 0
  const counted = {
    ...disk,
    open: (path: string, mode: 'read' | 'write' | 'create'): DiskFile => {
      const file = disk.open(path, mode)
      most = Math.max(most, ++open)
      return {
        path,
        size: () => file.size(),
        readSync: (target, position) => file.readSync(target, position),
        read: (target, position) => file.read(target, position),
        writeSync: (chunks, position) => file.writeSync(chunks, position),
        write: (chunks, position) => file.write(chunks, position),
        truncate: (length) => file.truncate(length),
        syncNow: () => file.syncNow(),
        sync: () => file.sync(),
        close: () => {
          open--
          file.close()
        },
      }
    },
  }
  const files = new OpenFiles(counted as unknown as typeof disk, limit)
  const handles = Array.from({ length: count }, (_, each) => {
    const handle = new FileHandle(files, `/${each}`)
    handle.open('create')
    handle.close()
    return handle
  })
  most = 0
  return { files, handles, disk: counted, most: () => most, open: () => open }
}

test('the files used least recently are closed, and opened again when they are needed', () => {
  const { handles, open } = filesOf(10, 3)
  for (const handle of handles) handle.open().writeSync([Buffer.from('x')], 0)
  expect(open()).toBe(3)
  expect(handles[0]!.open().size()).toBe(1)
  expect(open()).toBe(3)
})

test('who comes while another has just taken the last place waits for that one', async () => {
  const { handles } = filesOf(3, 1)
  const using: string[] = []
  const ends: (() => void)[] = []
  const use = (index: number): Promise<void> =>
    handles[index]!.using(async () => {
      using.push(`${index}`)
      await new Promise<void>((resolve) => ends.push(resolve))
      using.push(`${index} ends`)
    })
  const first = use(0)
  const second = use(1)
  ends[0]!()
  await first
  const third = use(2)
  await new Promise((resolve) => setImmediate(resolve))
  expect(using).toEqual(['0', '0 ends', '1'])
  ends[1]!()
  await second
  await new Promise((resolve) => setImmediate(resolve))
  ends[2]!()
  await third
  expect(using).toEqual(['0', '0 ends', '1', '1 ends', '2', '2 ends'])
})

test('who reads from more files than may be open waits for those before', async () => {
  const { handles, most, files } = filesOf(50, 4)
  let running = 0
  const sizes = await Promise.all(
    handles.map((handle) =>
      handle.using(async (file) => {
        expect(++running).toBeLessThanOrEqual(4)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        return file.size()
      }),
    ),
  )
  expect(sizes).toHaveLength(50)
  expect(most()).toBeLessThanOrEqual(5)
  expect(files.isExhausted).toBe(false)
})

test('a place is free again after a use that fails', async () => {
  const { handles } = filesOf(3, 1)
  const failing = handles[0]!.using(() => Promise.reject(new Error('EIO')))
  const next = handles[1]!.using((file) => Promise.resolve(file.size()))
  await expect(failing).rejects.toThrow('EIO')
  expect(await next).toBe(0)
  expect(await handles[2]!.using((file) => Promise.resolve(file.size()))).toBe(0)
})

test('where the process has too many files open, some make room', () => {
  const { handles, disk, open } = filesOf(100, 1000)
  for (const handle of handles.slice(0, 90)) handle.open()
  const original = disk.open
  disk.open = (path, mode) => {
    if (open() >= 90) throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' })
    return original(path, mode)
  }
  expect(handles[95]!.open().size()).toBe(0)
  expect(open()).toBeLessThan(90)
  for (const handle of handles) handle.close()
  disk.open = () => {
    throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' })
  }
  expect(() => handles[0]!.open()).toThrow('EMFILE')
})
