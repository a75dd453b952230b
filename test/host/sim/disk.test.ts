import { SimDisk } from '../../../src/host/sim/disk.ts'
import { seeded } from '../../log/seeded.ts'

function diskWith(content: string, { synced }: { synced: boolean }): SimDisk {
  const disk = new SimDisk({ random: seeded(3) })
  disk.makeDirectory('/a/b')
  for (const path of ['/', '/a']) disk.syncDirectory(path)
  const file = disk.open('/a/b/f', 'create')
  file.writeSync([Buffer.from(content)], 0)
  if (synced) file.syncNow()
  return disk
}

test('a crash keeps the bytes of a synced file only if its name was synced too', () => {
  const unnamed = diskWith('bytes', { synced: true }).crash('lost')
  expect(unnamed.exists('/a/b/f')).toBe(false)
  const named = diskWith('bytes', { synced: true })
  named.syncDirectory('/a/b')
  expect(named.crash('lost').readFile('/a/b/f').toString()).toBe('bytes')
})

test('a crash loses what was written after the sync', () => {
  const disk = diskWith('bytes', { synced: true })
  disk.syncDirectory('/a/b')
  disk.open('/a/b/f', 'write').writeSync([Buffer.from(' and more')], 5)
  disk.remove('/a/b/f')
  expect(disk.crash('lost').readFile('/a/b/f').toString()).toBe('bytes')
})

test('a torn write leaves its beginning', () => {
  const disk = diskWith('x'.repeat(1000), { synced: false })
  disk.syncDirectory('/a/b')
  const found = disk.crash('torn').readFile('/a/b/f')
  expect(found.length).toBeLessThan(1000)
  expect(found.toString()).toBe('x'.repeat(found.length))
})

test('a replaced file is the old or the new one, whatever happens', () => {
  const disk = diskWith('', { synced: false })
  disk.replaceFile('/a/b/c', 'old')
  disk.replaceFile('/a/b/c', 'new')
  expect(disk.crash('lost').readFile('/a/b/c').toString()).toBe('new')
})

test('after a crash nothing that was under way settles, and every call fails', async () => {
  const disk = diskWith('bytes', { synced: true })
  const file = disk.open('/a/b/f', 'read')
  let settled = false
  const reading = file.read(Buffer.alloc(5), 0).finally(() => (settled = true))
  disk.crash('lost')
  await new Promise((resolve) => setImmediate(resolve))
  expect(settled).toBe(false)
  expect(() => file.readSync(Buffer.alloc(5), 0)).toThrow('crashed')
  void reading
})

test('a full disk takes what fits and says ENOSPC', () => {
  const disk = new SimDisk({ random: seeded(1), capacityBytes: 3 })
  const file = disk.open('/f', 'create')
  expect(() => file.writeSync([Buffer.from('bytes')], 0)).toThrow(
    expect.objectContaining({ code: 'ENOSPC' }),
  )
  expect(disk.readFile('/f').toString()).toBe('byt')
})

test('the same seed gives the same crash', () => {
  const content = 'y'.repeat(20_000)
  const found = [1, 2].map(() => {
    const disk = diskWith(content, { synced: false })
    disk.syncDirectory('/a/b')
    return disk.crash('scattered').readFile('/a/b/f')
  })
  expect(found[0]!.equals(found[1]!)).toBe(true)
})

test('a file has the time when it was last written to, by the clock that the disk was given', () => {
  let nowMs = 1000
  const disk = new SimDisk({ random: seeded(1), clock: { now: () => nowMs } })
  const times: number[] = []
  const then = (what: () => void): void => {
    nowMs += 1000
    what()
    times.push(disk.stat(disk.exists('/f') ? '/f' : '/g').modifiedMs)
  }
  const file = disk.open('/f', 'create')
  then(() => file.writeSync([Buffer.from('bytes')], 0))
  then(() => file.syncNow())
  then(() => file.truncate(2))
  then(() => disk.rename('/f', '/g'))
  then(() => disk.open('/g', 'read').readSync(Buffer.alloc(2), 0))
  then(() => disk.replaceFile('/g', 'other'))
  then(() => disk.setModified('/g', 77))
  expect(times).toEqual([2000, 2000, 4000, 4000, 4000, 7000, 77])
  expect(disk.crash('torn').stat('/g').modifiedMs).toBe(77)
})
