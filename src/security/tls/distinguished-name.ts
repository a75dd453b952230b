/** A value of DER: its tag, where its content begins and ends, and the whole of it. */
interface DerValue {
  readonly tag: number
  readonly begin: number
  readonly end: number
  readonly start: number
}

/** A certificate's name can't be read: no principal can be made of it. */
export class NameError extends Error {
  override readonly name = 'NameError'
}

const SEQUENCE = 0x30
const SET = 0x31
const OBJECT_IDENTIFIER = 0x06
/** Version of a certificate, which need not be there. */
const EXPLICIT_0 = 0xa0
/** UTF8String, NumericString aside: PrintableString, T61String, IA5String, GeneralString, BMPString. */
const STRINGS = [0x0c, 0x13, 0x14, 0x16, 0x1b, 0x1e]

/** What RFC 2253 has short names for. */
const KEYWORDS: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
}

/**
 * The subject of a certificate as Java's X500Principal has it, which is what ACLs and rules are written for: RFC 2253, the
 * most specific part first (`CN=alice,OU=payments,O=Acme`). It is read from the certificate itself: a text that somebody else
 * has made of it could take a value's own commas and line ends for the name's.
 * @param certificate in DER
 * @throws NameError
 */
export function subjectName(certificate: Buffer): string {
  const [body] = children(certificate, valueAt(certificate, 0, certificate.length))
  if (body === undefined) throw new NameError('a certificate without content')
  const fields = children(certificate, body)
  // Version, serial number, signature, issuer, validity, subject.
  const subject = fields[fields[0]?.tag === EXPLICIT_0 ? 5 : 4]
  if (subject?.tag !== SEQUENCE) throw new NameError('a certificate without subject')
  return children(certificate, subject)
    .map((part) => relativeName(certificate, part))
    .reverse()
    .join(',')
}

function relativeName(bytes: Buffer, part: DerValue): string {
  if (part.tag !== SET) throw new NameError('a part of a name that is no set')
  return children(bytes, part)
    .map((pair) => {
      const [type, value] = children(bytes, pair)
      if (type?.tag !== OBJECT_IDENTIFIER || value === undefined) {
        throw new NameError('a part of a name without type or value')
      }
      const identifier = objectIdentifier(bytes.subarray(type.begin, type.end))
      const keyword = KEYWORDS[identifier]
      return keyword !== undefined && STRINGS.includes(value.tag)
        ? `${keyword}=${escaped(bytes.toString('utf8', value.begin, value.end))}`
        : `${keyword ?? identifier}=#${bytes.toString('hex', value.start, value.end)}`
    })
    .join('+')
}

function escaped(text: string): string {
  const inner = text.replace(/[,=+<>#;"\\]/g, '\\$&').replaceAll('\0', '\\00')
  return inner
    .replace(/^[ \r]+/, (blanks) => blanks.replace(/./gs, '\\$&'))
    .replace(/[ \r]+$/, (blanks) => (blanks === inner ? blanks : blanks.replace(/./gs, '\\$&')))
}

function objectIdentifier(bytes: Buffer): string {
  const arcs: number[] = []
  let arc = 0
  for (const byte of bytes) {
    arc = arc * 128 + (byte & 0x7f)
    if (arc > Number.MAX_SAFE_INTEGER / 256) throw new NameError('an endless type of a name')
    if (byte & 0x80) continue
    if (arcs.length === 0) {
      const first = Math.min(2, Math.floor(arc / 40))
      arcs.push(first, arc - 40 * first)
    } else arcs.push(arc)
    arc = 0
  }
  return arcs.join('.')
}

function children(bytes: Buffer, { begin, end }: DerValue): DerValue[] {
  const values: DerValue[] = []
  for (let at = begin; at < end; at = values.at(-1)!.end) values.push(valueAt(bytes, at, end))
  return values
}

function valueAt(bytes: Buffer, start: number, limit: number): DerValue {
  if (limit - start < 2) throw new NameError('a certificate that ends too early')
  const first = bytes[start + 1]!
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  const begin = start + 2 + lengthBytes
  if (first === 0x80 || lengthBytes > 4 || begin > limit)
    throw new NameError('a length that is none')
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(start + 2, lengthBytes)
  if (length > limit - begin) throw new NameError('a certificate that ends too early')
  return { tag: bytes[start]!, begin, end: begin + length, start }
}
