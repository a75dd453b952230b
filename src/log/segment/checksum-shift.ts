/** The polynomial of CRC-32C, lowest power first. */
const POLYNOMIAL = 0x82f63b78
const ONE = 0x80000000
/** x to the eighth: one byte. */
const BYTE = 0x00800000
const DIGITS = 4
const VALUES = 256

/** The product of two polynomials modulo that of CRC-32C. */
function multiply(one: number, other: number): number {
  let product = 0
  let factor = other
  for (let bits = one | 0; bits !== 0; bits <<= 1) {
    if (bits < 0) product ^= factor
    factor = (factor & 1) === 0 ? factor >>> 1 : (factor >>> 1) ^ POLYNOMIAL
  }
  return product >>> 0
}

/**
 * What a CRC-32C becomes when bytes follow: that of two runs of bytes in a row is `shift(first, length of the second) ^
 * second`. So the checksum of any part comes of those of two prefixes, without going over its bytes.
 */
export class ChecksumShift {
  /** Powers of x for each digit, to the base of 256, of a count of bytes. */
  readonly #powers = new Uint32Array(DIGITS * VALUES)

  constructor() {
    let step = BYTE
    for (let digit = 0; digit < DIGITS; digit++) {
      let power = ONE
      for (let value = 0; value < VALUES; value++) {
        this.#powers[digit * VALUES + value] = power
        power = multiply(power, step)
      }
      step = power
    }
  }

  /** @param byteCount below 2^32 */
  shift(checksum: number, byteCount: number): number {
    let shifted = checksum
    for (let digit = 0, left = byteCount; left > 0; digit++, left = Math.floor(left / VALUES)) {
      const value = left % VALUES
      if (value !== 0) shifted = multiply(shifted, this.#powers[digit * VALUES + value]!)
    }
    return shifted
  }
}
