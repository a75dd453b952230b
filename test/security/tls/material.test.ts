import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { BrokerConfig } from '../../../src/config/broker-config.ts'
import { nodeHost } from '../../../src/host/node.ts'
import { ListenerTls } from '../../../src/security/tls/listener-tls.ts'
import { tlsMaterial } from '../../../src/security/tls/material.ts'
import { listenerView } from '../../../src/security/tls/settings.ts'
import { TestAuthority } from '../../support/certificates.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'

const STORES = 'test/fixtures/tls'
const host = nodeHost({ log: { level: 'silent' } })
const makeDirectory = useTemporaryDirectories()
const authority = new TestAuthority('ca')
const broker = authority.issue({ subject: [['CN', 'broker']], hosts: ['localhost'] })
const oneLine = (pem: string): string => pem.replaceAll('\n', ' ')

type Settings = Readonly<Record<string, string>>

function configOf(settings: Settings): BrokerConfig {
  const listeners = 'PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0'
  return new BrokerConfig({ settings: { listeners, ...settings } })
}

const materialOf = (settings: Settings, auth: 'none' | null = 'none') =>
  tlsMaterial(listenerView(configOf(settings), 'SSL'), host.disk, auth)

function file(name: string, content: string): string {
  const path = join(makeDirectory(), name)
  writeFileSync(path, content)
  return path
}

const isPair = ({ key, certificates }: { key: string; certificates: string }): boolean =>
  new X509Certificate(certificates).checkPrivateKey(createPrivateKey(key))

