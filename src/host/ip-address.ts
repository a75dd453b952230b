/** An IP address in bytes, 4 or 16, as a broker names a client to the controller (KIP-590); null for what is none. */
export function addressBytes(text: string): Buffer | null {
  if (!text.includes(':')) return ipv4Bytes(text)
  // The zone of a link-local address means something on one machine only.
  const [groups = '', more, tooMany] = text.split('%')[0]!.split('::')
  if (tooMany !== undefined) return null
  const left = groupBytes(groups, more === undefined)
  if (more === undefined) return left?.length === 16 ? left : null
  const right = groupBytes(more, true)
  if (left === null || right === null) return null
  const zeros = 16 - left.length - right.length
  // `::` stands for one group at least.
  return zeros < 2 ? null : Buffer.concat([left, Buffer.alloc(zeros), right])
}

/** The reverse of `addressBytes`; null for any other number of bytes. An IPv4 address in 16 bytes is one of 4. */
export function addressText(bytes: Buffer): string | null {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return null
  const isMapped =
    bytes.readUInt16BE(10) === 0xffff && !bytes.some((byte, at) => at < 10 && byte !== 0)
  if (isMapped) return bytes.subarray(12).join('.')
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16))
  return withZerosLeftOut(groups)
}

/** [RFC 5952] The longest row of two or more zeros, the first of equal ones, is left out. */
function withZerosLeftOut(groups: readonly string[]): string {
  let begin = 0
  let length = 1
  for (let from = 0; from < groups.length; from++) {
    let end = from
    while (groups[end] === '0') end++
    if (end - from > length) [begin, length] = [from, end - from]
  }
  if (length === 1) return groups.join(':')
  return `${groups.slice(0, begin).join(':')}::${groups.slice(begin + length).join(':')}`
}

function ipv4Bytes(text: string): Buffer | null {
  const parts = text.split('.')
  const isOne = parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && +part <= 255)
  return isOne ? Buffer.from(parts.map(Number)) : null
}

/** @param isEnd the last two groups may be an IPv4 address */
function groupBytes(text: string, isEnd: boolean): Buffer | null {
  if (text === '') return Buffer.alloc(0)
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [at, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = parseInt(group, 16)
      bytes.push(value >> 8, value & 0xff)
    } else {
      const last = isEnd && at === groups.length - 1 ? ipv4Bytes(group) : null
      if (last === null) return null
      bytes.push(...last)
    }
  }
  return bytes.length > 16 ? null : Buffer.from(bytes)
}
