import type { Disk, DiskFile } from '../../host/host.ts'
import { FileHandle, type OpenFiles } from './open-files.ts'

/** Whole small files beside the `.log`: indexes, snapshots, checkpoints. */
export function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT'
}

export function readIfThere(disk: Disk, path: string): Buffer | null {
  try {
    return disk.readFile(path)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

export function withFile<Result>(
  disk: Disk,
  path: string,
  mode: 'read' | 'create',
  use: (file: DiskFile) => Result,
): Result {
  const file = disk.open(path, mode)
  try {
    return use(file)
  } finally {
    file.close()
  }
}

/** Without any durability: for files that can be built anew. */
export function replaceContent(disk: Disk, path: string, content: Buffer): void {
  withFile(disk, path, 'create', (file) => {
    file.truncate(0)
    if (content.length > 0) file.writeSync([content], 0)
  })
}

export async function readIfThereAsync(files: OpenFiles, path: string): Promise<Buffer | null> {
  return whileOpen(files, path, async (file) => {
    const bytes = Buffer.allocUnsafeSlow(file.size())
    return bytes.subarray(0, await file.read(bytes, 0))
  })
}

/** Makes a file durable, if it is there. */
export async function syncIfThere(files: OpenFiles, path: string): Promise<void> {
  await whileOpen(files, path, (file) => file.sync())
}

async function whileOpen<Result>(
  files: OpenFiles,
  path: string,
  use: (file: DiskFile) => Promise<Result>,
): Promise<Result | null> {
  const handle = new FileHandle(files, path)
  try {
    return await handle.using(use)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  } finally {
    handle.close()
  }
}
