import type forge from 'node-forge'
import { certificatePem, pemContents, privateKeyPem } from './pem.ts'

/** What a store of Java has, as PEM. */
export interface StoreContents {
  /** The first key with its certificates, its own first. */
  readonly identity: { readonly key: string; readonly certificates: readonly string[] } | null
  readonly trusted: readonly string[]
}

/** What JKS begins with. */
const JKS_MAGIC = 0xfeedfeed

/**
 * Reads a store of Java's, JKS or PKCS12: which of them its content says, whatever the settings call it, as Java does.
 * Both libraries are loaded where there is such a store only.
 * @param keyPassword of the key, where it isn't the store's
 * @throws Error where it is neither, or the password is wrong
 */
export async function readJavaStore(
  content: Buffer,
  password: string,
  keyPassword: string | null,
): Promise<StoreContents> {
  const isJks = content.length >= 4 && content.readUInt32BE(0) === JKS_MAGIC
  return isJks ? readJks(content, password, keyPassword) : readPkcs12(content, password)
}

async function readJks(
  content: Buffer,
  password: string,
  keyPassword: string | null,
): Promise<StoreContents> {
  const jks = (await import('jks-js')).default
  const entries = Object.values(jks.toPem(content, password, keyPassword ?? password))
  const own = entries.find(({ key }) => key !== undefined)
  return {
    identity:
      own?.key === undefined
        ? null
        : { key: own.key, certificates: pemContents(own.cert ?? '').certificates },
    trusted: entries.flatMap(({ ca }) => (ca === undefined ? [] : pemContents(ca).certificates)),
  }
}

async function readPkcs12(content: Buffer, password: string): Promise<StoreContents> {
  const { asn1, pkcs12, pki } = (await import('node-forge')).default
  const der = (value: forge.asn1.Asn1): Buffer =>
    Buffer.from(asn1.toDer(value).getBytes(), 'latin1')
  const store = pkcs12.pkcs12FromAsn1(asn1.fromDer(content.toString('latin1')), password)
  const bags = store.safeContents.flatMap(({ safeBags }) => safeBags)
  const certificates = bags
    .filter(({ type }) => type === pki.oids['certBag'])
    .map(({ cert, asn1: other, attributes }) => ({
      // What isn't RSA the library leaves as it is.
      pem: certificatePem(der(cert ? pki.certificateToAsn1(cert) : other)),
      keyId: idOf(attributes),
    }))
  const key = bags.find(({ type }) => KEY_BAGS.some((name) => pki.oids[name] === type))
  if (key === undefined) {
    return { identity: null, trusted: certificates.map(({ pem }) => pem) }
  }
  const keyId = idOf(key.attributes)
  const isOwn = (certificate: { keyId: string | null }): boolean => certificate.keyId === keyId
  const chain = [...certificates.filter(isOwn), ...certificates.filter((one) => !isOwn(one))]
  const info = key.key ? pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(key.key)) : key.asn1
  return {
    identity: { key: privateKeyPem(der(info)), certificates: chain.map(({ pem }) => pem) },
    trusted: certificates.filter(({ keyId: id }) => id === null).map(({ pem }) => pem),
  }
}

const KEY_BAGS = ['pkcs8ShroudedKeyBag', 'keyBag']

/** What ties a key to its certificate. */
function idOf(attributes: unknown): string | null {
  return (attributes as { localKeyId?: string[] } | undefined)?.localKeyId?.[0] ?? null
}
