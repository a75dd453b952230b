import { createRequire } from 'node:module'
import crc32cPortable from 'crc-32/crc32c.js'

type Checksum = (bytes: Uint8Array, seed?: number) => number

const require = createRequire(import.meta.url)

/** CRC-32C by the processor's own instruction; null where the optional package has no build for this machine. */
export function nativeCrc32c(): Checksum | null {
  try {
    const { crc32c } = require('@node-rs/crc32') as { crc32c: Checksum }
    return crc32c
  } catch {
    return null
  }
}

/** CRC-32C in JavaScript, at about half the speed. */
export function portableCrc32c(): Checksum {
  return (bytes, seed = 0) => crc32cPortable.buf(bytes, seed) >>> 0
}

/** Below this a call into native code costs more than it saves. */
const LEAST_NATIVE_BYTES = 200

/** CRC-32C by whichever way is faster; the native one is loaded when it is first needed. */
export function fastCrc32c(): Checksum {
  const portable = portableCrc32c()
  let native: Checksum | undefined
  return (bytes, seed = 0) =>
    bytes.length < LEAST_NATIVE_BYTES
      ? portable(bytes, seed)
      : (native ??= nativeCrc32c() ?? portable)(bytes, seed)
}
