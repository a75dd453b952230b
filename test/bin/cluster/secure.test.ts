import { X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { secureCluster } from '../../../bin/cluster/secure.ts'
import { CommandError } from '../../../bin/errors.ts'
import { parseProperties } from '../../../src/config/properties.ts'
import { TestAuthority } from '../../support/certificates.ts'
import { useTemporaryDirectories } from '../../support/temporary.ts'

const newDirectory = useTemporaryDirectories()
const DAY_MS = 86_400_000
const MADE_MS = Date.UTC(2026, 0, 1)
const FILES = [
  'ca.pem',
  'ca.key',
  'nodes.pem',
  'users.properties',
  'nodes.properties',
  'client.properties',
]

const read = (directory: string, name: string): string =>
  readFileSync(join(directory, 'security', name), 'utf8')
const contents = (directory: string): string[] => FILES.map((name) => read(directory, name))
const certificate = (directory: string, name: string): X509Certificate =>
  new X509Certificate(read(directory, name))
const later = (directory: string, days: number) =>
  secureCluster({ directory, isNew: false, nowMs: MADE_MS + days * DAY_MS })

async function made(): Promise<string> {
  const directory = newDirectory()
  await secureCluster({ directory, isNew: true, nowMs: MADE_MS })
  return directory
}

describe('the security of a cluster on this machine', () => {
  test('is found in a directory with backslashes and other signs, and when that was moved', async () => {
    const place = newDirectory()
    for (const name of ['new\\user', 'später\\u12']) {
      const directory = join(place, name)
      if (name === 'new\\user') mkdirSync(directory)
      else renameSync(join(place, 'new\\user'), directory)
      const isNew = name === 'new\\user'
      const { security } = await secureCluster({ directory, isNew, nowMs: MADE_MS })
      expect(security.settings).toMatchObject({
        'ssl.keystore.location': `${directory}/security/nodes.pem`,
      })
      const client = parseProperties(read(directory, 'client.properties'))
      expect(client.get('ssl.truststore.location')).toBe(`${directory}/security/ca.pem`)
    }
  })

  test('is made once, with an authority for ten years, and stays as it is', async () => {
    const directory = await made()
    const before = contents(directory)
    const authority = certificate(directory, 'ca.pem')
    expect(Date.parse(authority.validTo) - MADE_MS).toBe(3650 * DAY_MS)
    expect(certificate(directory, 'nodes.pem').verify(authority.publicKey)).toBe(true)
    await later(directory, 334)
    expect(contents(directory)).toEqual(before)
    await secureCluster({ directory, isNew: true, nowMs: MADE_MS })
    expect(contents(directory)).toEqual(before)
  })

  test.each(FILES)('is not made anew where %s is missing', async (name) => {
    const directory = await made()
    const path = join(directory, 'security', name)
    rmSync(path)
    const error: unknown = await later(directory, 0).catch(String)
    expect(error).toContain(`can't start without what is missing: ${path}`)
    await expect(later(directory, 0)).rejects.toBeInstanceOf(CommandError)
  })

  test('nor where all of it is', async () => {
    const directory = await made()
    rmSync(join(directory, 'security'), { recursive: true })
    await expect(later(directory, 0)).rejects.toMatchObject({
      code: 'DAMAGED',
      message: expect.stringContaining(`missing: ${directory}/security`) as string,
      remedy: expect.stringContaining('from a copy') as string,
    })
  })

  test('has its nodes’ certificate issued again when it ends in less than 30 days', async () => {
    const directory = await made()
    const before = contents(directory)
    await later(directory, 336)
    const [first, second] = [new X509Certificate(before[2]!), certificate(directory, 'nodes.pem')]
    expect(Date.parse(second.validTo) - MADE_MS).toBe((336 + 365) * DAY_MS)
    expect(second.verify(certificate(directory, 'ca.pem').publicKey)).toBe(true)
    expect([second.subject, second.issuer, second.subjectAltName]).toEqual([
      first.subject,
      first.issuer,
      first.subjectAltName,
    ])
    expect(second.serialNumber).not.toBe(first.serialNumber)
    expect(statSync(join(directory, 'security/nodes.pem')).mode & 0o777).toBe(0o600)
    expect(contents(directory).filter((_, index) => index !== 2)).toEqual(
      before.filter((_, index) => index !== 2),
    )
  })

  test('leaves a certificate alone that another authority has issued', async () => {
    const directory = await made()
    const other = new TestAuthority('other').issue({ subject: [['CN', 'own']], isExpired: true })
    const own = other.key + other.certificate
    writeFileSync(join(directory, 'security/nodes.pem'), own)
    await later(directory, 3650)
    expect(read(directory, 'nodes.pem')).toBe(own)
  })

  test('names the files by which no certificate can be issued', async () => {
    const directory = await made()
    const path = join(directory, 'security/ca.key')
    writeFileSync(path, new TestAuthority('other').issue({ subject: [['CN', 'x']] }).key)
    await expect(later(directory, 336)).rejects.toThrow(`${path} with ${directory}/security/ca.pem`)
    writeFileSync(join(directory, 'security/nodes.pem'), 'none')
    await expect(later(directory, 0)).rejects.toThrow(`${directory}/security/nodes.pem or`)
  })

  test('goes with its directory, but for locations that are elsewhere', async () => {
    const directory = await made()
    const moved = join(newDirectory(), 'moved')
    renameSync(directory, moved)
    const elsewhere = 'ssl.keystore.location=/elsewhere/own.pem\n'
    writeFileSync(join(moved, 'security/client.properties'), elsewhere, { flag: 'a' })
    const { security, clientProperties } = await later(moved, 0)
    expect(security.settings).toMatchObject({
      'ssl.keystore.location': `${moved}/security/nodes.pem`,
      'ssl.truststore.location': `${moved}/security/ca.pem`,
    })
    const client = readFileSync(clientProperties, 'utf8')
    expect(client).toContain(`\nssl.truststore.location=${moved}/security/ca.pem\n`)
    expect(client).toContain(elsewhere)
    expect(contents(moved).join('')).not.toContain(directory)
    expect(statSync(clientProperties).mode & 0o777).toBe(0o600)
  })

  test('tells no secret where a file of it is damaged', async () => {
    const directory = await made()
    writeFileSync(join(directory, 'security/users.properties'), 'admin=topsecret\\u12\n')
    const error: unknown = await later(directory, 0).catch(String)
    expect(error).toContain("users.properties can't be read: Malformed \\uxxxx encoding in line 1")
    expect(error).not.toContain('topsecret')
  })
})
