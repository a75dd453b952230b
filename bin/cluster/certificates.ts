import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'

const DAY_MS = 86_400_000
/** Clients have copies of the authority's certificate: it outlives the cluster. */
const AUTHORITY_VALID_MS = 10 * 365 * DAY_MS
const NODE_VALID_MS = 365 * DAY_MS
/** A cluster may run for as long as this after its start, and its nodes' certificate is good. */
const RENEWED_BEFORE_MS = 30 * DAY_MS
const AUTHORITY = 'Ottla local cluster'
const SERIAL_BYTES = 15

/** A certificate and its private key, both as PEM. */
export interface Issued {
  readonly certificate: string
  readonly key: string
}

/** An authority that vouches for the nodes of one cluster. */
export async function newAuthority(nowMs: number): Promise<Issued> {
  const { pki } = await forge()
  const { publicKey, privateKey: key } = newKeys()
  const extensions = [{ name: 'basicConstraints', cA: true, critical: true }]
  const subject = nameOf(AUTHORITY)
  const validMs = AUTHORITY_VALID_MS
  const signed = { publicKey, subject, issuer: subject, extensions, nowMs, validMs }
  return { certificate: pki.certificateToPem(await sign(signed, key)), key }
}

/**
 * A certificate of whoever is reached by this machine's own names, with a key of its own.
 * @throws Error where the authority's files are damaged, or no pair
 */
export async function newCertificate(
  authority: Issued,
  name: string,
  nowMs: number,
): Promise<Issued> {
  if (!new X509Certificate(authority.certificate).checkPrivateKey(createPrivateKey(authority.key)))
    throw new Error('it is not the key of that certificate')
  const { pki } = await forge()
  const { publicKey, privateKey: key } = newKeys()
  const altNames = [
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
    { type: 7, ip: '::1' },
  ]
  const signed = {
    publicKey,
    subject: nameOf(name),
    issuer: pki.certificateFromPem(authority.certificate).subject.attributes,
    extensions: [{ name: 'subjectAltName', altNames }],
    nowMs,
    validMs: NODE_VALID_MS,
  }
  return { certificate: pki.certificateToPem(await sign(signed, authority.key)), key }
}

/**
 * Whether a certificate is to be issued again: it ends soon, or has ended, and this authority has issued it. One that somebody has
 * put in its place is theirs to renew.
 * @throws Error where one of them is no certificate
 */
export function isDue(certificate: string, authority: string, nowMs: number): boolean {
  const [issued, issuer] = [new X509Certificate(certificate), new X509Certificate(authority)]
  return Date.parse(issued.validTo) - nowMs < RENEWED_BEFORE_MS && issued.verify(issuer.publicKey)
}

const forge = async () => (await import('node-forge')).default
type Forge = Awaited<ReturnType<typeof forge>>
type Name = Parameters<ReturnType<Forge['pki']['createCertificate']>['setSubject']>[0]

const nameOf = (value: string): Name => [{ shortName: 'CN', value }]

const newKeys = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })

interface ToSign {
  readonly publicKey: string
  readonly subject: Name
  readonly issuer: Name
  readonly extensions: object[]
  readonly nowMs: number
  readonly validMs: number
}

async function sign(
  { publicKey, subject, issuer, extensions, nowMs, validMs }: ToSign,
  issuerKey: string,
) {
  const { md, pki } = await forge()
  const certificate = pki.createCertificate()
  certificate.publicKey = pki.publicKeyFromPem(publicKey)
  // No two of an authority have the same; the first byte keeps it positive.
  certificate.serialNumber = `01${randomBytes(SERIAL_BYTES).toString('hex')}`
  certificate.validity.notBefore = new Date(nowMs)
  certificate.validity.notAfter = new Date(nowMs + validMs)
  certificate.setSubject(subject)
  certificate.setIssuer(issuer)
  certificate.setExtensions(extensions)
  certificate.sign(pki.privateKeyFromPem(issuerKey), md.sha256.create())
  return certificate
}
