import type { Disk, DiskFile, Host } from '../../src/host/host.ts'

/** A Host whose fsync fails while `isBroken`. */
export function breakableHost(host: Host): { host: Host; break(): void } {
  let isBroken = false
  const failure = (): Error => Object.assign(new Error('I/O error'), { code: 'EIO' })
  const wrap = (file: DiskFile): DiskFile => ({
    path: file.path,
    size: () => file.size(),
    readSync: (target, position) => file.readSync(target, position),
    read: (target, position) => file.read(target, position),
    writeSync: (chunks, position) => file.writeSync(chunks, position),
    write: (chunks, position) => file.write(chunks, position),
    truncate: (length) => file.truncate(length),
    syncNow: () => {
      if (isBroken) throw failure()
      file.syncNow()
    },
    sync: () => (isBroken ? Promise.reject(failure()) : file.sync()),
    close: () => file.close(),
  })
  const disk: Disk = { ...host.disk, open: (path, mode) => wrap(host.disk.open(path, mode)) }
  return { host: { ...host, disk }, break: () => void (isBroken = true) }
}
