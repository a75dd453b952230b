import type { Random } from './host.ts'

const UUID_BYTES = 16

/** The 16 bytes of a random UUID: version 4, variant 1 (RFC 9562). */
export function randomUuid(random: Pick<Random, 'bytes'>): Buffer {
  const bytes = random.bytes(UUID_BYTES)
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes
}
