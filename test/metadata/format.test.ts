import { SimDisk } from '../../src/host/sim/disk.ts'
import { LogManager } from '../../src/log/manager.ts'
import { formatIfNeeded } from '../../src/metadata/format.ts'
import type { Identity } from '../../src/metadata/format.ts'
import { seeded, simulatedHost } from '../log/seeded.ts'
import { codecs } from '../log/support.ts'
import { CLUSTER_ID } from './support.ts'

const PATHS = ['/a', '/b']

/** What a start finds out of these directories, the first of which has the metadata. */
function identityOf(disk: SimDisk, options: { clusterId?: string } = {}): Identity {
  const host = simulatedHost(disk)
  const onDirectoryFailed = (): undefined => undefined
  const logs = LogManager.open({ host, codecs, directories: PATHS, onDirectoryFailed })
  try {
    return formatIfNeeded({
      host,
      codecs,
      directories: logs.directories,
      metadataDirectory: logs.directories[0]!,
      nodeId: 1,
      ...options,
    })
  } finally {
    logs.abandon()
  }
}

test('the first start makes the cluster in all directories, later ones find it there', () => {
  const disk = new SimDisk({ random: seeded(1) })
  const first = identityOf(disk, { clusterId: CLUSTER_ID })
  expect([first.clusterId, first.formatted, new Set(first.directoryIds).size]).toEqual([
    CLUSTER_ID,
    true,
    2,
  ])
  expect(first.directoryId).toBe(first.directoryIds[0])
  expect(identityOf(disk)).toEqual({ ...first, formatted: false })
  expect(identityOf(disk.crash('lost'))).toEqual({ ...first, formatted: false })
})

test('where the disk of the metadata is empty and another is not, no new cluster is begun', () => {
  const disk = new SimDisk({ random: seeded(1) })
  identityOf(disk, { clusterId: CLUSTER_ID })
  disk.removeDirectory('/a')
  disk.makeDirectory('/a')
  expect(() => identityOf(disk)).toThrow(`but /b belongs to the cluster ${CLUSTER_ID}`)
  expect(disk.exists('/a/meta.properties')).toBe(false)
})

test('an empty directory beside the metadata joins the cluster under a new id', () => {
  const disk = new SimDisk({ random: seeded(1) })
  const first = identityOf(disk)
  disk.removeDirectory('/b')
  disk.makeDirectory('/b')
  const second = identityOf(disk)
  expect([second.clusterId, second.formatted]).toEqual([first.clusterId, false])
  expect(second.directoryIds[0]).toBe(first.directoryIds[0])
  expect(second.directoryIds[1]).not.toBe(first.directoryIds[1])
})
