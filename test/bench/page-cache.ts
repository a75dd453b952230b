import { open, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

const chunkBytes = 8 << 20

/**
 * Fills so much of the page cache and empties it again. Where a hypervisor gives a machine its memory only when that is
 * first touched, the broker whose logs come to lie in new memory would pay for it, several times as much as for
 * everything else it does; afterwards the kernel has pages to hand out that were touched before. It may give them back to
 * the host within seconds, so what writes much has this done right before.
 * @param bytes at most half of the free memory is taken
 */
export const touchPageCache = async (directory: string, bytes: number): Promise<void> => {
  const name = path.join(directory, 'touched')
  const chunk = Buffer.alloc(chunkBytes, 1)
  const file = await open(name, 'w')
  try {
    const end = Math.min(bytes, os.freemem() / 2)
    for (let written = 0; written < end; written += chunkBytes) await file.write(chunk)
  } finally {
    await file.close()
    await rm(name)
  }
}
