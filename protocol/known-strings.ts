/** Longer strings are not kept. */
const MAX_KEPT_BYTES = 64
const SLOTS = 1024

/** By its four words. */
interface KnownUuid {
  readonly one: number
  readonly two: number
  readonly three: number
  readonly four: number
  readonly text: string
}

/**
 * Strings that come again with nearly every request: a client's id, a topic's id or name. A string that is known is found
 * by its bytes: none is made, and as the same string it is found at once where it is a key. Each slot keeps the string
 * that came last, so that a client that names many only costs itself.
 */
export class KnownStrings {
  readonly #texts: (string | undefined)[] = new Array<undefined>(SLOTS).fill(undefined)
  readonly #uuids: (KnownUuid | undefined)[] = new Array<undefined>(SLOTS).fill(undefined)

  /** The string that these bytes are in UTF-8. */
  text(bytes: Buffer, at: number, length: number): string {
    if (length === 0 || length > MAX_KEPT_BYTES) return bytes.toString('utf8', at, at + length)
    const last = at + length - 1
    const mixed =
      length ^ (bytes[at]! << 3) ^ (bytes[at + (length >> 1)]! << 5) ^ (bytes[last]! << 7)
    const slot = ((mixed ^ (bytes[last - (length >> 2)]! << 2)) >>> 0) % SLOTS
    const known = this.#texts[slot]
    if (known !== undefined && isAscii(known, bytes, at, length)) return known
    return (this.#texts[slot] = bytes.toString('utf8', at, at + length))
  }

  /** 16 bytes as 22 characters of URL-safe base64. */
  uuid(bytes: Buffer, at: number): string {
    const one = bytes.readInt32BE(at)
    const two = bytes.readInt32BE(at + 4)
    const three = bytes.readInt32BE(at + 8)
    const four = bytes.readInt32BE(at + 12)
    const mixed = one ^ two ^ three ^ four
    const slot = ((mixed ^ (mixed >>> 16)) >>> 0) % SLOTS
    const known = this.#uuids[slot]
    if (known?.one === one && known.two === two && known.three === three && known.four === four) {
      return known.text
    }
    const text = bytes.toString('base64url', at, at + 16)
    this.#uuids[slot] = { one, two, three, four, text }
    return text
  }
}

/** Whether a string is these bytes, character by character; one with others than ASCII never is. */
function isAscii(text: string, bytes: Buffer, at: number, length: number): boolean {
  if (text.length !== length) return false
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7f || code !== bytes[at + index]) return false
  }
  return true
}