describe('a key store', () => {
  test.each(['keystore.p12', 'keystore.jks', 'keystore-ec.p12', 'keystore-ec.jks'])(
    'of Java is read: %s, whichever of both the type says',
    async (name) => {
      for (const type of ['JKS', 'PKCS12', 'jks']) {
        const { identity } = await materialOf({
          'ssl.keystore.type': type,
          'ssl.keystore.location': join(STORES, name),
          'ssl.keystore.password': 'changeit',
        })
        expect(isPair(identity!)).toBe(true)
      }
    },
  )

  test('is a PEM file with key and certificates, or two settings of one line each', async () => {
    const location = file('broker.pem', broker.key + broker.certificate)
    const one = await materialOf({ 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': location })
    const other = await materialOf({
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.key': oneLine(broker.key),
      'ssl.keystore.certificate.chain': oneLine(broker.certificate + authority.certificate),
    })
    expect(isPair(one.identity!)).toBe(true)
    expect(isPair(other.identity!)).toBe(true)
    expect(other.identity!.certificates.split('BEGIN')).toHaveLength(3)
  })

  test('is that of the listener where it has one of its own', async () => {
    const { identity } = await materialOf({
      'ssl.keystore.location': '/nowhere',
      'listener.name.ssl.ssl.keystore.type': 'PEM',
      'listener.name.ssl.ssl.keystore.location': file('b.pem', broker.key + broker.certificate),
    })
    expect(isPair(identity!)).toBe(true)
  })
})

describe('a trust store', () => {
  const pem = readFileSync(join(STORES, 'certificate.pem'), 'utf8')
  const fingerprints = (trusted: readonly string[] | null) =>
    trusted?.map((one) => new X509Certificate(one).fingerprint256)
  const expected = [new X509Certificate(pem).fingerprint256]

  test.each(['truststore.p12', 'truststore.jks'])('of Java is read: %s', async (name) => {
    const settings = {
      'ssl.truststore.location': join(STORES, name),
      'ssl.truststore.password': 'changeit',
    }
    expect(fingerprints((await materialOf(settings, null)).trusted)).toEqual(expected)
  })

  test('is a PEM file or a setting', async () => {
    const type = { 'ssl.truststore.type': 'PEM' }
    const location = { 'ssl.truststore.location': join(STORES, 'certificate.pem') }
    const inline = { 'ssl.truststore.certificates': oneLine(pem) }
    for (const settings of [location, inline]) {
      const { trusted } = await materialOf({ ...type, ...settings }, null)
      expect(fingerprints(trusted)).toEqual(expected)
    }
  })
})

describe('a start is refused with what is wrong, where, and what to do', () => {
  const encrypted = createPrivateKey(broker.key).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'open sesame',
  }) as string
  const PEM = { 'ssl.keystore.type': 'PEM' }
  const inline = (key: string, chain = broker.certificate): Settings => ({
    ...PEM,
    'ssl.keystore.key': key,
    'ssl.keystore.certificate.chain': chain,
  })
  const good = inline(broker.key)
  const jks = join(STORES, 'keystore.jks')
  const cases: readonly (readonly [string, Settings, string])[] = [
    ['no key store', {}, 'set ssl.keystore.location'],
    ['no file', { ...PEM, 'ssl.keystore.location': '/no/such' }, 'there is no file /no/such'],
    [
      'another listener’s name for it',
      { ...PEM, 'listener.name.ssl.ssl.keystore.location': '/no/such' },
      'listener.name.ssl.ssl.keystore.location: there is no file',
    ],
    [
      'a file of PEM taken for JKS',
      {
        'ssl.keystore.location': join(STORES, 'certificate.pem'),
        'ssl.keystore.password': 'changeit',
      },
      'is PEM. Set ssl.keystore.type=PEM',
    ],
    ['no password', { 'ssl.keystore.location': jks }, 'Set it to the password'],
    [
      'a wrong password',
      { 'ssl.keystore.location': jks, 'ssl.keystore.password': 'not the one' },
      'See whether the file and ssl.keystore.password are right',
    ],
    [
      'a file that is no store',
      { 'ssl.keystore.location': 'package.json', 'ssl.keystore.password': 'changeit' },
      'keytool -importkeystore',
    ],
    [
      'a trust store in place of a key store',
      {
        'ssl.keystore.location': join(STORES, 'truststore.p12'),
        'ssl.keystore.password': 'changeit',
      },
      'has no private key',
    ],
    ['a password for PEM', { ...good, 'ssl.keystore.password': 'x' }, 'ssl.key.password'],
    [
      'a key without certificate',
      { ...PEM, 'ssl.keystore.key': broker.key },
      'certificate.chain is not',
    ],
    [
      'a certificate without key',
      { ...PEM, 'ssl.keystore.certificate.chain': broker.certificate },
      'ssl.keystore.key is not',
    ],
    ['what is no key', inline('secret words'), 'no private key in PEM'],
    ['what is no certificate', inline(broker.key, 'words'), 'no certificate in PEM'],
    ['an encrypted key', inline(encrypted), 'Set ssl.key.password'],
    [
      'its wrong password',
      { ...inline(encrypted), 'ssl.key.password': 'wrong' },
      'its password (ssl.key.password) right',
    ],
    [
      'another key’s certificate',
      inline(broker.key, authority.certificate),
      'the key is that of the certificate',
    ],
    ['inline keys of another type', { ...good, 'ssl.keystore.type': 'JKS' }, 'Set it to PEM'],
    [
      'a type that nobody knows',
      { ...good, 'ssl.keystore.type': 'BCFKS' },
      'Use PEM, PKCS12 or JKS',
    ],
    [
      'an empty trust store',
      { ...good, 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': 'package.json' },
      'has no certificate',
    ],
    ['TLS 1.1', { ...good, 'ssl.enabled.protocols': 'TLSv1.1,TLSv1.2' }, 'TLSv1.2 and TLSv1.3'],
    [
      'a cipher suite that is none',
      { ...good, 'ssl.cipher.suites': 'TLS_WITH_LOVE' },
      'ssl.cipher.suites',
    ],
    ['a plug-in', { ...good, 'ssl.engine.factory.class': 'a.B' }, 'Remove the setting'],
    [
      'rules that are none',
      { ...good, 'ssl.principal.mapping.rules': 'RULE:x' },
      'RULE:pattern/replacement/',
    ],
  ]

  test.each(cases)('%s', async (_, settings, expected) => {
    const config = configOf(settings)
    const endpoint = config.listeners.broker[1]!
    const error = await ListenerTls.open(host, config, endpoint).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
    const { message } = error as Error
    expect(message).toContain(expected)
    // Nothing of a secret is told: neither of keys nor of passwords.
    for (const secret of ['secret words', 'not the one', 'open sesame', 'PRIVATE KEY-----\nM']) {
      expect(message).not.toContain(secret)
    }
  })
})
