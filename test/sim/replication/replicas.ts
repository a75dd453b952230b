import type { SimDisk } from '../../../src/host/sim/disk.ts'
import { PARTITIONS, TOPIC } from '../clients.ts'

/** The partitions that are not on so many of these disks, or whose records are not the same there. */
export function differencesOf(disks: readonly SimDisk[], replicas: number): string[] {
  const names = Array.from({ length: PARTITIONS }, (_, index) => `${TOPIC}-${index}`)
  return names.filter((name) => {
    const directory = `/data/${name}`
    const having = disks.filter((disk) => disk.exists(directory))
    if (having.length !== replicas) return true
    const [first, ...others] = having.map((disk) => bytesOf(disk, directory))
    return others.some((other) => !other.equals(first!))
  })
}

/** All segments, one after the other. */
function bytesOf(disk: SimDisk, directory: string): Buffer {
  const segments = disk.list(directory).filter((name) => name.endsWith('.log'))
  return Buffer.concat(segments.sort().map((name) => disk.readFile(`${directory}/${name}`)))
}
