import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { NameError, subjectName } from '../../../src/security/tls/distinguished-name.ts'
import { TestAuthority } from '../../support/certificates.ts'

const der = (pem: string | Buffer): Buffer => new X509Certificate(pem).raw

describe('the name in a certificate', () => {
  test('is what Java makes of it, the most specific part first, with all that needs escaping', () => {
    const subject = der(readFileSync('test/fixtures/tls/subject.pem'))
    expect(subjectName(subject)).toBe(
      '2.5.4.5=#13023737,UID=u1+DC=dd,1.2.840.113549.1.9.1=#16056140622e63,CN=\\#ä x,OU=\\ lead \\#trail\\ ,O=A\\, B\\ ,C=DE',
    )
  })

  test('can’t say that it has a part which is another part’s text', () => {
    const { certificate } = new TestAuthority('ca').issue({
      subject: [
        ['O', 'Acme'],
        ['CN', 'mallory,CN=admin\nCN=admin'],
      ],
    })
    expect(subjectName(der(certificate))).toBe('CN=mallory\\,CN\\=admin\nCN\\=admin,O=Acme')
  })

  test('is none where bytes are missing or changed: an error, never another name', () => {
    const subject = der(readFileSync('test/fixtures/tls/subject.pem'))
    const name = subjectName(subject)
    for (let length = 0; length < 300; length++) {
      const cut = subject.subarray(0, length)
      expect(() => subjectName(cut)).toThrow(NameError)
    }
    for (let at = 0; at < 40; at++) {
      const changed = Buffer.from(subject)
      changed[at] = 0xff
      try {
        expect(subjectName(changed)).toBe(name)
      } catch (error) {
        if (!(error instanceof NameError)) throw error
      }
    }
  })

  test('is none where a length goes beyond what it is a part of', () => {
    const subject = Buffer.from(der(readFileSync('test/fixtures/tls/subject.pem')))
    // The serial number 77, a PrintableString at the end of its part; its issuer has the same name before.
    const at = subject.lastIndexOf(Buffer.from('13023737', 'hex'))
    subject[at + 1] = 3
    expect(() => subjectName(subject)).toThrow(NameError)
  })
})
