import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** The files of a partition's directory that Apache Kafka wrote (test/fixtures/log/KafkaLog.java), by name. */
export function packedFiles(fixture: string): Map<string, Buffer> {
  const path = join(process.cwd(), 'test/fixtures/log', `${fixture}.gz`)
  const bytes = gunzipSync(readFileSync(path))
  const files = new Map<string, Buffer>()
  let at = 0
  const next = (): Buffer => {
    const length = bytes.readInt32BE(at)
    at += 4 + length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const name = next().toString()
    files.set(name, next())
  }
  return files
}
