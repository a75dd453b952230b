import type { TlsVersion } from '../../host/host.ts'
import { refuse, type SecurityView } from './settings.ts'

const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3']

/** [ssl.enabled.protocols] TLS 1.0 and 1.1 are none that OpenSSL would still speak. */
export function enabledVersions(view: SecurityView): TlsVersion[] {
  const setting = 'ssl.enabled.protocols'
  const wanted = view.get(setting)
  const known = VERSIONS.filter((version) => wanted.includes(version))
  const other = wanted.find((version) => !VERSIONS.includes(version as TlsVersion))
  if (other !== undefined || known.length === 0) {
    refuse(
      `${view.nameOf(setting)}=${wanted.join(',')} asks for ${other ?? 'no version at all'}, but what is spoken here is ${VERSIONS.join(' and ')}. Name one of them, or both.`,
    )
  }
  return known
}

/**
 * [ssl.cipher.suites] By OpenSSL's names; Kafka's files have those of the standard, as Java calls them
 * (`TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256`). Whether a suite is known OpenSSL says.
 */
export function cipherNames(view: SecurityView): string[] {
  return view.get('ssl.cipher.suites').map(openSslName)
}

export function openSslName(suite: string): string {
  const [, exchange, cipher] = /^(?:TLS|SSL)_(.+)_WITH_(.+)$/.exec(suite) ?? []
  // Those of TLS 1.3 have no key exchange in their names, and OpenSSL calls them the same.
  if (exchange === undefined || cipher === undefined) return suite
  const name = cipher
    .replace(/^AES_(\d+)_/, 'AES$1-')
    .replace(/^AES(\d+)-CBC_/, 'AES$1-')
    .replace(/^CHACHA20_POLY1305_SHA256$/, 'CHACHA20-POLY1305')
    .replaceAll('_', '-')
  return exchange === 'RSA' ? name : `${exchange.replaceAll('_', '-')}-${name}`
}
