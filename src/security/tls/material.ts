import type { Disk, TlsMaterial } from '../../host/host.ts'
import { cipherNames, enabledVersions } from './cipher-suites.ts'
import { readJavaStore, type StoreContents } from './java-stores.ts'
import { pemContents } from './pem.ts'
import { refuse, type SecurityName, type SecurityView } from './settings.ts'

export type Identity = NonNullable<TlsMaterial['identity']>

/**
 * What one side of TLS shows and trusts by the settings `ssl.*`, with Kafka's rules for what goes together.
 * @param isServer without a key store a server can't be, and only a server asks for certificates
 * @throws ConfigError that says which setting is meant and what to do; never what a secret is
 */
export async function tlsMaterial(
  view: SecurityView,
  disk: Disk,
  clientAuth: TlsMaterial['clientAuth'] | null,
): Promise<TlsMaterial> {
  const engine = view.get('ssl.engine.factory.class')
  if (engine !== null) {
    const name = view.nameOf('ssl.engine.factory.class')
    refuse(`${name} asks for ${engine}, but Ottla has no such plug-ins. Remove the setting.`)
  }
  const identity = await keyStore(view, disk)
  if (identity === null && clientAuth !== null) {
    refuse(
      `TLS needs a key and its certificate: set ${view.nameOf('ssl.keystore.location')} with ssl.keystore.type=PEM, PKCS12 or JKS; or ssl.keystore.type=PEM with ssl.keystore.key and ssl.keystore.certificate.chain.`,
    )
  }
  return {
    identity,
    trusted: await trustStore(view, disk),
    clientAuth: clientAuth ?? 'none',
    versions: enabledVersions(view),
    ciphers: cipherNames(view),
  }
}

async function keyStore(view: SecurityView, disk: Disk): Promise<Identity | null> {
  const type = storeType(view, 'ssl.keystore.type')
  const location = view.get('ssl.keystore.location')
  const key = view.get('ssl.keystore.key')
  const chain = view.get('ssl.keystore.certificate.chain')
  if (key !== null || chain !== null) return inlineIdentity(view, type, location, key, chain)
  if (location === null) return null
  const named = view.nameOf('ssl.keystore.location')
  const content = readStore(view, disk, 'ssl.keystore.location', location)
  if (type === 'PEM') {
    refusePassword(view, 'ssl.keystore.password', 'for the key in it there is ssl.key.password')
    const { keys, certificates } = pemContents(content.toString())
    return identityOf(view, `${named} (${location})`, keys[0], certificates)
  }
  const { identity } = await javaStore(view, content, 'ssl.keystore', location)
  if (identity === null) {
    return refuse(`${named} (${location}) has no private key. ${MADE_BY}`)
  }
  return identityOf(view, `${named} (${location})`, identity.key, identity.certificates, null)
}

const MADE_BY =
  'A key store has a key with its certificate: make one with `keytool -genkeypair` or `openssl pkcs12 -export`.'

function inlineIdentity(
  view: SecurityView,
  type: string,
  location: string | null,
  key: string | null,
  chain: string | null,
): Identity {
  const [keyName, chainName] = [
    view.nameOf('ssl.keystore.key'),
    view.nameOf('ssl.keystore.certificate.chain'),
  ]
  if (type !== 'PEM') {
    const named = view.nameOf('ssl.keystore.type')
    refuse(`${keyName} and ${chainName} are PEM, but ${named} is ${type}. Set it to PEM.`)
  }
  if (location !== null) {
    const named = view.nameOf('ssl.keystore.location')
    refuse(`Both ${named} and ${keyName} are set. Remove one of them.`)
  }
  if (key === null) refuse(`${chainName} is set, but ${keyName} is not. Set it to the private key.`)
  if (chain === null) {
    refuse(`${keyName} is set, but ${chainName} is not. Set it to the certificate of that key.`)
  }
  refusePassword(view, 'ssl.keystore.password', 'for the key there is ssl.key.password')
  const { keys } = pemContents(key)
  return identityOf(view, `${keyName} with ${chainName}`, keys[0], pemContents(chain).certificates)
}

