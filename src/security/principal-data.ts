import { decode, encode } from '../../protocol/codec.ts'
import { DefaultPrincipalData } from '../../protocol/state/principal.ts'
import { DecodeError } from '../../protocol/wire/reader.ts'
import type { Principal } from './authentication.ts'

const VERSION = 0
const VERSION_BYTES = 2

/** A principal as Kafka's default serde writes it into an Envelope (KIP-590): an int16 version, and DefaultPrincipalData. */
export function encodePrincipal({ type, name, tokenAuthenticated = false }: Principal): Buffer {
  const version = Buffer.alloc(VERSION_BYTES)
  version.writeInt16BE(VERSION)
  const data = encode(DefaultPrincipalData, VERSION, { type, name, tokenAuthenticated })
  return Buffer.concat([version, data])
}

/** @returns null for bytes that are no principal */
export function decodePrincipal(bytes: Buffer): Principal | null {
  if (bytes.length < VERSION_BYTES || bytes.readInt16BE(0) !== VERSION) return null
  try {
    const data = decode(DefaultPrincipalData, VERSION, bytes.subarray(VERSION_BYTES))
    const { type, name, tokenAuthenticated } = data
    return tokenAuthenticated ? { type, name, tokenAuthenticated } : { type, name }
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
}
