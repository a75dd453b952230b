import type { Disk } from '../../host/host.ts'
import { withFile } from '../base/files.ts'

/** The file of an index that grows at its end: what it holds already isn't written again. */
export class IndexFile {
  /** So many bytes of the file are known to be the index's first ones. */
  #savedBytes = 0

  /** The index was just read from the file. */
  holds(lengthBytes: number): void {
    this.#savedBytes = lengthBytes
  }

  /** The index is another one than the file's. */
  forget(): void {
    this.#savedBytes = 0
  }

  /** Makes the file's content that of the index; durable is for the caller to make it. */
  save(disk: Disk, path: string, content: Buffer): void {
    withFile(disk, path, 'create', (file) => {
      const added = content.subarray(this.#savedBytes)
      if (added.length > 0) file.writeSync([added], this.#savedBytes)
      if (file.size() !== content.length) file.truncate(content.length)
    })
    this.#savedBytes = content.length
  }
}
