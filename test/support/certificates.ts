import { generateKeyPairSync } from 'node:crypto'
import forge from 'node-forge'

/** A private key with its certificate, both as PEM. */
export interface Credential {
  readonly key: string
  readonly certificate: string
}

interface Issued {
  /** From the most general part to the most specific one: `[['O', 'Acme'], ['CN', 'alice']]`. */
  readonly subject: readonly (readonly [string, string])[]
  /** Names and IPv4 addresses that a server is reached by. */
  readonly hosts?: readonly string[]
  readonly isExpired?: boolean
}

const DAY_MS = 86_400_000

interface Keys {
  readonly publicKey: string
  readonly privateKey: string
}

const newKeys = (): Keys =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })

/** An authority that a test makes for itself. */
export class TestAuthority {
  readonly certificate: string
  readonly #own: Credential
  /** All that it vouches for have one key: making one takes longer than most tests. */
  readonly #issued = newKeys()
  readonly #name: forge.pki.CertificateField[]
  #serial = 1

  constructor(name: string) {
    this.#name = fieldsOf([['CN', name]])
    const extensions = [{ name: 'basicConstraints', cA: true, critical: true }]
    const keys = newKeys()
    this.#own = this.#sign(keys, this.#name, extensions, false, keys.privateKey)
    this.certificate = this.#own.certificate
  }

  issue({ subject, hosts = [], isExpired = false }: Issued): Credential {
    const altNames = hosts.map((host) =>
      /^\d+(\.\d+){3}$/.test(host) ? { type: 7, ip: host } : { type: 2, value: host },
    )
    const extensions = altNames.length === 0 ? [] : [{ name: 'subjectAltName', altNames }]
    return this.#sign(this.#issued, fieldsOf(subject), extensions, isExpired, this.#own.key)
  }

  #sign(
    { publicKey, privateKey: key }: Keys,
    subject: forge.pki.CertificateField[],
    extensions: object[],
    isExpired: boolean,
    issuerKey: string,
  ): Credential {
    const certificate = forge.pki.createCertificate()
    certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
    certificate.serialNumber = (this.#serial++).toString(16).padStart(4, '0')
    certificate.validity.notBefore = new Date(Date.now() - 10 * DAY_MS)
    certificate.validity.notAfter = new Date(Date.now() + (isExpired ? -1 : 10) * DAY_MS)
    certificate.setSubject(subject)
    certificate.setIssuer(this.#name)
    certificate.setExtensions(extensions)
    certificate.sign(forge.pki.privateKeyFromPem(issuerKey), forge.md.sha256.create())
    return { key, certificate: forge.pki.certificateToPem(certificate) }
  }
}

function fieldsOf(parts: readonly (readonly [string, string])[]): forge.pki.CertificateField[] {
  return parts.map(([shortName, value]) => ({ shortName, value }))
}