function identityOf(
  view: SecurityView,
  place: string,
  key: string | undefined,
  certificates: readonly string[],
  passphrase = view.get('ssl.key.password'),
): Identity {
  if (key === undefined) {
    refuse(
      `${place} has no private key in PEM: a block that begins with -----BEGIN PRIVATE KEY-----.`,
    )
  }
  if (certificates.length === 0) {
    refuse(
      `${place} has no certificate in PEM: a block that begins with -----BEGIN CERTIFICATE-----.`,
    )
  }
  if (key.includes('ENCRYPTED') && passphrase === null) {
    const named = view.nameOf('ssl.key.password')
    refuse(`The private key of ${place} is encrypted. Set ${named} to its password.`)
  }
  return { key, passphrase, certificates: certificates.join('') }
}

/** Null where well-known authorities are trusted. */
async function trustStore(view: SecurityView, disk: Disk): Promise<readonly string[] | null> {
  const type = storeType(view, 'ssl.truststore.type')
  const location = view.get('ssl.truststore.location')
  const inline = view.get('ssl.truststore.certificates')
  const inlineName = view.nameOf('ssl.truststore.certificates')
  const locationName = view.nameOf('ssl.truststore.location')
  if (inline !== null) {
    if (type !== 'PEM') {
      refuse(
        `${inlineName} is PEM, but ${view.nameOf('ssl.truststore.type')} is ${type}. Set it to PEM.`,
      )
    }
    if (location !== null) {
      refuse(`Both ${locationName} and ${inlineName} are set. Remove one of them.`)
    }
    refusePassword(view, 'ssl.truststore.password', 'certificates are no secret')
    return trustedOf(inlineName, pemContents(inline).certificates)
  }
  if (location === null) return null
  const place = `${locationName} (${location})`
  const content = readStore(view, disk, 'ssl.truststore.location', location)
  if (type === 'PEM') {
    refusePassword(view, 'ssl.truststore.password', 'certificates are no secret')
    return trustedOf(place, pemContents(content.toString()).certificates)
  }
  return trustedOf(place, (await javaStore(view, content, 'ssl.truststore', location)).trusted)
}

/** Who trusts nobody would refuse everybody: that is no wish, but the wrong file. */
function trustedOf(place: string, certificates: readonly string[]): readonly string[] {
  if (certificates.length === 0) {
    refuse(`${place} has no certificate. Name the file with those of the authorities to trust.`)
  }
  return certificates
}

async function javaStore(
  view: SecurityView,
  content: Buffer,
  kind: 'ssl.keystore' | 'ssl.truststore',
  location: string,
): Promise<StoreContents> {
  const place = `${view.nameOf(`${kind}.location`)} (${location})`
  const passwordName = view.nameOf(`${kind}.password`)
  const password = view.get(`${kind}.password`)
  if (password === null && kind === 'ssl.keystore') {
    refuse(`${place} is set, but ${passwordName} is not. Set it to the password of that file.`)
  }
  if (content.includes('-----BEGIN ')) {
    refuse(`${place} is PEM. Set ${view.nameOf(`${kind}.type`)}=PEM.`)
  }
  try {
    return await readJavaStore(content, password ?? '', view.get('ssl.key.password'))
  } catch (error) {
    const type = view.get(`${kind}.type`)
    return refuse(
      `${place} can't be read as ${type}: ${(error as Error).message} See whether the file and ${passwordName} are right (\`keytool -list -keystore ${location}\`); \`keytool -importkeystore -srckeystore ${location} -destkeystore ${location}.p12 -deststoretype PKCS12\` makes a PKCS12 store of it.`,
      error,
    )
  }
}

function storeType(view: SecurityView, name: 'ssl.keystore.type' | 'ssl.truststore.type'): string {
  const type = view.get(name).toUpperCase()
  if (!['PEM', 'JKS', 'PKCS12'].includes(type)) {
    refuse(`${view.nameOf(name)}=${view.get(name)} is not known here. Use PEM, PKCS12 or JKS.`)
  }
  return type
}

function refusePassword(
  view: SecurityView,
  name: 'ssl.keystore.password' | 'ssl.truststore.password',
  instead: string,
): void {
  if (view.get(name) === null) return
  refuse(`${view.nameOf(name)} is set, but PEM files have none: ${instead}. Remove the setting.`)
}

function readStore(view: SecurityView, disk: Disk, name: SecurityName, path: string): Buffer {
  try {
    return disk.readFile(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === 'ENOENT'
        ? `there is no file ${path}`
        : code === 'EACCES'
          ? `this user may not read ${path}`
          : message
    return refuse(
      `${view.nameOf(name)}: ${why}. Correct the path, or the file's permissions.`,
      error,
    )
  }
}
