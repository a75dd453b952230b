import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'

export type DigestAlgorithm = 'sha256' | 'sha512'

export function digest(algorithm: DigestAlgorithm, bytes: Uint8Array): Buffer {
  return createHash(algorithm).update(bytes).digest()
}

export function hmac(algorithm: DigestAlgorithm, key: Uint8Array, bytes: Uint8Array): Buffer {
  return createHmac(algorithm, key).update(bytes).digest()
}

/** Whether both are the same, in a time that tells nothing of where they differ. */
export function sameSecret(one: Uint8Array, other: Uint8Array): boolean {
  // Of digests, which are of one length: that of a secret would show, else.
  return timingSafeEqual(digest('sha256', one), digest('sha256', other))
}

/** What a password comes to after so many rounds (RFC 8018), worked out on the thread pool. */
export function derivedKey(
  algorithm: DigestAlgorithm,
  password: string,
  salt: Uint8Array,
  iterations: number,
): Promise<Buffer> {
  const lengthBytes = algorithm === 'sha256' ? 32 : 64
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, lengthBytes, algorithm, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
